"""Differences between other systems and this house that are known, as data.

Owns `KNOWN` and `explain`. A row says in which systems, in what kind of finding and at which steps something is
expected, on what condition, what it is, and where it is written down. It decides nothing else: what a row explains is
counted under its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from difftest.program import Step, step_source
from difftest.systems.meaning import Meaning, random_steps

DOCUMENTED = "docs/differences.md"


@dataclass(frozen=True)
class Context:
    """What a condition may look at."""

    step: Step | None
    meaning: Meaning
    message: str

    @property
    def values(self) -> list[np.ndarray]:
        """The operands of the step, Python numbers left out."""
        if self.step is None:
            return []
        return [v for v in self.meaning.operands(self.step) if isinstance(v, np.ndarray)]

    @property
    def dtypes(self) -> list[str]:
        return [v.dtype.name for v in self.values]

    def any_step(self, *names: str) -> bool:
        """True if the program has one of these steps."""
        return any(s.step in names for s in self.meaning.program.steps)


@dataclass(frozen=True)
class Known:
    """One known difference."""

    systems: tuple[str, ...]
    kinds: tuple[str, ...]
    steps: tuple[str, ...]
    what: str
    reference: str
    when: Callable[[Context], Any] = lambda c: True
    text: str = ""

    def explains(self, system: str, kind: str, context: Context) -> bool:
        name = "" if context.step is None else context.step.step
        return (
            system in self.systems
            and kind in self.kinds
            and (not self.steps or name in self.steps)
            and (not self.text or re.search(self.text, context.message) is not None)
            and bool(self.when(context))
        )


BOTH = ("theano", "pytensor")
ALL = (*BOTH, "jax")
WRONG = ("semantics", "optimizer", "special", "unoptimized")
RAISED = ("refusal", "optimizer error")
WRITES = ("set_subtensor", "inc_subtensor", "set_places", "inc_places")
KINKS = ("maximum", "minimum", "max", "min", "max_and_argmax", "abs_", "relu", "clip", "sort")


def _out_of_range(c: Context) -> bool:
    """Somewhere in the program, a float that the integer dtype cannot hold becomes an integer."""
    for step in c.meaning.program.steps:
        if step.step not in ("cast", "cast_node") or np.dtype(step.attributes["dtype"]).kind not in "iu":
            continue
        info = np.iinfo(step.attributes["dtype"])
        for call in range(len(c.meaning.run.calls)):
            (x,) = c.meaning.operands(step, call)
            whole = np.trunc(x.astype("float64"))
            if x.dtype.kind == "f" and not np.all((whole >= info.min) & (whole <= info.max)):
                return True
    return False


def _entangled(c: Context) -> bool:
    """A given whose replacement needs what is replaced."""
    program = c.meaning.program
    needs = {name: {name} for name in (*(i.name for i in program.inputs), *(s.name for s in program.shared))}
    for step in program.steps:
        operands = [o for o in step.operands if isinstance(o, str)]
        for name in step.results:
            needs[name] = {name}.union(*(needs.get(o, {o}) for o in operands))
    keys = {key for key, _ in program.givens}
    return any(keys & needs.get(by, {by}) for _, by in program.givens)


def _no_steps(c: Context) -> bool:
    """A loop that ran no step."""
    loops = [s for s in c.meaning.program.steps if s.step == "scan"]
    return any(c.meaning.value(name).shape[:1] == (0,) for s in loops for name in s.results)


def _subnormal(c: Context) -> bool:
    """A number between zero and the smallest normal one."""
    run = c.meaning.run
    values = [v for call in run.calls for v in (*call.inputs, *call.outputs) if isinstance(v, np.ndarray)]
    return any(np.any((v != 0) & (np.abs(v) < np.finfo(v.dtype).tiny)) for v in values if v.dtype.kind == "f")


def _ties(c: Context) -> bool:
    """An axis along which two elements are equal, or NaN."""
    return any(len(np.unique(v)) < v.size or (v.dtype.kind == "f" and np.isnan(v).any()) for v in c.values)


def _integers(c: Context) -> bool:
    return all(d[0] in "iub" for d in c.dtypes)


def _divides_by_zero(c: Context) -> bool:
    """The right operand of // or % has a zero."""
    right = c.meaning.operands(c.step)[-1] if c.step is not None else 1
    return bool(np.any(np.asarray(right) == 0))


