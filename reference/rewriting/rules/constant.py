"""Rules of the constant family."""
