"""Mutants that change nothing anybody could see, each with the argument."""

EQUIVALENT: dict[str, str] = {}
