"""Hypothesis strategies for programs. Importing this package registers every step."""

from difftest.strategies import elementwise, indexing, linear, reducing, shaping
from difftest.strategies.programs import PROFILES, Profile, programs
from difftest.strategies.registry import STEPS, families, step

__all__ = ["PROFILES", "STEPS", "Profile", "elementwise", "families", "indexing", "linear", "programs", "reducing",
           "shaping", "step"]  # fmt: skip
