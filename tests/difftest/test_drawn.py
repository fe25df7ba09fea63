"""Everything the language has is drawn: steps, functions, operations, rows, dtypes, forms, rewrites.

What is not stands in a table, with the reason.
"""

import contextlib
import importlib
import inspect
import io
import re
from functools import cache

import numpy as np
import pytest
from chains import BAITED, baited

import reference
from difftest.session import Address, Session
from difftest.strategies import STEPS, drawn
from difftest.strategies.baits import BAITS
from difftest.strategies.drills import Exhibit, exhibits, topic_of
from difftest.strategies.loop_moves import moves
from reference import scalar
from reference.compile.modes import Mode
from reference.graph.core import Op
from reference.rewriting.pipeline import load
from reference.tensor.nnet import abstract_conv

LOOP_FAMILIES = ("scan", "after", "gates", "batch", "sums", "fusion", "unroll", "tape")

LOOPS = "a loop's own"

NOT_FIRED = {
    "scalar_of_tensor_of_scalar": "needs a scalar that is no tensor's: an input of ScalarType, which no program has",
    "log_of_exp_over_one_plus_exp": "the quotient is a sigmoid before the logarithm is looked at",
    **dict.fromkeys((r.name for r in load() if r.family in LOOP_FAMILIES), LOOPS),
    "pieces_put_together": "wants a value cut to adjoining pieces and its gradient: an exhibit",
    "graph_in_place": "wants a graph that is an operation: seldom in this budget, and an exhibit",
}
"""Rewrites that these programs do not wake, and why."""

NOT_CALLED = {
    **dict.fromkeys(("div_proxy", "mod_check"), "called by the operators / and %"),
    **dict.fromkeys(("as_tensor", "as_tensor_variable", "as_index"), "called on every operand"),
    **dict.fromkeys(("get_scalar_constant_value", "numeric_grad", "verify_grad"), "computes now, and builds no graph"),
    **dict.fromkeys(("grad_not_implemented", "grad_undefined"), "for those who write operations"),
    **dict.fromkeys(("shape_i", "shape_tuple", "slice_length", "makeKeepDims"), "for those who write functions"),
    "norm_elements": "called by the method norm",
    "crossentropy_categorical_1hot": "called by categorical_crossentropy",
    **dict.fromkeys(scalar.ALIASES, "drawn by the step `spelled`, but each too seldom for this budget"),
    **dict.fromkeys((n for n in abstract_conv.__all__ if n.startswith("get_conv_")), "counts, and builds no graph"),
    "border_mode_to_pad": "counts, and builds no graph",
    **dict.fromkeys((n for n in abstract_conv.__all__ if n.startswith("bilinear")), "tests/reference/test_conv.py"),
    **dict.fromkeys(("rfft_op", "irfft_op"), "called by rfft and irfft"),
    **dict.fromkeys(("alloc_diag", "extract_diag", "solve_symmetric"), "spellings: tests/reference/test_nlinalg.py"),
    "NoneConst": "no function",
    **dict.fromkeys(("assert_conv_shape", "assert_shape"), "checks of shapes that convolutions make themselves"),
    "h_softmax": "products and softmaxes, which are drawn: tests/reference/test_nnet_parts.py",
}
"""Public functions that no program's text calls, and why."""

NOT_BUILT = {
    "AllocEmpty": "its values are undefined",
    "ConsiderConstant": "drawn as consider_constant", "ViewOp": "a base of others", "Reduction": "a base of others",
    "Accumulation": "a base of others", "Reading": "a base of others", "Writing": "a base of others",
    "MatrixOp": "a base of others", "QRIncomplete": "one of three forms of qr, too seldom for this budget",
    **dict.fromkeys(("AveragePoolGrad", "DownsampleFactorMaxGradGrad"), "gradients of pooling, seldom in this budget"),
    "DeepCopyOp": "made by functions, for outputs that are state", "Scan": LOOPS,
    "PdbBreakpoint": "it waits for somebody at a debugger",
}  # fmt: skip
"""Operations that are in no program's graph, and why."""

FAMILIES = (
    "arithmetic", "creation", "diagonal", "elemwise", "extra_ops", "fft", "joining", "linalg", "nlinalg", "reduce",
    "shape", "signal.pool", "slinalg", "sort", "subtensor", "nnet.abstract_conv", "nnet.activation", "nnet.bn",
    "nnet.crossentropy", "nnet.softmax",
)  # fmt: skip


@cache
def programs():
    """A fixed budget."""
    return [drawn(seed) for seed in range(2400)]


@cache
def built():
    """What their graphs are made of; and the rewrites that fire when some of them, and every chain, are compiled."""
    operations, fired = set(), set()
    taken = [baited(data, bait, last) for bait in BAITS for data in BAITED for last in (True, False)]
    chains = [program for program in taken if program is not None]
    for number, program in enumerate([*chains, *programs()]):
        with contextlib.redirect_stdout(io.StringIO()):
            made = program.build(reference)
            operations.update(_below(v for v in made.names.values() if hasattr(v, "owner")))
            if number < len(chains) or number % 12 == 0:
                function = made.function(mode=Mode(None, "unsafe"))
                operations.update(_below(function.fgraph.outputs))
                fired.update(function.rewrites.counts())
    return operations, fired


def _below(variables):
    stack, seen = [v.owner for v in variables if v.owner is not None], set()
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            yield type(node.op).__name__
            stack.extend(v.owner for v in node.inputs if v.owner is not None)


