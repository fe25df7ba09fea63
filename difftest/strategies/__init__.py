"""Hypothesis strategies for programs. Importing this package registers every step."""

from difftest.strategies import (
    advanced,
    arithmetic,
    choosing,
    convolving,
    creating,
    derivatives,
    elementwise,
    indexing,
    linear,
    loops,
    matrices,
    networks,
    own,
    pooling,
    reducing,
    shaping,
    sorting,
    streams,
)
from difftest.strategies.drawing import Tape
from difftest.strategies.programs import PROFILES, Profile, drawn, programs
from difftest.strategies.registry import STEPS, families, step

__all__ = [
    "PROFILES", "STEPS", "Profile", "Tape", "advanced", "arithmetic", "choosing", "convolving", "creating",
    "derivatives", "drawn", "elementwise", "families", "indexing", "linear", "loops", "matrices",
    "networks", "own", "pooling",
    "programs",
    "reducing", "shaping", "sorting", "step", "streams",
]  # fmt: skip
