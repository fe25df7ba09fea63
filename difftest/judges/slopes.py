"""The gradient of one node in every program, whether or not the program asks for one.

A node is chosen by the program's digest, what is seldom before what is common, and its `L_op` held against differences
on the values that the node has; of operations with kinks one more, against what is documented there.
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
from difftest.oracle.names import op_name
from difftest.validate import computed

COMMON = {
    "DimShuffle", "second", "DeepCopyOp", "add", "Sum", "Subtensor", "mul", "sub", "neg", "true_div", "Reshape",
    "Rebroadcast", "Cast",
}  # fmt: skip
"""What every other program holds is chosen a tenth as often as the rest."""

LOOPS = ("Scan",)
"""Left to the gradients that programs ask for: the gradient of a loop is a loop."""


@judge("slope")
def slopes(case: Case) -> Iterator[Failure]:
    """One node against differences, and one that has kinks against its promise."""
    if not case.met:
        return
    random = Random(case.program.digest)
    nodes = [n for n in case.base.function.fgraph.toposort() if type(n.op).__name__ not in LOOPS and has_slope(n)]
    for ask, among in ((unlike_differences, nodes), (broken_promise, [n for n in nodes if op_name(n.op) in KINKS])):
        if among:
            node, seed = _chosen(random, among), random.getrandbits(32)
            yield from _judged(case, ask, node, [_value(case, v) for v in node.inputs], seed)


def _value(case: Case, variable: Any) -> Any:
    return variable.data if hasattr(variable, "data") else case.met[variable]


def _judged(case: Case, ask: Any, node: Any, inputs: Sequence[Any], seed: int) -> Iterator[Failure]:
    name = op_name(node.op)
    try:
        verdict, what = ask(case.built.api, node, inputs, seed)
    except NotImplementedError:
        verdict, what = "not defined", ""
    except Exception as error:
        verdict, what = "raises", f"{type(error).__name__}: {error}"
    case.count("slope", verdict)
    if what:
        yield Failure("slope", BASE, f"the gradient of {name}: {what}", culprit=f"gradient {name}")


def _chosen(random: Random, nodes: Sequence[Any]) -> Any:
    """Any operation, then any of its nodes."""
    names = sorted({op_name(node.op) for node in nodes})
    (name,) = random.choices(names, [0.1 if name in COMMON else 1.0 for name in names])
    return random.choice([node for node in nodes if op_name(node.op) == name])


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
    kink = KINKS[op_name(node.op)]
    if hasattr(node.op, "scalar_op"):
        # Every operand has an element of its own for each of the result: no gradient is summed.
        inputs = [np.array(x) for x in np.broadcast_arrays(*inputs)]
        node = node.op(*[api.tensor.tensor(x.dtype.name, (False,) * x.ndim) for x in inputs]).owner
    with np.errstate(all="ignore"):
        inputs = kink.onto(np.random.default_rng(seed), *inputs)
        alone = Alone(api, node, inputs, seed)
        own = {name: getattr(node.op, name) for name in kink.attributes}
        promised = kink.promise(next(iter(alone.weights.values())), *inputs, **own)
        for number, (v, (where, wanted)) in enumerate(zip(alone.twin.inputs, promised), 1):
            if v in alone.gradients:
                known = dict(alone.values)
                computed(alone.gradients[v], known)
                got = np.asarray(known[alone.gradients[v]])
                wrong = np.argwhere(np.broadcast_to(where, got.shape) & (got != wanted))
                for place in map(tuple, wrong[:1]):
                    said, right = got[place], np.broadcast_to(wanted, got.shape)[place]
                    given = ", ".join(repr(x[place]) for x in inputs if x.shape == got.shape)
                    return "wrong promise", f"at {given} it gives input {number} {said!r}, documented {right!r}"
    return "as promised", ""
