"""The gradient of a node in every program, whether or not the program asks for one.

Nodes are chosen by the program's digest, what is seldom before what is common. The `L_op` of one is held against
differences on the values that the node has; that of one with kinks, against what is documented there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import numpy as np

from difftest.case import Case, Failure, judge
from difftest.cells import BASE
from difftest.model.kinks import KINKS
from difftest.oracle.alone import Alone, has_slope
from difftest.oracle.names import kind_name
from difftest.validate import computed

HOLDING = {
    "DimShuffle": 50, "second": 32, "DeepCopyOp": 32, "add": 28, "Sum": 28, "Subtensor": 22, "mul": 18, "sub": 16,
    "neg": 16, "true_div": 16, "Reshape": 12, "IncSubtensor": 10, "Softmax": 10, "AdvancedSubtensor": 8, "exp": 8,
    "MaxAndArgmax": 6, "Rebroadcast": 5, "sqrt": 5, "sqr": 5, "Alloc": 4, "Join": 4, "Dot": 4, "switch": 4, "pow": 4,
    "abs_": 4, "log": 4, "Print": 4, "inv": 4, "AdvancedSubtensor1": 4, "AdvancedIncSubtensor": 4, "Split": 4,
    "AdvancedIncSubtensor1": 4,
}  # fmt: skip
"""Of a hundred programs about so many hold the operation; one or two if it is not named. What is held by few is chosen
first."""

LOOPS = ("Scan",)
"""Left to the gradients that programs ask for: the gradient of a loop is a loop."""


@judge("slope")
def slopes(case: Case) -> Iterator[Failure]:
    """One node against differences, and one that has kinks against its promise."""
    random = Random(case.program.digest)
    nodes = [n for n in case.nodes if type(n.op).__name__ not in LOOPS and has_slope(n)]
    kinked = [node for node in nodes if kind_name(node.op) in KINKS]
    for ask, among in ((unlike_differences, nodes), (broken_promise, kinked)):
        if among:
            node, seed = _chosen(random, among), random.getrandbits(32)
            verdict, failure = judged(case.built.api, ask, node, [_value(case, v) for v in node.inputs], seed)
            case.count("slope", verdict)
            if failure is not None:
                yield failure


def _value(case: Case, variable: Any) -> Any:
    return variable.data if hasattr(variable, "data") else case.met[variable]


def judged(api: Any, ask: Any, node: Any, inputs: Sequence[Any], seed: int) -> tuple[str, Failure | None]:
    """The verdict on one node's gradient, and what fails."""
    name = kind_name(node.op)
    try:
        verdict, what = ask(api, node, inputs, seed)
    except NotImplementedError:
        return "not defined", None
    except Exception as error:
        verdict, what = "raises", f"{type(error).__name__}: {error}"
    if not what:
        return verdict, None
    return verdict, Failure("slope", BASE, f"the gradient of {name}: {what}", culprit=f"gradient {name}", judge="slope")


def _chosen(random: Random, nodes: Sequence[Any]) -> Any:
    """A node of an operation that few programs hold, if there is one."""
    names = sorted({kind_name(node.op) for node in nodes})
    (name,) = random.choices(names, [1 / HOLDING.get(name, 1) for name in names])
    return random.choice([node for node in nodes if kind_name(node.op) == name])


def _products_are_finite(inputs: Sequence[np.ndarray]) -> Any:
    """Where operands of one shape are small enough that no product of two overflows; a formula may hold one."""
    floats = [x for x in inputs if x.dtype.kind == "f"]
    if len({x.shape for x in inputs}) != 1 or not floats:
        return True
    return np.all([~(np.abs(x) > np.sqrt(np.finfo(x.dtype).max)) for x in floats], axis=0)


Answer = tuple[str, str]
"""The verdict, and what is wrong."""


def unlike_differences(api: Any, node: Any, inputs: Sequence[Any], seed: int) -> Answer:
    """The symbolic gradients of a node, for random ones from above, against differences of its shadow.

    What takes any number of operands gets the first once more.
    """
    if getattr(getattr(node.op, "scalar_op", None), "nin", 0) == -1:
        node, inputs = node.op(*node.inputs, node.inputs[0]).owner, [*inputs, inputs[0]]
    alone = Alone(api, node, inputs, seed)
    found = alone.opinion()
    if found.verdict == "not finite":
        found = alone.opinion(ordinary=True)
    return found.verdict, str(found) if found.verdict == "wrong" else ""


def broken_promise(api: Any, node: Any, inputs: Sequence[np.ndarray], seed: int) -> Answer:
    """The gradients of a node, some elements of which are moved onto the kink, against what is documented."""
    kink = KINKS[kind_name(node.op)]
    if hasattr(node.op, "scalar_op"):
        # Every operand has an element of its own for each of the result: no gradient is summed.
        inputs = [np.array(x) for x in np.broadcast_arrays(*inputs)]
        node = node.op(*[api.tensor.tensor(x.dtype.name, (False,) * x.ndim) for x in inputs]).owner
    with np.errstate(all="ignore"):
        inputs = kink.onto(np.random.default_rng(seed), *inputs)
        alone = Alone(api, node, inputs, seed)
        own = {name: getattr(node.op, name) for name in kink.attributes}
        small = _products_are_finite(inputs)
        promised = kink.promise(next(iter(alone.weights.values())), *inputs, **own)
        for number, (v, (where, wanted)) in enumerate(zip(alone.twin.inputs, promised), 1):
            if v in alone.gradients:
                known = dict(alone.values)
                computed(alone.gradients[v], known)
                got = np.asarray(known[alone.gradients[v]])
                wrong = np.argwhere(np.broadcast_to(where & small, got.shape) & (got != wanted))
                for place in map(tuple, wrong[:1]):
                    said, right = got[place], np.broadcast_to(wanted, got.shape)[place]
                    given = ", ".join(repr(x[place]) for x in inputs if x.shape == got.shape)
                    return "wrong promise", f"at {given} it gives input {number} {said!r}, documented {right!r}"
    return "as promised", ""