def steps_drawn():
    return {step.step for program in programs() for step in program.steps}


def test_every_step_is_drawn():
    assert set(STEPS) - steps_drawn() == set()


def test_every_row_is_drawn():
    rows = {step.step for program in programs() for step in program.steps}
    assert set(scalar.TABLE) - rows == set()


def test_every_dtype_comes_in():
    seen = {value.dtype for program in programs() for value in (*(i.value for i in program.inputs),)}
    assert {"bool", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64))} <= seen
    assert {"float16", "float32", "float64", "complex64", "complex128"} <= seen


def test_every_form_of_value_comes_in():
    arrays = [i.value for program in programs() for i in program.inputs]
    assert {a.layout for a in arrays} == {"C", "F", "strided", "negative", "offset", "stretched"}
    assert {a.data.ndim for a in arrays} >= {0, 1, 2, 3, 4}
    assert {0, 1} <= {n for a in arrays for n in a.data.shape}
    floats = np.concatenate([a.data.ravel().astype("float64") for a in arrays if a.data.dtype.kind == "f"])
    assert np.isnan(floats).any()
    assert {np.inf, -np.inf} <= set(floats[np.isinf(floats)].tolist())
    assert np.signbit(floats[floats == 0]).any()
    assert (np.abs(floats[floats != 0]) < np.finfo("float64").tiny).any()


def test_every_form_of_function_is_drawn():
    found = set()
    for p in programs():
        inputs, made = {i.name for i in p.inputs}, {r for s in p.steps for r in s.results}
        found.add("no inputs" if not p.arguments else "inputs")
        found.add(f"spelled as {p.spelling}")
        found.update("output is an input" for o in p.outputs if o in inputs)
        if len(set(p.outputs)) < len(p.outputs):
            found.add("one output twice")
        for key, by in p.givens:
            kinds = {**dict.fromkeys(inputs, "input"), **dict.fromkeys((s.name for s in p.shared), "shared")}
            constants = {r for s in p.steps if s.step == "constant" for r in s.results}
            what = "constant" if by in constants else kinds.get(by, "expression")
            found.add(f"{kinds.get(key, 'inner')} <- {what}")
        found.add(f"{len(p.givens)} givens")
        if len(p.updates) == 2 and p.updates[0] == p.updates[1][::-1]:
            found.add("swap")
        found.update("update is an output" for _, by in p.updates if by in p.outputs)
        found.update("update from an input" for _, by in p.updates if by in inputs)
        found.update("update computed" for _, by in p.updates if by in made)
    assert {
        "no inputs", "inputs", "spelled as list", "spelled as dict", "spelled as OrderedDict", "output is an input",
        "one output twice", "input <- expression", "input <- constant", "input <- shared", "input <- input",
        "inner <- expression", "shared <- expression", "1 givens", "2 givens", "3 givens", "swap",
        "update is an output", "update computed",
    } <= found  # fmt: skip


def test_derivatives_of_three_orders_are_drawn():
    orders = {}
    for p in programs():
        taken = {}
        for s in p.steps:
            below = max((taken.get(o, 0) for o in s.operands if isinstance(o, str)), default=0)
            own = STEPS[s.step].family in ("grad", "curvature")
            more = s.attributes.get("order", 2 if s.step in ("Rop", "hessian") else 1) if own else 0
            taken.update(dict.fromkeys(s.results, below + more))
        for order in set(taken.values()):
            orders[order] = orders.get(order, 0) + 1
    assert orders[1] > 50
    assert orders[2] > 20
    assert orders[3] > 20


def test_every_public_function_is_called():
    words = set(re.findall(r"\.(\w+)", "".join(p.to_source() for p in programs())))
    missing = set()
    for family in FAMILIES:
        module = importlib.import_module(f"reference.tensor.{family}")
        missing |= {n for n in module.__all__ if not inspect.isclass(getattr(module, n)) and n not in words}
    missing |= {n for n in reference.gradient.__all__ if n[0].islower() and n not in words}
    assert missing - set(NOT_CALLED) == set()


def _operations(base=Op):
    for kind in base.__subclasses__():
        if kind.__module__.startswith("reference."):
            yield kind.__name__
            yield from _operations(kind)


def test_every_operation_is_built():
    wanted = {name for name in _operations() if not name.startswith("_")}
    assert wanted - built()[0] - set(NOT_BUILT) == set()


def test_every_rewrite_fires():
    assert {r.name for r in load()} - built()[1] - set(NOT_FIRED) == set()


def test_every_rewrite_of_loops_fires_in_an_exhibit():
    wanted = {record.name for record in load() if record.family in LOOP_FAMILIES}
    wanted |= {"pieces_put_together", "graph_in_place"}
    fired = set()
    for number in range(2 * len(exhibits())):
        exhibit = topic_of(number)
        if not isinstance(exhibit, Exhibit):
            continue
        if any(link[0] == "scan" for link in exhibit.links) or exhibit in moves():
            with contextlib.redirect_stdout(io.StringIO()):
                made = Session().program(Address("exhibits", 0, number)).build(reference)
                fired.update(made.function(mode="FAST_RUN").rewrites.counts())
                fired.update(made.function(mode="EXACT").rewrites.counts())
    assert wanted - fired == set()


@pytest.mark.parametrize("name", sorted(NOT_FIRED))
def test_the_excuses_are_of_rewrites_that_exist(name):
    assert name in {r.name for r in load()}