def _division(c: Context) -> bool:
    step = c.step
    return step is not None and (step.step in ("int_div", "mod") or step.attributes.get("op") in ("//", "%"))


def _power(c: Context) -> bool:
    return c.step is not None and (c.step.step == "pow" or c.step.attributes.get("op") == "**")


LOOPS = re.compile(r"theano\.(scan|map|reduce|foldl|foldr)\b")


def _loops(c: Context) -> bool:
    return any(LOOPS.search(step_source(s)) for s in c.meaning.program.steps)


def _ends_early(c: Context) -> bool:
    """A loop that may end early, and a gradient."""
    texts = [step_source(s) for s in c.meaning.program.steps]
    return any("until(" in t for t in texts) and any("theano.grad(" in t for t in texts)


def _stretched_part(c: Context) -> bool:
    """A gradient, and a value that is written into a part has a length of 1."""
    written = [s for s in c.meaning.program.steps if s.step in WRITES]
    values = [v for s in written for v in c.meaning.operands(s)[1:2]]
    derived = c.any_step("grad", "grad_holding", "grad_again", "grad_known", "Lop")
    return derived and any(1 in np.shape(v) for v in values)


def _mean_of_integers(c: Context) -> bool:
    """A mean, or a product, of integers, and a gradient."""
    steps = [s for s in c.meaning.program.steps if s.step in ("mean", "prod", "var", "std")]
    return c.any_step("grad", "grad_again") and any(c.meaning.operands(s)[0].dtype.kind in "iub" for s in steps)


def _differentiates(c: Context) -> bool:
    return any("grad(" in step_source(s) or "op(" in step_source(s) for s in c.meaning.program.steps)


ELSEWISE = (
    "allclose", "argmin", "batch_normalization", "batched_dot", "batched_tensordot", "bincount", "choose",
    "confusion_matrix", "conv2d_grad_wrt_inputs", "diag", "diagonal", "diff", "fill_diagonal", "grid", "identity",
    "inc_places", "inverse_permutation", "isclose", "isinf", "isnan", "lengths_together", "lstsq", "mask",
    "matrix_diagonal", "matrix_norm", "matrix_power", "max", "mean", "min", "norm", "permute_row_elements",
    "places", "printed", "ptp", "ravel_multi_index", "repeat", "reshape_own", "reshape_to", "roll", "set_places",
    "shuffled", "sigmoid_binary_crossentropy", "size", "softmax_with_bias", "softsign", "split", "squeeze", "std",
    "subtensor", "take", "tensordot", "tile", "tril", "triu", "unravel_index", "var",
)  # fmt: skip
"""Steps whose graphs are made of other operations here, or whose text is another on purpose."""


def _refused(*rows: tuple[str, str]) -> tuple[Known, ...]:
    """What Theano and PyTensor refuse and we take, each by what it says."""
    return tuple(Known(BOTH, RAISED, (), what, "refused there", text=text) for what, text in rows)


