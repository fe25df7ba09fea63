"""Rules of the subtensor family."""
