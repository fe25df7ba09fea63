"""Rules of the algebra family."""