KNOWN: tuple[Known, ...] = (
    Known(BOTH, ("dtype",), ("cumsum", "cumprod"), "cumulative sums of narrow integers keep their dtype", DOCUMENTED),
    Known(ALL, (*WRONG, *RAISED), (), "a float that the integer cannot hold", DOCUMENTED, _out_of_range),
    Known(BOTH, RAISED, (), "a float that the integer cannot hold", DOCUMENTED,
          text="cannot convert float (NaN|infinity) to integer"),
    Known(ALL, WRONG, ("argsort",), "the order of equal elements, or of NaN", "NumPy: argsort, kind", _ties),
    Known(ALL, WRONG, ("int_div", "mod", "literal"), "division by zero, floored", DOCUMENTED,
          lambda c: _division(c) and _divides_by_zero(c)),
    Known(BOTH, RAISED, (), "division by zero", DOCUMENTED, text="ZeroDivisionError"),
    Known(BOTH, RAISED, (), "an integer to a negative power", DOCUMENTED, text="negative integer powers"),
    Known(("jax",), WRONG, ("pow", "literal"), "an integer to a negative power", DOCUMENTED,
          lambda c: _power(c) and _integers(c)),
    Known(BOTH, RAISED, ("sgn",), "sgn of bool", "refused there", text="TypeError.*bool"),
    Known(BOTH, RAISED, (), "rounding of integers", "refused there", text="only float type"),
    Known(("theano",), RAISED, (), "a loop of no steps", DOCUMENTED, text="case where scan do 0 iteration"),
    Known(("theano",), RAISED, ("subtensor",), "None in an index", DOCUMENTED, text="drop a non-broadcastable"),
    Known(BOTH, RAISED, (), "an update that is known to be broadcastable", "refused there",
          text="An update must have the same type|but an update of type"),
    Known(BOTH, RAISED, (), "givens that mention each other", DOCUMENTED, text="When using 'givens' or 'replace'"),
    Known(BOTH, (*WRONG, *RAISED), (), "givens that mention each other", DOCUMENTED, _entangled),
    Known(BOTH, RAISED, (), "the broadcast pattern of a loop's state", DOCUMENTED,
          text="Inconsistency in the inner graph|corresponding loop function variable|initial state.*dimension"),
    Known(("pytensor",), (*WRONG, *RAISED), (), "the shape of a loop of no steps", "docs/systems.md", _no_steps),
    Known(BOTH, RAISED, (), "bool beside integers in &, | and ^", DOCUMENTED, text="input to a BitOp"),
    Known(BOTH, RAISED, ("grad",), "a gradient that is not implemented there", DOCUMENTED, text="NotImplementedError"),
    Known(BOTH, RAISED, (), "a name that is not there", "refused there",
          text="has no attribute|too many values to unpack"),
    Known(BOTH, RAISED, ("repeat",), "repeat of uint64", "refused there", text="support dtype"),
    *_refused(
        ("topk sorted", "The sorted parameter is not yet implemented"),
        ("the operator @", r"unsupported operand type\(s\) for @"),
        ("squeeze of one axis", r"squeeze\(\) got an unexpected keyword argument 'axis'"),
        ("choose from scalars, or from several dtypes", "MakeList need all|We currently didn't implemented that case"),
        ("take from a vector by its mode", r"take.*drop a non-broadcastable|drop a non-broadcastable.*\['x'\]\)"),
        ("targets that are not int64 or int32", "integer vector required for argument"),
        ("scan_checkpoints with taps, or no sequences", "scan_checkpoints doesn't work|takes 1 positional argument"),
        ("convolution of several dtypes or paddings, without a C compiler",
         r"AbstractConv|Asymmetric padding not implemented|4D\) cannot store a value"),
        ("splits_size that is not int64", "splits must have type tensor.lvector"),
        ("linear algebra of float16", "float16 is unsupported in linalg"),
        ("norm with -inf or 0", r"ufunc 'isinf' not supported|NotImplementedError \(building\): *$"),
        ("the polar radius of a complex number below zero", "polar radius must be non-negative"),
        ("a mask beside a dimension that is known to be broadcastable", "boolean index did not match"),
        ("a power beyond floating point", "Numerical result out of range"),
        ("roll of a scalar", "too many indices for array"),
        ("tensordot over axes named twice or from the end", "axes don't match array"),
        ("no gradient by what is an index", "grad method for input 1 .* of the CrossentropyCategorical1Hot"),
        ("a gradient that is not implemented there", "is not implemented|not currently supported|MethodNotDefined"),
        ("extremes of nothing", "zero-size array to reduction"),
        ("a sum of integers beyond int64, in Python", "Python int too large"),
        ("a jacobian of a variable with respect to itself", "is used twice in inputs"),
        ("cholesky of the upper triangle", r"make_node\(\) got an unexpected"),
        ("the third derivative of a loop", "connection_pattern method does not allow"),
        ("the sign of complex numbers", "complex argument not supported"),
        ("a mask beside a part", "AdvancedSubtensor does not support boolean masks"),
    ),
    Known(("theano",), RAISED, (), "an assertion without words", "refused there", text=r"AssertionError \(\w+\): *$"),
    Known(("theano",), ("optimizer error",), (), "argmax and max of a scalar, optimized", "docs/systems.md",
          text="cannot be interpreted as an integer"),
    Known(("theano",), ("optimizer error",), (), "writing to what cannot be written", "docs/systems.md",
          text="read-only"),
    Known(("theano",), (*WRONG, *RAISED), (), "the gradient of a loop that ends early", DOCUMENTED, _ends_early),
    Known(BOTH, (*WRONG, *RAISED), (), "the gradient of a value that stretched", DOCUMENTED, _stretched_part),
    Known(("theano",), WRONG, (), "the gradient of the mean or product of integers", DOCUMENTED, _mean_of_integers),
    Known(("theano",), ("text",), (), "loops", DOCUMENTED, _loops),
    Known(("theano",), ("text",), (), "gradients", DOCUMENTED, _differentiates),
    Known(("theano",), ("text",), (), "graphs of other operations", DOCUMENTED, lambda c: c.any_step(*ELSEWISE)),
    Known(("theano",), ("text",), (), "random draws", DOCUMENTED, lambda c: bool(random_steps(c.meaning.program))),
    Known(("theano",), ("text",), (), "in what integers are added up", DOCUMENTED, text="acc_dtype"),
    Known(("theano",), ("text",), (), "parameters of an operation", "docs/systems.md", text="GradClip|GradScale"),
    Known(("theano",), ("crash",), (), "the smallest int64 modulo -1", "docs/systems.md", text="exit status -8"),
    Known(("theano",), ("pattern",), (), "what is known of a shape", "docs/systems.md",
          text="False.*, here .*True"),
    Known(("theano",), ("pattern",), ("permute_row_elements", "split", "diff", "flatten"),
          "what is known of a shape", "docs/systems.md"),
    Known(("theano",), ("dtype",), ("angle",), "angle is float64", DOCUMENTED),
    Known(("theano",), ("dtype",), ("tensordot",), "axes from the end are taken twice", "NumPy: tensordot"),
    Known(("theano",), ("dtype",), ("kron",), "kron of a matrix and a vector has too few dimensions", "NumPy: kron"),
    Known(("theano",), ("dtype",), ("var", "std", "solve", "lstsq"), "half precision widened", "refused there",
          lambda c: "float16" in c.dtypes),
    Known(("theano",), WRONG, ("batch_normalization",), "the order of a normalization's factors",
          DOCUMENTED, _subnormal),
    Known(("theano",), ("dtype",), ("conv2d", "conv3d", "separable_conv2d", "conv2d_grad_wrt_inputs"),
          "a convolution of two dtypes has the first one's", DOCUMENTED),
    Known(("theano",), ("dtype",), ("lstsq", "conj", "method", "chi2sf"), "another dtype or rank", DOCUMENTED),
    Known(("theano",), ("dtype",), ("var", "std"), "with ddof, float64", DOCUMENTED,
          lambda c: c.step is not None and bool(c.step.attributes.get("ddof"))),
    Known(("theano",), WRONG, ("softplus",), "half precision in Python", "docs/systems.md",
          lambda c: c.dtypes[:1] in (["bool"], ["int8"], ["uint8"])),
    Known(("theano",), ("dtype",), (), "None in an index", DOCUMENTED,
          lambda c: c.step is not None and "None" in str(c.step.attributes), text="of rank"),
    Known(BOTH, ("dtype",), ("bincount",), "bincount of narrow integers keeps their dtype", DOCUMENTED),
    Known(BOTH, ("dtype",), ("grad",), "the dtype of a gradient", DOCUMENTED),
    Known(("theano",), WRONG, ("sigmoid", "softplus"), "0 below -30", "theano/tensor/nnet/sigm.py, impl",
          lambda c: any(v.dtype.kind == "f" and np.any(v < -30) for v in c.values)),
    Known(("jax",), WRONG, (), "subnormal numbers are zero", "XLA on the CPU flushes them", _subnormal),
    Known(("jax",), WRONG, ("grad",), "the gradient at a kink", "jax.lax: ties share, relu'(0) = 0",
          lambda c: c.any_step(*KINKS)),
)  # fmt: skip


def explain(system: str, kind: str, message: str, step: Step | None, meaning: Meaning) -> Known | None:
    """The first row that explains a finding."""
    context = Context(step, meaning, message)
    return next((row for row in KNOWN if row.explains(system, kind, context)), None)
