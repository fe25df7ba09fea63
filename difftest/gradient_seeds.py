"""One operation each: the programs with which a session makes sure that every gradient is asked for once.

Owns programs of a single step: every row of the scalar table that has a slope, and the operations whose gradients put
elements into other places. What the judge of slopes asks of one node in a program is asked of all of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from difftest.case import Failure
from difftest.cells import BASE
from difftest.judges.slopes import broken_promise, judged, unlike_differences
from difftest.model import ELEMENTWISE
from difftest.model.kinks import KINKS
from difftest.oracle.alone import has_slope
from difftest.oracle.bounds import FLOATS
from difftest.oracle.names import kind_name
from difftest.program import Array, Input, Program, Step, step_source
from difftest.raised import who_raises
from difftest.validate import computed
from reference.graph.traversal import toposort

OPERANDS = ([-1.5, 0.25, 1.75, 0.5], [-1.0, -0.75, -0.5, -0.25], [1.0, 1.25, 1.5, 0.375])
"""Below, between and above the bounds, where there are three."""

MATRIX = [[0.5, -1.25, 2.0], [0.75, 3.0, -0.25]]
ROW = [[0.5, 2.0, -1.0]]
CUBE = [[[1.0, -2.0, 0.5], [0.25, 3.0, 1.5]], [[0.75, 4.0, -1.0], [2.0, -0.5, 1.25]]]
IMAGES = (np.arange(18.0).reshape(1, 2, 3, 3) * 5 % 11 - 4) / 4
FILTERS = (np.arange(16.0).reshape(2, 2, 2, 2) * 3 % 7 - 2) / 2
REGULAR = np.array([[2.0, 0.5, -0.25], [0.75, 3.0, 0.5], [-1.0, 0.25, 2.5]])

STRUCTURES: Sequence[tuple[str, Sequence[Any], dict[str, Any]]] = (
    ("split", [MATRIX, [1, 2]], {"sizes": (1, 2), "axis": 1}),
    ("join", [MATRIX, ROW], {"axis": 0}),
    ("stack", [MATRIX, MATRIX], {"axis": 1}),
    ("dimshuffle", [CUBE], {"order": (1, 2, "x", 0)}),
    ("dimshuffle", [CUBE], {"order": (1, 2, 0)}),
    ("reshape", [MATRIX], {"shape": (3, 2)}),
    ("alloc", [ROW], {"shape": (2, 4, 3)}),
    ("prod", [MATRIX], {"axis": 0, "keepdims": False, "dtype": None, "acc_dtype": None}),
    ("prod", [[0.0, 0.0, 2.0]], {"axis": None, "keepdims": False, "dtype": None, "acc_dtype": None}),
    ("max", [MATRIX], {"axis": 1, "keepdims": False}),
    ("sort", [CUBE], {"axis": 2}),
    ("cumsum", [MATRIX], {"axis": 1}),
    ("cumprod", [MATRIX], {"axis": 0}),
    ("dot", [MATRIX, [[1.0, 2.0], [-0.5, 3.0], [0.25, 1.5]]], {}),
    ("batched_dot", [CUBE, [[[1.0], [2.0], [-0.5]], [[3.0], [0.25], [1.5]]]], {}),
    ("conv2d", [IMAGES, FILTERS], {"border_mode": (1, (0, 2)), "subsample": (1, 2), "filter_dilation": (2, 1)}),
    ("conv2d", [IMAGES, FILTERS[:, :1]], {"num_groups": 2, "filter_flip": False}),
    ("conv2d", [IMAGES, np.tile(FILTERS[:, None, None], (1, 2, 2, 1, 1, 1))], {"unshared": True}),
    ("conv2d_grad_wrt_inputs", [IMAGES, FILTERS], {"input_shape": (1, 2, 4, 4)}),
    ("conv2d_grad_wrt_weights", [IMAGES, IMAGES[:, :, 1:, :2]], {"filter_shape": (2, 2, 2, 2)}),
    ("conv3d", [IMAGES[:, :, None], FILTERS[:, :, None]], {"border_mode": "half", "subsample": (1, 2, 1)}),
    ("conv3d_grad_wrt_inputs", [IMAGES[:, :, None], FILTERS[:, :, None]], {"input_shape": (1, 2, 1, 4, 4)}),
    ("conv3d_grad_wrt_weights", [IMAGES[:, :, None], IMAGES[:, :, None, 1:, 1:]], {"filter_shape": (2, 2, 1, 2, 2)}),
    ("pool_2d", [IMAGES], {"ws": (2, 2), "ignore_border": True, "stride": (1, 1), "pad": (1, 0)}),
    ("pool_2d", [IMAGES], {"ws": (2, 2), "ignore_border": False, "mode": "sum"}),
    ("pool_2d", [IMAGES], {"ws": (2, 3), "ignore_border": True, "pad": (1, 1), "mode": "average_inc_pad"}),
    ("pool_3d", [IMAGES], {"ws": (1, 2, 2), "ignore_border": True, "stride": (1, 1, 1), "mode": "average_exc_pad"}),
    ("matrix_inverse", [REGULAR], {}),
    ("det", [REGULAR], {}),
    ("solve", [REGULAR, np.array(MATRIX).T], {"which": "solve"}),
    ("solve", [REGULAR, MATRIX[0]], {"which": "solve_lower_triangular"}),
    ("rfft", [MATRIX], {"norm": None}),
    ("irfft", [np.array(CUBE)[..., :2]], {"norm": "ortho", "is_odd": True}),
    ("cholesky", [REGULAR @ REGULAR.T], {"lower": True}),
    ("softmax", [MATRIX], {}),
    ("logsoftmax", [MATRIX], {}),
    ("categorical_crossentropy", [[[0.25, 0.75], [0.625, 0.375]], [1, 0]], {}),
    ("subtensor", [MATRIX], {"index": ((None, None, -1),)}),
    ("inc_subtensor", [MATRIX, ROW], {"index": ((0, 2, None),)}),
    ("set_subtensor", [MATRIX, ROW], {"index": ((0, 2, None),)}),
    ("take", [MATRIX, [1, 0, 1]], {"axis": 0, "mode": "raise"}),
)
"""(step, values of its operands, attributes)"""


def gradient_failures(api: Any) -> Iterator[tuple[Program, Failure]]:
    """What is wrong with the gradients of single operations, once for each of them."""
    told = set()
    for program in programs(api):
        try:
            outputs, known = _computed(program, api)
        except Exception as error:
            what = f"{program.steps[0].step} raised {type(error).__name__}: {error}"
            culprit = who_raises(partial(_computed, program, api))[0] or f"op {program.steps[0].step}"
            yield program, Failure("seed", BASE, what, culprit=culprit)
            continue
        for node in filter(has_slope, toposort(outputs)):
            inputs = [known[v] for v in node.inputs]
            for ask in (unlike_differences, broken_promise) if kind_name(node.op) in KINKS else (unlike_differences,):
                failure = judged(api, ask, node, inputs, 0)[1]
                if failure is not None and failure.culprit not in told:
                    told.add(failure.culprit)
                    what = f"{step_source(program.steps[0])}: {failure.message}"
                    yield program, Failure("seed", BASE, what, culprit=failure.culprit)


def _computed(program: Program, api: Any) -> tuple[Sequence[Any], dict[Any, Any]]:
    """The variables that it gives, and the values of all."""
    built = program.build(api)
    known = {built.names[i.name]: i.value.data for i in program.inputs}
    for v in built.outputs:
        computed(v, known)
    return built.outputs, known


def programs(api: Any) -> Iterator[Program]:
    for name, row in api.scalar.TABLE.items():
        if name in ELEMENTWISE and _is_smooth(row):
            yield _program(name, OPERANDS[: max(row.nin, 1)] if row.nin > 0 else OPERANDS[:2], {})
    for name, values, attributes in STRUCTURES:
        yield _program(name, values, attributes)


def _is_smooth(row: Any) -> bool:
    """True if floats give floats, and there is a gradient."""
    try:
        return row.grad is not None and row.output_dtype(*["float64"] * (row.nin if row.nin > 0 else 2)) in FLOATS
    except TypeError:
        return False


def _program(step: str, values: Sequence[Any], attributes: dict[str, Any]) -> Program:
    arrays = [np.array(v) for v in values]
    inputs = tuple(Input(f"x{k}", tuple(n == 1 for n in a.shape), Array(a)) for k, a in enumerate(arrays))
    results = ("v0",) if step != "split" else ("v0a", "v0b")
    return Program(
        inputs=inputs, steps=(Step(step, tuple(i.name for i in inputs), attributes, results),), outputs=results
    )
