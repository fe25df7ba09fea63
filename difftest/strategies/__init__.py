"""Hypothesis strategies for programs. Importing this package registers every step."""

from difftest.strategies import derivatives, elementwise, indexing, linear, loops, reducing, shaping, streams
from difftest.strategies.drawing import Tape
from difftest.strategies.programs import PROFILES, Profile, drawn, programs
from difftest.strategies.registry import STEPS, families, step

__all__ = [
    "PROFILES", "STEPS", "Profile", "Tape", "derivatives", "drawn", "elementwise", "families", "indexing", "linear",
    "loops", "programs", "reducing", "shaping", "step", "streams",
]  # fmt: skip
