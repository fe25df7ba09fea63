"""Other people's systems: the same programs on Theano, PyTensor and JAX, each in an interpreter of its own.

They are extras, off by default: `cells_of(["theano=/path/to/python"])` turns them on, as does the environment variable
``DIFFTEST_SYSTEMS`` with the same words. What is found in them is told under kinds of its own; docs/systems.md.
"""

from difftest.systems.process import System
from difftest.systems.registry import cells_of, systems_of
from difftest.systems.session import Finding, Session

__all__ = ["Finding", "Session", "System", "cells_of", "systems_of"]
