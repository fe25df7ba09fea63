"""Who raised: from the frames of an exception to a culprit.

Owns the mapping from places in the code to words. It must not know what was wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from difftest.oracle.names import op_name

_REWRITE = re.compile(r"the rewrite (\S+) \((\S+)\) failed")

_ROW_OUTSIDE = re.compile(r"the variable \S+\[t([+-]\d+)?\] .* is needed but")
"""What a loop reads in one step has no value outside of it."""

PLACES = (
    ("/reference/rewriting/", "rewrite"),
    ("/reference/printing/", "printing"),
    ("/reference/compile/", "function"),
    ("/reference/scan/", "scan"),
    ("/reference/tensor/random", "random"),
    ("/reference/tensor/shared_randomstreams", "random"),
    ("/reference/tensor/philox", "random"),
    ("/reference/interpreter", "interpreter"),
    ("/opencl_backend/fuse", "fusion"),
    ("/opencl_backend/plan", "plan"),
    ("/opencl_backend/replay", "replay"),
    ("/opencl_backend/machine", "machine"),
)
"""Part of a file's path -> the word for what stands there."""

GRADIENTS = ("L_op", "R_op", "grad", "pullback", "pushforward")


def rewrite_that_raised(text: str) -> tuple[str, str]:
    """The rewrite that an error's text names, and where it stands."""
    found = _REWRITE.search(text)
    return (f"rewrite {found[1]}", f"rewrite {found[1]} ({found[2]})") if found else ("", "")


def who_raises(action: Callable[[], Any]) -> tuple[str, str]:
    """Do it again; the culprit its exception tells of, and the frame. Two empty texts if it does not raise."""
    try:
        action()
    except Exception as error:
        named = rewrite_that_raised(str(error))
        return named if named[0] else _by_frames(error.__traceback__, error)
    return "", ""


def _by_frames(trace: TracebackType | None, error: Exception) -> tuple[str, str]:
    if _ROW_OUTSIDE.search(str(error)):
        return "scan", f"{type(error).__name__}: a variable of a step is read outside of its loop"
    if type(error).__name__ == "MissingInputError":
        return "function", "a variable is left that is neither an input nor replaced"
    frames = []
    while trace is not None:
        frames.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    for frame, line in frames:
        if _lost_a_value(frame.f_locals) and frame.f_code.co_filename.endswith("/interpreter.py"):
            return "interpreter", f"an operation was given nothing ({type(error).__name__} at line {line})"
    for frame, line in reversed(frames):
        # Whatever the text of a gradient calls, it is the gradient that should not have called it so.
        own, function = frame.f_locals.get("self"), frame.f_code.co_name
        if _is_op(own) and function in GRADIENTS:
            return (
                f"gradient {op_name(own)}",
                f"{type(error).__name__} raised in {type(own).__name__}.{function}, line {line}",
            )
    for frame, line in reversed(frames):
        path, function = frame.f_code.co_filename, frame.f_code.co_name
        why = f"{type(error).__name__} raised in {function} ({path.rpartition('/')[2]}:{line})"
        own = frame.f_locals.get("self")
        if _is_op(own):
            return _of_class(own), why
        node: Any = frame.f_locals.get("node")
        if _is_op(getattr(node, "op", None)) and "/rewriting/" not in path:
            backend = "/opencl_backend/" in path
            return (f"kernel {op_name(node.op)}" if backend else _of_class(node.op)), why
        for place, word in PLACES:
            if place in path:
                return word, why
    return "", ""


def _lost_a_value(names: Mapping[str, Any]) -> bool:
    """True in a frame of the interpreter that runs a node without a value for one of its inputs."""
    node, arguments = names.get("node"), names.get("arguments") or ()
    return node is not None and any(x is None and hasattr(v.type, "dtype") for v, x in zip(node.inputs, arguments))


def _is_op(thing: Any) -> bool:
    return hasattr(thing, "make_node") and hasattr(thing, "perform") and not isinstance(thing, type)


def _of_class(op: Any) -> str:
    from difftest.meanings import guilty

    return guilty(op)
