"""Which of our modules stand behind each of Theano's paths.

One table. A path that is not in it is that of our module with the same name below `reference`, if there is
one; `ABSENT` says why others are missing and what to do. Nothing is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec


@dataclass(frozen=True)
class Row:
    """`sources` are asked for a name in turn. With `wins`, the path is a module although a function has its name."""

    sources: tuple[str, ...]
    wins: bool = False


def _row(*sources: str, wins: bool = False) -> Row:
    return Row(tuple(f"reference.{s}" if s else "reference" for s in sources), wins)


_GRAPH = (
    "alias.graphs", "alias.rewrites", "alias.linkers", "graph.core", "graph.fgraph", "graph.types", "graph.errors",
)  # fmt: skip
_COMPILE = (
    "compile.function", "compile.io", "compile.shared", "compile.modes", "compile.ops", "compile.builders",
    "compile.rebuild", "compile.profiling", "compile.debugmode", "compile.nanguard", "graph.errors", "alias.top",
    "alias.rewrites",
)  # fmt: skip

PATHS: dict[str, Row] = {
    "theano": _row("alias.top", ""),
    "theano.compat": _row("alias.compat"),
    "theano.compat.python2x": _row("alias.compat"),
    "theano.compat.six": _row("alias.compat"),
    "theano.compat.six.moves": _row("alias.compat"),
    "theano.version": _row("alias.top", wins=True),
    "theano.configparser": _row("alias.flags", "config"),
    "theano.configdefaults": _row("alias.flags", "config"),
    "theano.updates": _row("scan"),
    "theano.ifelse": _row("ifelse", wins=True),
    "theano.gradient": _row("gradient", "gradient_ops", "graph.types", wins=True),
    "theano.printing": _row("printing", "alias.graphs"),
    # Graphs.
    "theano.gof": _row(*_GRAPH),
    "theano.gof.opt": _row("alias.rewrites", "alias.graphs", "graph.errors"),
    "theano.gof.optdb": _row("alias.rewrites", wins=True),
    "theano.gof.graph": _row(*_GRAPH),
    "theano.gof.op": _row(*_GRAPH),
    "theano.gof.type": _row("graph.core", "graph.types"),
    "theano.gof.fg": _row("graph.fgraph", "graph.errors"),
    "theano.gof.null_type": _row("graph.types"),
    "theano.gof.toolbox": _row("alias.graphs"),
    "theano.gof.utils": _row("alias.graphs"),
    "theano.gof.link": _row("alias.linkers"),
    "theano.gof.vm": _row("alias.linkers"),
    "theano.gof.cc": _row("alias.linkers"),
    # Functions.
    "theano.compile": _row(*_COMPILE),
    "theano.compile.function": _row("compile.function", "alias.top"),
    "theano.compile.pfunc": _row("compile.rebuild", "compile.function", "compile.io", "compile.shared"),
    "theano.compile.function_module": _row("compile.function", "compile.io", "graph.errors"),
    "theano.compile.sharedvalue": _row("compile.shared", "graph.types"),
    "theano.compile.mode": _row("compile.modes", "alias.top", "alias.rewrites"),
    "theano.compile.nanguardmode": _row("compile.nanguard"),
    "theano.compile.monitormode": _row("compile.modes"),
    "theano.compile.debugmode": _row("compile.debugmode", "graph.errors"),
    "theano.compile.ops": _row("compile.ops", "compile.builders", "tensor.shape"),
    # Loops.
    "theano.scan_module": _row("scan", "graph.clone"),
    "theano.scan_module.scan": _row("scan"),
    "theano.scan_module.scan_op": _row("scan.op"),
    "theano.scan_module.scan_utils": _row("scan", "graph.clone", "compile.rebuild", "alias.graphs"),
    "theano.scan_module.scan_views": _row("scan"),
    "theano.scan_module.scan_checkpoints": _row("scan", wins=True),
    # Scalars.
    "theano.scalar": _row("alias.scalar", "alias.scalar_ops"),
    "theano.scalar.basic": _row("alias.scalar", "alias.scalar_ops"),
    "theano.scalar.basic_scipy": _row("alias.scalar", "alias.scalar_ops"),
    # Tensors.
    "theano.tensor": _row("tensor", "alias.tensor", "alias.comparison"),
    "theano.tensor.basic": _row("tensor", "alias.tensor", "alias.comparison"),
    "theano.tensor.var": _row("tensor.variable"),
    "theano.tensor.type": _row("graph.types", "alias.comparison", "tensor"),
    "theano.tensor.sharedvar": _row("tensor.variable", "compile.shared"),
    "theano.tensor.elemwise": _row("tensor.elemwise", "tensor.reduce"),
    "theano.tensor.extra_ops": _row("tensor.extra_ops", "tensor.diagonal", "tensor"),
    "theano.tensor.subtensor": _row("tensor.subtensor", "tensor.indexing", "alias.tensor", "tensor"),
    "theano.tensor.nlinalg": _row("tensor.nlinalg", "alias.tensor"),
    "theano.tensor.opt": _row("tensor.assertion", "alias.rewrites", "tensor.shape"),
    "theano.tensor.inplace": _row("alias.inplace"),
    "theano.tensor.raw_random": _row("tensor.random", "tensor.distributions", "alias.tensor", "graph.types"),
    "theano.tensor.utils": _row("alias.tensor"),
    "theano.tensor.type_other": _row("alias.tensor", "graph.types"),
    "theano.tensor.nnet": _row("tensor.nnet", "alias.nnet"),
    "theano.tensor.nnet.nnet": _row("tensor.nnet", "alias.nnet"),
    "theano.tensor.nnet.sigm": _row("tensor.nnet", "alias.nnet"),
    "theano.tensor.signal.downsample": _row("alias.signal"),
    "theano.sandbox.rng_mrg": _row("sandbox.rng_mrg"),
    "theano.sandbox.softsign": _row("tensor.nnet"),
    "theano.sandbox.neighbours": _row("tensor.nnet.neighbours"),
    "theano.sandbox.linalg": _row("tensor.nlinalg", "tensor.slinalg"),
    "theano.sandbox.linalg.ops": _row("tensor.nlinalg", "tensor.slinalg"),
    # Tools.
    "theano.misc": _row("alias.misc"),
    "theano.misc.pkl_utils": _row("alias.misc"),
    "theano.misc.safe_asarray": _row("alias.misc"),
    "theano.tests": _row("alias.unittest_tools"),
    "theano.tests.breakpoint": _row("printing.breakpoint"),
    "theano.d3viz": _row("printing.page"),
    "theano.d3viz.d3viz": _row("printing.page"),
    "theano.tests.unittest_tools": _row("alias.unittest_tools"),
}  # fmt: skip

_DEVICE = "where a program runs is the backend's choice (--backend, config.backend), not the program's"
ABSENT: dict[str, str] = {
    "theano.sparse": "sparse matrices are not implemented; use dense ones",
    "theano.gpuarray": _DEVICE,
    "theano.sandbox.cuda": _DEVICE,
    "theano.sandbox.gpuarray": _DEVICE,
    "theano.typed_list": "lists of variables are not values; stack them into a tensor",
    "theano.tensor.blas": "products of matrices are T.dot; which routine computes them is the backend's business",
}
"""path -> why it and all below it cannot be imported."""


@cache
def sources(path: str) -> tuple[str, ...]:
    """Our modules behind one of Theano's paths, in the order in which they are asked; empty if there is none."""
    if path in PATHS:
        return tuple(s for s in PATHS[path].sources if _exists(s))
    ours = "reference" + path.removeprefix("theano")
    return (ours,) if _exists(ours) else ()


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
