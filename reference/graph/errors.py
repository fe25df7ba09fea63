"""The exceptions users catch, in one place.

Owns the names and the texts' common parts; knows nothing of graphs. Every class keeps a standard
base (``TypeError``, ``ValueError``, ...), so that programs that catch the standard one keep working.
"""

from __future__ import annotations


class MissingInputError(Exception):
    """A variable is needed to compute an output but nobody supplies it."""


class UnusedInputError(Exception):
    """A declared input of a function plays no part in its outputs or updates."""


class DisconnectedInputError(ValueError):
    """A gradient was asked for with respect to a variable that the cost does not depend on."""


class NullTypeGradError(TypeError, ValueError):
    """The gradient of an operation is not defined and the cost depends on it."""


class GradientError(AssertionError):
    """`verify_grad` found a gradient that is not the numeric one."""


class ShapeError(ValueError):
    """Run-time shapes do not fit each other."""


class BadOptimization(Exception):
    """A rewrite broke its promise (DebugMode)."""


class RewriteError(Exception):
    """A rewrite raised while it was applied; the text names it and says how to skip it."""


class NotLowered(NotImplementedError):
    """A backend has no implementation of an operation. Raised while compiling, never later."""


class BackendError(RuntimeError):
    """A backend cannot be loaded, or its device failed. Shared variables are as they were."""
