"""`debugprint`, `pp`, `Print`: texts are Theano's to the byte where the graph is the same."""

import io
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.graph.core import Apply, Op
from reference.graph.fgraph import FunctionGraph
from reference.printing import Print, debugprint, dot, pp, rebuild, source
from reference.printing.constants import constant_text

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.txt").read_text()


def several(expressions: Any, dialect: str, **options: Any) -> str:
    return "".join("---\n" + debugprint(e, file="str", dialect=dialect, **options) for e in expressions)


def arithmetic() -> Any:
    x, y = T.dvectors("x", "y")
    s = x + y
    s.name = "s"
    return s * 2 + T.exp(s)


def types() -> Any:
    return T.frow("r") * T.fcol("c") + T.iscalar("i") + 1.5


def many_ids() -> Any:
    result, *others = [T.dscalar(f"v{k}") for k in range(16)]
    for v in others:
        result = result - v
    return result


def unnamed() -> Any:
    return T.dmatrix() * T.iscalar() + T.fscalar() + T.drow()


def outputs() -> Any:
    largest, place = T.max_and_argmax(T.dmatrix("x"), axis=1)
    return [largest, place, largest]


@pytest.mark.parametrize(
    ("name", "build", "options"),
    [
        ("arithmetic.1.0", arithmetic, {}),
        ("arithmetic.0.7", arithmetic, {}),
        ("types.1.0", types, {"print_type": True}),
        ("many_ids.1.0", many_ids, {}),
        ("unnamed.1.0", unnamed, {}),
        ("outputs.1.0", outputs, {}),
    ],
)
def test_expression_prints_as_in_theano(name: str, build: Callable[[], Any], options: dict[str, Any]):
    assert debugprint(build(), file="str", dialect=name[-3:], **options) == golden(name)


def test_kinds_of_ids():
    x = T.dmatrix("x")
    z = (x + x.T).sum()
    text = "".join(
        f"--- ids={ids!r}\n" + debugprint(z, ids=ids, file="str", dialect="1.0") for ids in ("CHAR", "int", "")
    )
    assert text == golden("ids.1.0")


def test_a_small_number_has_one_id_wherever_it_stands():
    x = T.dscalar("x")
    lines = debugprint([x + 2, x * 2, x - 200, x / 200, x**-2.0], file="str", dialect="1.0").split("\n")
    ids = [line.split("[id ")[1][0] for line in lines if "TensorConstant{2" in line or "{-2" in line]
    assert len(ids) == 5 and ids[0] == ids[1] and len(set(ids)) == 4


def test_depth_and_stop_on_name():
    h = T.tanh(T.dvector("x") * T.dvector("x"))
    h.name = "h"
    z = h.sum() + h.max()
    text = ""
    for options in ({"depth": 1}, {"depth": 2}, {"depth": 3}, {"stop_on_name": True}):
        text += f"--- {options}\n" + debugprint(z, file="str", dialect="1.0", **options)
    assert text == golden("depth.1.0")


def test_every_form_of_index():
    x, t, v = T.dmatrix("x"), T.dtensor3("t"), T.lvector("v")
    i, j = T.lscalar("i"), T.iscalar("j")
    read = (
        x[i], x[0], x[-1], x[i : i + 5], x[::2], x[1:3, i], x[:, i], x[::-1], x[i:, :j], t[i, 1:j:2, ...], t[..., 0],
        x[v], x[v, v], x[:, v], x[T.gt(x, 0).nonzero()], x[None, :, i], x[j],
    )  # fmt: skip
    written = (
        T.set_subtensor(x[i], 0.0), T.inc_subtensor(x[1:3, i], 2), T.inc_subtensor(x[v], 1.0),
        T.set_subtensor(x[v, v], 1.0), T.set_subtensor(x[:, 0], x[:, 1]),
    )  # fmt: skip
    assert several(read + written, "1.0") == golden("indexing.1.0")


def two_terms(mode: Any) -> Any:
    x, y = T.dvectors("x", "y")
    return theano.function([x, y], T.exp(x) * 2 + y / 3, mode=mode)


