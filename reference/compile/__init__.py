"""From graphs to functions: `function`, shared variables, modes."""

from reference.compile import builders, debugmode, io, modes, nanguard, ops, profiling, rebuild, shared

__all__ = ["builders", "debugmode", "io", "modes", "nanguard", "ops", "profiling", "rebuild", "shared"]
