"""The feature table: what programs written for Theano use, how much they need it, and where it is tested.

Owns `ROWS` and the page made from them, docs/features.md:

    PYTHONPATH=. python tests/architecture/features.py > docs/features.md

Which tests speak of a feature is found in their texts; a row that no test and no drawn program speaks of, or a name
that is not there, has to say why.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
SHOWN = 2
"""How many tests a row names, at most."""


@dataclass(frozen=True)
class Row:
    """A feature. `names` are what programs write: `T.x`, `theano.x`, a method `.x`, a flag `config.x`."""

    section: str
    rank: str
    feature: str
    names: str
    missing: str = ""
    """Names of Theano's that are not there, and why."""


def _rows(section: str, *rows: tuple[str, ...]) -> Iterator[Row]:
    return (Row(section, *row) for row in rows)


ROWS: tuple[Row, ...] = (
    *_rows(
        "Building graphs",
        ("A", "constructors of variables",
         "T.scalar T.vector T.row T.col T.matrix T.tensor3 T.tensor4 T.tensor5 T.dscalar T.fvector T.imatrix "
         "T.lvector T.bscalar T.wvector T.cvector T.zmatrix T.dscalars T.vectors T.matrices T.tensor T.TensorType"),
        ("A", "variables",
         ".name .tag .owner .type .eval .clone .ndim .dtype .broadcastable"),
        ("A", "constants",
         "T.constant T.as_tensor_variable T.as_tensor theano.tensor.get_scalar_constant_value"),
        ("A", "arithmetic",
         "T.add T.sub T.mul T.true_div T.int_div T.floor_div T.mod T.pow T.neg T.abs_ T.sgn T.sqr T.sqrt T.square "
         "T.inv T.maximum T.minimum T.clip T.switch T.where"),
        ("A", "exponentials, trigonometry",
         "T.exp T.exp2 T.expm1 T.log T.log2 T.log10 T.log1p T.sin T.cos T.tan T.arcsin T.arccos T.arctan T.arctan2 "
         "T.sinh T.cosh T.tanh T.arcsinh T.arccosh T.arctanh T.deg2rad T.rad2deg"),
        ("B", "rounding, tests of numbers, complex numbers",
         "T.ceil T.floor T.trunc T.round T.iround T.round_half_to_even T.round_half_away_from_zero T.isnan T.isinf "
         "T.isclose T.allclose T.real T.imag T.conj T.angle T.complex T.complex_from_polar"),
        ("A", "comparisons, logic, bits",
         "T.eq T.neq T.lt T.le T.gt T.ge T.and_ T.or_ T.xor T.invert T.bitwise_and T.bitwise_or T.bitwise_xor "
         "T.bitwise_not T.any T.all"),
        ("B", "special functions",
         "T.erf T.erfc T.erfinv T.erfcinv T.erfcx T.gamma T.gammaln T.psi T.tri_gamma T.chi2sf T.gammainc "
         "T.gammaincc T.gammau T.gammal T.i0 T.i1 T.iv T.j0 T.j1 T.jv"),
        ("A", "reductions",
         "T.sum T.prod T.mean T.var T.std T.max T.min T.argmax T.argmin T.max_and_argmax T.ptp"),
        ("A", "shapes",
         "T.reshape T.flatten .dimshuffle .T T.transpose .swapaxes T.squeeze T.concatenate T.join T.stack "
         "T.stacklists T.split T.tile T.repeat T.roll T.shape_padleft T.shape_padright T.shape_padaxis "
         "T.addbroadcast T.unbroadcast T.patternbroadcast T.specify_shape T.Rebroadcast"),
        ("A", "creation",
         "T.alloc T.zeros T.ones T.zeros_like T.ones_like T.fill T.second T.eye T.identity_like T.arange T.tri "
         "T.tril T.triu T.diag T.diagonal T.horizontal_stack T.vertical_stack T.mgrid T.ogrid T.AllocEmpty"),
        ("A", "indices, parts that are set",
         "T.set_subtensor T.inc_subtensor T.take T.choose T.nonzero T.nonzero_values T.flatnonzero"),
        ("A", "products",
         "T.dot T.tensordot T.batched_dot T.batched_tensordot T.outer .norm"),
        ("B", "linear algebra",
         "T.nlinalg.det T.nlinalg.matrix_inverse T.nlinalg.pinv T.nlinalg.trace T.nlinalg.eig T.nlinalg.eigh "
         "T.nlinalg.svd T.nlinalg.qr T.nlinalg.norm T.nlinalg.matrix_dot T.nlinalg.matrix_power "
         "T.nlinalg.tensorinv T.nlinalg.tensorsolve T.nlinalg.lstsq T.slinalg.cholesky T.slinalg.solve "
         "T.slinalg.solve_lower_triangular T.slinalg.solve_upper_triangular T.slinalg.eigvalsh T.slinalg.expm "
         "T.slinalg.kron"),
        ("B", "extra_ops",
         "T.extra_ops.cumsum T.extra_ops.cumprod T.extra_ops.diff T.extra_ops.bincount T.extra_ops.compress "
         "T.extra_ops.searchsorted T.extra_ops.fill_diagonal T.extra_ops.fill_diagonal_offset "
         "T.extra_ops.to_one_hot T.extra_ops.Unique T.extra_ops.unravel_index T.extra_ops.ravel_multi_index "
         "T.extra_ops.bartlett"),
        ("B", "sorting",
         "T.sort T.argsort T.topk T.argtopk T.topk_and_argtopk"),
        ("A", "networks",
         "T.nnet.sigmoid T.nnet.ultra_fast_sigmoid T.nnet.hard_sigmoid T.nnet.softplus T.nnet.softsign T.nnet.relu "
         "T.nnet.elu T.nnet.selu T.nnet.softmax T.nnet.logsoftmax T.nnet.softmax_graph "
         "T.nnet.categorical_crossentropy T.nnet.binary_crossentropy T.nnet.sigmoid_binary_crossentropy "
         "T.nnet.crossentropy_softmax_1hot T.nnet.crossentropy_softmax_1hot_with_bias T.nnet.h_softmax "
         "T.nnet.confusion_matrix"),
        ("B", "convolution, normalization",
         "T.nnet.conv2d T.nnet.conv2d_transpose T.nnet.conv3d T.nnet.separable_conv2d "
         "T.nnet.bn.batch_normalization T.nnet.bn.batch_normalization_train T.nnet.bn.batch_normalization_test"),
        ("B", "pooling",
         "T.signal.pool.pool_2d T.signal.pool.pool_3d T.signal.pool.max_pool_2d_same_size"),
        ("C", "Fourier transforms",
         "T.fft.rfft T.fft.irfft"),
        ("C", "sparse matrices, typed lists, CTC, MPI, graphics processors",
         "",
         "`theano.sparse`, `theano.typed_list`, `T.nnet.ctc`, `theano.gpuarray`: importing says what to use"),
        ("A", "methods",
         ".astype .dot .ravel .nonzero .sort .argsort .clip .repeat .round .std .var .trace .take .choose "
         ".compress .searchsorted .copy .transfer .prod .mean .max .argmax .cumsum .fill .conj .diagonal"),
    ),
    *_rows(
        "Shared variables",
        ("A", "shared variables",
         "theano.shared .get_value .set_value .zero theano.compile.SharedVariable"),
        ("A", "default updates",
         ".default_update"),
        ("A", "sharing, swapping",
         ".copy .get_shared"),
    ),
    *_rows(
        "Functions",
        ("A", "inputs",
         "theano.function theano.In theano.Param"),
        ("A", "outputs",
         "theano.Out"),
        ("A", "updates, givens",
         "theano.function theano.clone"),
        ("B", "options of functions",
         "theano.function"),
        ("C", "output_subset, cells of functions",
         ".value .container .input_storage"),
    ),
    *_rows(
        "Loops",
        ("A", "scan and its kin",
         "theano.scan theano.map theano.reduce theano.foldl theano.foldr theano.scan_module.until"),
        ("B", "checkpoints",
         "theano.scan_checkpoints"),
        ("B", "updates of loops",
         "theano.OrderedUpdates"),
    ),
    *_rows(
        "Gradients",
        ("A", "gradients",
         "theano.grad T.grad theano.gradient.consider_constant theano.gradient.disconnected_grad "
         "theano.gradient.zero_grad theano.gradient.grad_clip theano.gradient.grad_scale "
         "theano.gradient.grad_undefined theano.gradient.undefined_grad"),
        ("B", "jacobians and products with them",
         "theano.gradient.jacobian theano.gradient.hessian theano.gradient.Rop theano.gradient.Lop "
         "theano.subgraph_grad"),
        ("A", "checking gradients",
         "theano.gradient.verify_grad T.verify_grad"),
    ),
    *_rows(
        "Random numbers",
        ("A", "random streams",
         "theano.tensor.shared_randomstreams.RandomStreams .uniform .normal .binomial .poisson .random_integers "
         ".choice .permutation .multinomial .shuffle_row_elements .seed .state_updates"),
        ("B", "MRG_RandomStreams",
         "theano.sandbox.rng_mrg.MRG_RandomStreams"),
    ),
    *_rows(
        "Printing",
        ("A", "texts of graphs",
         "theano.printing.debugprint theano.printing.pp theano.pp theano.printing.pprint"),
        ("A", "printing values",
         "theano.printing.Print"),
        ("B", "pictures, short texts",
         "theano.printing.pydotprint theano.printing.min_informative_str"),
    ),
    *_rows(
        "Modes and flags",
        ("A", "modes",
         "theano.Mode theano.compile.get_mode theano.compile.mode.Mode theano.compile.debugmode.DebugMode"),
        ("B", "watching modes",
         "theano.compile.nanguardmode.NanGuardMode theano.compile.monitormode.MonitorMode"),
        ("A", "flags",
         "theano.config config.floatX config.cast_policy config.mode config.on_unused_input "
         "config.exception_verbosity config.optimizer config.warn_float64 config.compute_test_value "
         "config.int_division"),
        ("B", "more flags",
         "config.optimizer_including config.optimizer_excluding config.on_opt_error config.profile config.allow_gc "
         "config.deterministic config.linker config.device"),
        ("B", "test values",
         "theano.config .test_value config.compute_test_value"),
    ),
    *_rows(
        "The rest",
        ("A", "replacing",
         "theano.clone theano.compile.rebuild_collect_shared"),
        ("A", "ifelse",
         "theano.ifelse.ifelse"),
        ("B", "operations of a program's own",
         "theano.OpFromGraph theano.compile.ops.as_op theano.gof.Op theano.gof.Apply"),
        ("B", "assertions",
         "T.opt.Assert T.opt.assert_op"),
        ("B", "breakpoints",
         "theano.tests.breakpoint.PdbBreakpoint"),
        ("B", "scalar operations of a program's own",
         "theano.scalar.UnaryScalarOp theano.scalar.BinaryScalarOp theano.scalar.upgrade_to_float T.Elemwise"),
        ("B", "pickling",
         "theano.misc.pkl_utils.dump theano.misc.pkl_utils.load"),
        ("C", "graph helpers",
         "theano.gof.graph.inputs theano.gof.graph.ancestors theano.gof.FunctionGraph"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Somewhere that features are tested: what to look for it under, its text, and on how many backends it runs."""

    name: str
    text: str
    both: bool


@cache
def places() -> tuple[Place, ...]:
    """Every test function, table of tests and corner, then every kind of drawn step."""
    found: list[Place] = []
    for file in sorted((TESTS / "reference").glob("test_*.py")):
        source = file.read_text()
        alone = 'pytestmark = pytest.mark.backend("reference")' in source
        rest = source.splitlines()
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                start = min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1
                text = "\n".join(rest[start : node.end_lineno])
                rest[start : node.end_lineno] = [""] * ((node.end_lineno or start) - start)
                found.append(Place(f"{file.name}::{node.name}", text, not alone and 'backend("reference")' not in text))
        found.append(Place(file.name, "\n".join(rest), not alone))
    for file in sorted((TESTS / "reference" / "corners").glob("*.txt")):
        found += [
            Place(f"corners/{file.name}: {block.partition(chr(10))[0]}", block, True)
            for block in file.read_text().split("## ")[1:]
        ]
    return tuple(found)


@cache
def steps() -> dict[str, str]:
    """The text of every kind of step that difftest draws, with what its strategy may write."""
    from difftest.strategies import STEPS

    return {name: f"{name}\n{_written(kind.source)}" for name, kind in STEPS.items()}


def _written(source: Any) -> str:
    """What a step's template may write."""
    if isinstance(source, partial):
        return f"{_written(source.func)} {source.args} {source.keywords}"
    if callable(source):
        held = [c.cell_contents for c in source.__closure__ or ()]
        return f"{inspect.getsource(source)} {[h for h in held if isinstance(h, str)]}"
    return str(source)


def pattern(name: str) -> re.Pattern[str]:
    """Where a text speaks of a name: by its last part after a dot or in quotes, of a flag or class anywhere."""
    last = re.escape(name.rpartition(".")[2])
    before = r"\b" if name.startswith("config.") or last[0].isupper() else r"(?:\.|^|\")"
    return re.compile(rf"{before}{last}\b", re.MULTILINE)


def tested(row: Row) -> tuple[list[str], list[str], str, list[str]]:
    """The tests, those that speak of most first, the kinds of steps, the backends, and names nothing speaks of."""
    words = {name: pattern(name) for name in row.names.split()}
    left = {place: {n for n, w in words.items() if w.search(place.text)} for place in places()}
    ends = {name: name.rpartition(".")[2] for name in words}
    drawn = {
        kind: {n for n, w in words.items() if kind == ends[n] or w.search(text)} for kind, text in steps().items()
    }
    silent = set(words).difference(*left.values(), *drawn.values())
    chosen = []
    open_names = set().union(*left.values())
    while open_names:
        best = max(left, key=lambda place: (len(left[place] & open_names), ": " in place.name or "::" in place.name))
        chosen.append(best)
        open_names -= left[best]
    kinds = [kind for kind, names in drawn.items() if names]
    both = bool(kinds) or any(place.both for place in chosen)
    return [p.name for p in chosen], kinds, "both" if both else "reference", sorted(silent)


def resolves(name: str) -> bool:
    """Is the name there, through the alias?"""
    import reference.as_theano  # noqa: F401

    theano = importlib.import_module("theano")
    if name.startswith("config."):
        try:
            getattr(theano.config, name.removeprefix("config."))
        except AttributeError:
            return False
        return True
    if name.startswith("."):
        from reference.compile.function import Function
        from reference.graph.core import Variable
        from reference.tensor.shared_randomstreams import RandomStreams
        from reference.tensor.variable import TensorSharedVariable

        x = TensorSharedVariable(theano.tensor.dscalar, 0.0)
        made = theano.function([], [])
        where = (x, x.tag, Variable, Function, made, RandomStreams(1))
        return name == ".test_value" or any(hasattr(w, name[1:]) for w in where)
    path = re.sub(r"^T\b", "theano.tensor", name)
    module, _, last = path.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), last)
    except ImportError:
        return False


def page() -> str:
    """docs/features.md."""
    lines = [
        "# What programs written for Theano use, and where it is tested", "",
        "Rank A: the core, B: what any user expects, C: rarely used. *Drawn*: steps of difftest, which run on every "
        "backend and in every mode. Tests are in `tests/reference`, and run on the reference and on the OpenCL backend "
        "unless *backends* says otherwise; a few are named, more may be there. `corners/` hold what real Theano 1.0.5 "
        "printed. Made by `tests/architecture/features.py`; a test checks that every name and every test is there.", "",
    ]  # fmt: skip
    for section in dict.fromkeys(row.section for row in ROWS):
        head = "| rank | feature | names | tests | drawn | backends | missing |"
        lines += [f"## {section}", "", head, "|---" * 7 + "|"]
        lines += [_line(row) for row in ROWS if row.section == section] + [""]
    return "\n".join(lines)


def _line(row: Row) -> str:
    names = " ".join(f"`{n}`" for n in row.names.split())
    if not row.names:
        return f"| {row.rank} | {row.feature} | | | | none | {row.missing} |"
    tests, drawn, backends, _ = tested(row)
    more = f" and {len(tests) - SHOWN} more" if len(tests) > SHOWN else ""
    shown = "<br>".join(f"`{t}`" for t in tests[:SHOWN]) + more
    kinds = ", ".join(drawn[:12]) + (f" and {len(drawn) - 12} more" if len(drawn) > 12 else "")
    return f"| {row.rank} | {row.feature} | {names} | {shown} | {kinds} | {backends} | {row.missing} |"


if __name__ == "__main__":
    print(page(), end="")