@pytest.mark.parametrize(
    ("name", "mode"), [("fast_compile.1.0", "FAST_COMPILE"), ("unoptimized.1.0", theano.Mode("py", None))]
)
def test_function_prints_as_in_theano(name: str, mode: Any):
    assert debugprint(two_terms(mode), file="str", dialect="1.0") == golden(name)


def test_numbers_are_the_execution_order():
    x = T.dvector("x")
    a, b, c = T.exp(x), T.sin(x), T.cos(x)
    f = theano.function([x], [a - (b - c), T.tan(c), a], mode="UNOPTIMIZED")
    assert debugprint(f, file="str", dialect="1.0") == golden("numbers.1.0")


def test_outputs_then_copies_of_inputs():
    x = T.dmatrix("x")
    largest, place = T.max_and_argmax(x, axis=1)
    f = theano.function([x], [largest, place, x.sum(), x])
    assert debugprint(f, file="str", dialect="1.0") == golden("outputs_compiled.1.0")


def test_readers_are_told():
    x = T.dvector("x")
    a = T.exp(x)
    f = theano.function([x], a * 2 + a.sum(), mode="UNOPTIMIZED")
    assert debugprint(f, file="str", dialect="1.0", print_clients=True) == golden("clients.1.0")


MODES = ["DebugMode", "debugmode", "FAST_RUN", "EXACT"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dialect", ["0.7", "1.0"])
def test_givens_print_as_the_slice_written_in(mode: str, dialect: str):
    """A function compiled with givens prints as the one compiled from the graph with the replacement in it."""
    x = theano.shared(np.arange(100), borrow=True, name="x")
    index = T.scalar(dtype="int32", name="index")
    given = theano.function([index], x, givens={x: x[index : index + 5]}, mode=mode)
    written = theano.function([index], x[index : index + 5], mode=mode)
    expected = golden(f"givens.{dialect}")
    assert debugprint(given, file="str", dialect=dialect) == expected
    assert debugprint(written, file="str", dialect=dialect) == expected
    assert given(3).tolist() == written(3).tolist() == [3, 4, 5, 6, 7]


def test_dialect_follows_the_flag():
    with theano.config.change_flags(print_dialect="1.0"):
        assert debugprint(arithmetic(), file="str") == golden("arithmetic.1.0")
    with pytest.raises(ValueError, match=r"0\.7"):
        debugprint(arithmetic(), dialect="0.9")


def test_done_carries_ids_from_call_to_call():
    x = T.dvector("x")
    a = x + 1
    done: dict[Any, str] = {}
    assert debugprint(a, done=done, file="str").startswith("Elemwise{add,no_inplace} [@A] ''   \n |x [@B]\n")
    assert debugprint(a * 2, done=done, file="str").splitlines()[:2] == [
        "Elemwise{mul,no_inplace} [@E] ''   ",
        " |Elemwise{add,no_inplace} [@A] ''   ",
    ]


def test_where_the_text_goes(capsys: pytest.CaptureFixture[str]):
    x = T.dscalar("x")
    stream = io.StringIO()
    assert debugprint(x, file=stream) is stream
    assert stream.getvalue() == "x [@A]\n"
    assert debugprint(x) is None
    assert capsys.readouterr().out == "x [@A]\n"


def test_roots_of_every_kind():
    x = T.dscalar("x")
    f = theano.function([x], x * 2)
    assert debugprint([x, 2.5, theano.In(x)], file="str") == "x [@A]\n2.5\nx [@A]\n"
    assert debugprint(f.fgraph, file="str") == debugprint(f, file="str")
    assert debugprint((x * 2).owner, file="str").startswith("Elemwise{mul,no_inplace} [@A]")
    with pytest.raises(TypeError, match="cannot print"):
        debugprint("x")


def test_deep_graph_prints():
    x = T.dscalar("x")
    z = x
    for _ in range(5000):
        z = T.sin(z)
    text = debugprint(z, file="str", ids="int")
    assert text.count("\n") == 5001
    assert text.endswith("|x [@5000]\n")


def test_graph_is_the_same_before_and_after_compiling():
    z = arithmetic()
    before = debugprint(z, file="str")
    inputs = [v for v in theano.graph.traversal.graph_inputs([z]) if v.name]
    theano.function(inputs, z)
    assert debugprint(z, file="str") == before


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.int8(1), "1"),
        (np.float32(1.5), "1.5"),
        (np.float32(0.1), "0.1"),
        (np.float64(np.inf), "inf"),
        (np.array([1.0, 2.0, 3.0]), "[1. 2. 3.]"),
        (np.zeros((2, 2)), "(2, 2) of 0.0"),
        (np.arange(30.0), "[ 0.  1.  ... 28. 29.]"),
        (np.arange(3000.0), "[0.000e+00..2.999e+03]"),
        (np.ones((3, 1)), "(3, 1) of 1.0"),
        (np.array([1, 1]), "(2,) of 1"),
        (np.zeros((0, 3)), "[]"),
        (np.float64(1e-8), "1e-08"),
        (np.float64(123456789.123), "123456789.123"),
        (np.array([1 / 3]), "(1,) of 0...3333333333"),
    ],
)
def test_text_of_constants(value: Any, text: str):
    assert constant_text(value) == text
    with np.printoptions(precision=2, threshold=2):
        assert constant_text(value) == text


