"""Rules of the shape family."""
