"""Rules of the merge family."""
