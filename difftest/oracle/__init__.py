"""What decides whether two executions agree: text, bits, running error bounds, contracts."""