_PROGRAM = """
import sys
import reference as theano, reference.tensor as T, numpy as np
x, y = T.dmatrices("x", "y")
w = theano.shared(np.ones((3, 3)), "w")
cost = T.log(T.nnet.sigmoid(T.dot(x, w)) if hasattr(T, "nnet") else T.sigmoid(T.dot(x, w))).sum() + (x * y).max()
f = theano.function([x, y], [cost], updates=[(w, w - T.grad(cost, w))])
theano.printing.debugprint(f)
"""


def test_text_does_not_depend_on_the_process():
    texts = set()
    for seed in ("0", "1", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(theano.__file__).parents[1])}
        run = subprocess.run(
            [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, env=environment, check=True
        )
        texts.add(run.stdout)
    assert len(texts) == 1
    assert "0x" not in texts.pop()


def test_text_survives_pickling():
    f = two_terms("FAST_RUN")
    assert debugprint(pickle.loads(pickle.dumps(f)), file="str") == debugprint(f, file="str")


def test_loops_print_their_inner_graphs():
    v = T.dvector("v")
    results, _ = theano.scan(lambda a: a * 2, sequences=v)
    expected = "for{cpu,scan_fn}"
    text = debugprint(results, file="str", dialect="1.0")
    assert text.startswith(expected)
    head, _, tail = text.partition("\nInner graphs of the scan ops:\n\n")
    assert tail.splitlines()[0] == head.splitlines()[0]
    assert tail.splitlines()[1].startswith(" >Elemwise{mul,no_inplace} [id ")
    assert tail.splitlines()[2].startswith(" > |v[t] [id ") and " -> [id " in tail.splitlines()[2]
    assert "->" not in debugprint(results, file="str", dialect="0.7")


def formulas() -> list[tuple[Any, str]]:
    x, y, m, v, i = T.dscalar("x"), T.dscalar("y"), T.dmatrix("m"), T.dvector("v"), T.lscalar("i")
    return [
        (x, "x"),
        (x + y, "(x + y)"),
        (x**2, "(x ** TensorConstant{2})"),
        (x * y + 1, "((x * y) + TensorConstant{1})"),
        (-x, "(-x)"),
        (abs(x), "|x|"),
        (T.exp(x), "exp(x)"),
        (T.dot(m, v), r"(m \dot v)"),
        (m.T, "m.T"),
        (v.sum(), "Sum{acc_dtype=float64}(v)"),
        (m.sum(axis=0), "Sum{axis=[0], acc_dtype=float64}(m)"),
        (v[i], "v[ScalarFromTensor(i)]"),
        (v[1:i], "v[int64:int64]"),
        (m[::2, 0], "m[::int64, Constant{0}]"),
        (T.switch(x > y, x, y), "switch(gt(x, y), x, y)"),
        (T.cast(x, "int32"), "int32(x)"),
        (T.dscalar("alpha") * x, r"(\alpha * x)"),
        (v + x, "(v + x)"),
        (T.zeros_like(v), "fill(v, TensorConstant{0.0})"),
        (x // y, "(x // y)"),
        (x % y, "mod(x, y)"),
        (v.dimshuffle(0, "x"), "DimShuffle{0, x}(v)"),
    ]


@pytest.mark.parametrize(("expression", "text"), formulas(), ids=lambda p: p if isinstance(p, str) else "")
def test_formula(expression: Any, text: str):
    assert pp(expression) == text


def test_formula_that_would_explode_is_refused():
    x = T.dscalar("x")
    for _ in range(40):
        x = x + x
    with pytest.raises(ValueError, match="debugprint"):
        pp(x)


@pytest.mark.parametrize("mode", ["UNOPTIMIZED", "FAST_COMPILE", "FAST_RUN", "UNSAFE", "DebugMode"])
def test_print_says_the_same_in_every_mode(mode: str, capsys: pytest.CaptureFixture[str]):
    x = T.dvector("x")
    shown = Print("here", attrs=("shape", "min"))(x * 1 + 0)
    f = theano.function([x], [shown * 0, shown.shape[0], Print("constant")(T.constant(2.0))], mode=mode)
    assert capsys.readouterr().out == ""
    f([3.0, 2.0])
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "constant __str__ = 2.0",
        "here min = 2.0",
        "here shape = (2,)",
    ]


def test_print_shows_no_address():
    assert "0x" not in debugprint(Print("m")(T.dscalar("x")), file="str")


# A graph as a program, and for Graphviz.


def graphs() -> dict[str, Any]:
    x, v, k, i = T.dmatrix("x"), T.dvector("v"), T.lvector("k"), T.lscalar("i")
    w = theano.shared(np.array([[1.5, np.nan], [-0.0, np.inf]]), "w")
    total, _ = theano.scan(lambda a, b: (a * b).sum(), sequences=v, outputs_info=T.zeros(()))
    rows, _ = theano.scan(lambda row: theano.scan(lambda e: e**2, sequences=row)[0], sequences=x)
    return {
        "shared": T.dot(x, w) + 1,
        "arrays": T.log(T.nnet.softmax(x))[T.arange(2), k],
        "slices": x[1:i, ::-1],
        "written": T.set_subtensor(x[i], v),
        "loop": total,
        "nested loop": rows,
        "several": T.max_and_argmax(x, axis=1),
        "empty": T.constant(np.zeros((0, 3))) + 1,
        "random": T.shared_randomstreams.RandomStreams(3).uniform((2, 3)),
        "complex": T.zmatrix("z") * T.constant(np.array([1 + 2j, complex(np.nan, -0.0)])),
        "named class": T.dscalar("Elemwise") + T.dscalar("lambda") + T.dscalar("x y"),
        "gradient": T.grad(T.tanh(x).sum(), x),
        "broadcast": T.Rebroadcast((0, True), (1, False))(x),
    }


@pytest.mark.parametrize("name", list(graphs()))
def test_a_graph_written_as_a_program_prints_the_same(name: str):
    z = graphs()[name]
    _, again = rebuild(source(z))
    assert debugprint(again, file="str", print_type=True) == debugprint(z, file="str", print_type=True)
    assert source(again) == source(z)


def test_a_function_written_as_a_program():
    f = two_terms("FAST_RUN")
    inputs, outputs = rebuild(source(f))
    assert debugprint(FunctionGraph(inputs, outputs), file="str") == debugprint(f, file="str")
    assert [v.name for v in inputs] == ["x", "y"]


def test_what_cannot_be_written_is_named():
    class Opaque(Op):
        def make_node(self, x: Any) -> Apply:
            return Apply(self, [x], [x.type()])

    with pytest.raises(TypeError, match="Opaque a dataclass"):
        source(Opaque()(T.dscalar("x")))


def test_dot_text_names_every_node_once():
    x = T.dmatrix("x")
    text = dot(T.exp(x) + T.exp(x).T, with_types=False)
    assert text.startswith("digraph {") and text.endswith("}\n")
    assert text.count('label="x"') == 1
    assert text.count("Elemwise{exp,no_inplace}") == 2
    assert dot(two_terms("FAST_RUN")).count("->") == 8


def test_pydotprint_writes_a_file(tmp_path: Path):
    theano.printing.pydotprint(two_terms("FAST_RUN"), outfile=tmp_path / "graph.png", var_with_name_simple=True)
    assert (tmp_path / "graph.dot").read_text().startswith("digraph")


def test_a_page_shows_every_operation_for_any_browser(tmp_path: Path):
    from reference.printing.page import d3viz, d3write

    x, w = T.dmatrix("x"), theano.shared(np.eye(2), 'the "weights" <w>')
    f = theano.function([x], T.tanh(T.dot(x, w)), mode="UNOPTIMIZED")
    d3viz(f, tmp_path / "graph.html", copy_deps=False)
    page = (tmp_path / "graph.html").read_text()
    shown = re.findall(r"<text[^>]*>([^<]*)</text>", page)
    assert shown == ["x", "the &quot;weights&quot; &lt;w&gt;", "dot", "Elemwise{tanh,no_inplace}", "output 0"]
    assert page.count("<rect") == 5 and page.count("<line") == 4
    d3write(f, tmp_path / "graph.dot")
    assert (tmp_path / "graph.dot").read_text().startswith("digraph")


def gibbs(explicit: bool) -> tuple[Any, Any, Any]:
    """A chain whose weights are captured by the step, or passed to it."""
    w = theano.shared(np.linspace(-1, 1, 12).reshape(4, 3), name="W")
    b, c = theano.shared(np.zeros(4), name="b"), theano.shared(np.zeros(3), name="c")
    trng = T.shared_randomstreams.RandomStreams(1234)

    def step(visible: Any, w: Any, b: Any, c: Any) -> Any:
        mean = T.nnet.sigmoid(T.dot(visible, w) + c)
        hidden = trng.binomial(size=mean.shape, n=1, p=mean)
        mean = T.nnet.sigmoid(T.dot(hidden, w.T) + b)
        return trng.binomial(size=visible.shape, n=1, p=mean, dtype=theano.config.floatX)

    start = T.vector("sample")
    if explicit:
        chain, updates = theano.scan(step, outputs_info=start, non_sequences=[w, b, c], n_steps=10, strict=True)
    else:
        chain, updates = theano.scan(lambda v: step(v, w, b, c), outputs_info=start, n_steps=10)
    return start, chain[-1], updates


def test_two_loops_with_one_step_call_their_rows_by_their_own_names():
    """A clone keeps the step: what is h in one loop is g in the other, with another id."""
    h, g, n = T.vector("h"), T.vector("g"), T.iscalar("n")
    rows, _ = theano.scan(lambda v: v * 2 + 1, outputs_info=h, n_steps=n)
    text = debugprint([rows, theano.clone(rows, replace={h: g})], file="str")
    ids = dict(re.findall(r"([hg]\[t-1\]) (\[@\w+\])", text))
    assert len(ids) == len(set(ids.values())) == 2
    steps = text.partition("Inner graphs of the scan ops:")[2]
    assert steps.count("Elemwise{mul,no_inplace}") == 2


@pytest.mark.parametrize("mode", ["EXACT", "FAST_RUN", "DebugMode"])
def test_captured_and_explicit_variables_print_the_same_after_rewriting(mode: str):
    texts = []
    for explicit in (False, True):
        start, last, updates = gibbs(explicit)
        f = theano.function([start], last, updates=updates, mode=mode)
        texts.append(debugprint(f, file="str"))
        again = FunctionGraph(f.fgraph.inputs, f.fgraph.outputs)
        assert len(theano.compile.modes.get_mode(mode).rewrite(again)) == 0
    assert texts[0] == texts[1]
