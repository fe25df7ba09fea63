"""Rules of the stabilize family."""
