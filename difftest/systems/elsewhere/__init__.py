"""What runs in the other systems' own interpreters. It stands alone: see `worker`."""
