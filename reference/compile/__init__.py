"""From graphs to functions: `function`, shared variables, modes."""

from reference.compile import debugmode, io, modes, nanguard, ops, shared

__all__ = ["debugmode", "io", "modes", "nanguard", "ops", "shared"]
