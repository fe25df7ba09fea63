"""Loops that are one kernel: which ones are, why others are not, and that their bits are the reference's."""

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from opencl_backend.kernels import rows as rows_text
from opencl_backend.lower import scan_kernel
from reference import function, scan, shared
from reference.config import config
from reference.scan import until
from reference.tensor.shared_randomstreams import RandomStreams

RNG = np.random.default_rng(4)
COLUMNS, PARTS, REPLAYED = "every column on its own", "parts a step", "replayed step by step, as"


@pytest.fixture(autouse=True)
def a_kernel_for_every_loop(monkeypatch):
    monkeypatch.setattr(scan_kernel, "COMPILER_STEPS", 0)
    with config.change_flags(scan__unroll=0):
        yield


def whole(*shape):
    """Numbers whose products and sums are exact, in whatever order they are added up."""
    return RNG.integers(-2, 3, shape).astype("float64")


def recurrence(dtype="float32", size=37):
    h, a, b = (T.TensorType(dtype, (False,))() for _ in range(3))
    r, _ = scan(lambda h, a, b: a * h + b, outputs_info=h, non_sequences=[a, b], n_steps=9)
    return [h, a, b], [r], [RNG.standard_normal(size).astype(dtype) for _ in range(3)]


def over_rows(dtype="float32", size=5):
    x, h = T.TensorType(dtype, (False, False))(), T.TensorType(dtype, (False,))()
    r, _ = scan(lambda x, h: T.tanh(h * x) + x, sequences=x, outputs_info=h)
    return [x, h], [r], [RNG.standard_normal((6, size)).astype(dtype), np.zeros(size, dtype)]


def backwards_over_turned_rows():
    x = T.dmatrix()
    r, _ = scan(lambda x, h: h * 0.5 + x, sequences=x.T, outputs_info=T.zeros((3,)), go_backwards=True)
    return [x], [r], [RNG.standard_normal((3, 7))]


def several_taps():
    x, h = T.dmatrix(), T.dmatrix()
    r, _ = scan(
        lambda a, b, h3, h1: h3 * a - h1 * b,
        sequences={"input": x, "taps": [0, 2]},
        outputs_info={"initial": h, "taps": [-3, -1]},
    )
    return [x, h], [r], [RNG.standard_normal((8, 4)), RNG.standard_normal((3, 4))]


def states_and_a_number():
    m, c = T.dmatrix(), T.dscalar()
    r, _ = scan(lambda m, c: [m * c + 1, c * 0.9, m - c], outputs_info=[m, c, None], n_steps=5)
    return [m, c], [*r[:2], r[2][-2:]], [RNG.standard_normal((4, 5)), np.array(1.5)]


def last_rows():
    h = T.dvector()
    r, _ = scan(lambda h: T.switch(T.gt(h, 1), h - 1, h * 1.7), outputs_info=h, n_steps=12)
    return [h], [r[-1], r[-3:]], [RNG.random(18)]


def integers():
    n, k = T.bvector(), T.lscalar()
    r, _ = scan(lambda n, k: T.cast(n * 3 + k, "int8"), outputs_info=n, non_sequences=k, n_steps=40)
    return [n, k], [r], [np.arange(20, dtype="int8"), 5]


def counted():
    h = T.dvector()
    r, _ = scan(lambda t, h: h * 0.5 + t + T.arange(h.shape[0]), sequences=T.arange(6), outputs_info=h)
    return [h], [r], [RNG.standard_normal(21)]


def ended():
    h, c = T.dvector(), T.dscalar()
    r, _ = scan(lambda h, c: ([h * 1.5, c * 2], until(c > 50)), outputs_info=[h, c], n_steps=40)
    return [h, c], list(r), [RNG.random(9), np.array(1.0)]


def ended_last_rows():
    h, c = T.dvector(), T.dscalar()
    r, _ = scan(lambda h, c: ([h * 1.5, c * 2], until(c > 50)), outputs_info=[h, c], n_steps=40)
    return [h, c], [r[0][-3:], r[1][-1]], [RNG.random(9), np.array(1.0)]


def gradients():
    x, w = T.dmatrix(), T.dvector()
    r, _ = scan(lambda x, h, w: h * w * h + x, sequences=x, outputs_info=T.zeros((4,)), non_sequences=w)
    return [x, w], T.grad(r.sum(), [x, w]), [RNG.random((6, 4)) / 4, RNG.random(4)]


def updated():
    total, h = shared(np.zeros(3)), T.dvector()
    r, updates = scan(lambda h: (h * 2, {total: total + h}), outputs_info=h, n_steps=4)
    return [h], [r[-1], updates[total]], [np.arange(3.0)]


def product(dtype="float32"):
    h, w = T.TensorType(dtype, (False,) * 2)(), T.TensorType(dtype, (False,) * 2)()
    r, _ = scan(lambda h, w: T.dot(h, w) - h, outputs_info=h, non_sequences=w, n_steps=5)
    return [h, w], [r], [whole(6, 20).astype(dtype), whole(20, 20).astype(dtype)]


def product_with_a_turned_matrix():
    h, w = T.dmatrix(), T.dmatrix()
    r, _ = scan(lambda h, w: T.dot(T.maximum(T.dot(h, w), 0), w.T), outputs_info=h, non_sequences=w, n_steps=4)
    return [h, w], [r[-1]], [whole(4, 7), whole(7, 5)]


def product_with_a_vector():
    h, w = T.dvector(), T.dmatrix()
    r, _ = scan(lambda h, w: T.dot(h, w) / 4, outputs_info=h, non_sequences=w, n_steps=4)
    return [h, w], [r], [whole(6), whole(6, 6)]


def reduced_rows():
    h = T.fmatrix()
    r, _ = scan(lambda h: T.nnet.softmax(h * 2 + h.max(axis=1, keepdims=True)), outputs_info=h, n_steps=4)
    return [h], [r], [RNG.standard_normal((4, 9)).astype("float32")]


def reduced_columns():
    h = T.dmatrix()
    r, _ = scan(lambda h: h / (1 + h.sum(axis=0)), outputs_info=h, n_steps=4)
    return [h], [r], [RNG.random((4, 9))]


def parts_joined():
    h = T.dmatrix()
    r, _ = scan(lambda h: T.concatenate([h[:, 3:] * 2, h[:, :3] + 1], axis=1), outputs_info=h, n_steps=5)
    return [h], [r], [RNG.random((4, 9))]


def one_element_for_all():
    h = T.dvector()
    r, _ = scan(lambda h: h * h[0], outputs_info=h, n_steps=3)
    return [h], [r], [RNG.random(5)]


def looked_up():
    h, k = T.dvector(), T.lvector()
    r, _ = scan(lambda h, k: h[k] + 1, outputs_info=h, non_sequences=k, n_steps=3)
    return [h, k], [r], [RNG.random(5), np.array([4, 3, 2, 1, 0])]


def ended_by_a_sum():
    h = T.dvector()
    r, _ = scan(lambda h: (h * 1.5, until(h.sum() > 50)), outputs_info=h, n_steps=40)
    return [h], [r], [RNG.random(9)]


def nested():
    h, a = T.dvector(), T.dvector()

    def step(h, a):
        g, _ = scan(lambda g, a: g * a + 1, outputs_info=h, non_sequences=a, n_steps=3)
        return g[-1] + h

    r, _ = scan(step, outputs_info=h, non_sequences=a, n_steps=4)
    return [h, a], [r], [RNG.random(19), RNG.random(19)]


def nested_with_products():
    h, w = T.dmatrix(), T.dmatrix()

    def step(h, w):
        g, _ = scan(lambda g, w: T.dot(g, w) + 1, outputs_info=h, non_sequences=w, n_steps=3)
        return g[-1] * 0.5

    r, _ = scan(step, outputs_info=h, non_sequences=w, n_steps=4)
    return [h, w], [r], [whole(2, 5), whole(5, 5)]


LOOPS = [
    (recurrence, COLUMNS), (over_rows, COLUMNS), (backwards_over_turned_rows, COLUMNS), (several_taps, COLUMNS),
    (states_and_a_number, COLUMNS), (last_rows, COLUMNS), (integers, COLUMNS), (counted, COLUMNS), (ended, COLUMNS),
    (ended_last_rows, COLUMNS), (gradients, COLUMNS), (updated, COLUMNS), (product, PARTS),
    (product_with_a_turned_matrix, PARTS), (product_with_a_vector, PARTS), (reduced_rows, PARTS),
    (reduced_columns, PARTS), (parts_joined, PARTS), (one_element_for_all, PARTS), (looked_up, PARTS),
    (ended_by_a_sum, PARTS), (nested, PARTS), (nested_with_products, PARTS),
]  # fmt: skip


def same_bits(a, b):
    assert a.dtype == b.dtype and a.shape == b.shape
    np.testing.assert_array_equal(a, b)


def compared(inputs, outputs, given, mode="EXACT", calls=2):
    """The function on the device, after its results were held against the reference's."""
    f, g = (function(inputs, outputs, backend=backend, mode=mode) for backend in ("opencl", "reference"))
    for _ in range(calls):
        for a, b in zip(f(*given), g(*given), strict=True):
            same_bits(a, b)
    return f


@pytest.mark.parametrize("loop, how", LOOPS, ids=lambda it: getattr(it, "__name__", ""))
def test_a_loop_is_one_kernel_with_the_reference_s_bits(loop, how):
    f = compared(*loop())
    text = f.executable.explain()
    assert how in text and REPLAYED not in text


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 15, 16, 17, 255, 1000])
def test_any_number_of_columns(size):
    compared(*recurrence("float32", size))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "uint8"])
def test_columns_of_every_kind_of_number(dtype):
    inputs, outputs, given = recurrence("float64", 20)
    inputs = [T.TensorType(dtype, (False,))() for _ in given]
    outputs, _ = scan(
        lambda h, a, b: T.cast(a * h + b, dtype), outputs_info=inputs[0], non_sequences=inputs[1:], n_steps=9
    )
    compared(inputs, [outputs], [(10 * np.abs(v)).astype(dtype) for v in given])


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_parts_of_every_kind_of_number(dtype):
    h, b = T.TensorType(dtype, (False,))(), T.TensorType(dtype, ())()
    r, _ = scan(lambda h, b: T.maximum(h[::-1], b) - h[0], outputs_info=h, non_sequences=b, n_steps=4)
    compared([h, b], [r], [whole(5).astype(dtype), np.array(1, dtype)])


@pytest.mark.parametrize("shape", [(1, 4), (2, 16), (3, 5), (8, 33), (7, 64)])
def test_any_batch(shape):
    h, w = T.dmatrix(), T.dmatrix()
    r, _ = scan(lambda h, w: T.maximum(T.dot(h, w), h) / 8, outputs_info=h, non_sequences=w, n_steps=4)
    compared([h, w], [r], [whole(*shape), whole(shape[1], shape[1])])


def test_rows_of_a_batch_are_split_over_work_items():
    f = compared(*product())
    units = f.executable.runtime.device.compute_units
    if units > 1:
        assert "rows of the batch each" in f.executable.explain()


def test_streams_go_on_where_the_loop_ended():
    results = []
    for backend in ("opencl", "reference"):
        stream, v = RandomStreams(3), T.dmatrix()

        def step(v, stream=stream):
            first = stream.uniform(v.shape)
            return v * 0.5 + first * stream.binomial(v.shape, 1, 0.5) - stream.uniform(v.shape)

        r, updates = scan(step, outputs_info=v, n_steps=3)
        f = function([v], r, updates=updates, backend=backend, mode="EXACT")
        results.append([f(np.zeros((2, 4))) for _ in range(3)])
        assert backend == "reference" or PARTS in f.executable.explain()
    for a, b in zip(*results):
        same_bits(a, b)
    assert not np.array_equal(results[0][0], results[0][1])


def test_a_loop_that_only_draws():
    states = []
    for backend in ("opencl", "reference"):
        stream = RandomStreams(3)
        _, updates = scan(lambda stream=stream: stream.permutation(n=4), n_steps=3)
        f = function([], list(updates.values()), updates=updates, backend=backend, mode="EXACT")
        states.append([f()[0] for _ in range(2)])
    for a, b in zip(*states):
        same_bits(np.asarray(a), np.asarray(b))


def test_what_the_host_knows_stays_known():
    x, k = T.dvector(), T.lscalar()
    r, _ = scan(lambda k, h: T.sort(h) + k * h, sequences=T.stack([k, k + 1]), outputs_info=x)
    f, g = (function([x, k], [r, x[:k]], backend=backend, mode="EXACT") for backend in ("opencl", "reference"))
    for number in (1, 2, 1):
        for a, b in zip(f(np.arange(4.0), number), g(np.arange(4.0), number)):
            same_bits(a, b)


def test_another_number_of_steps_runs_the_same_program():
    h, n = T.dvector(), T.lscalar()
    r, _ = scan(lambda h: h * 0.5 + 1, outputs_info=h, n_steps=n)
    f, g = (function([h, n], r, backend=backend, mode="EXACT") for backend in ("opencl", "reference"))
    given = RNG.random(10)
    for steps in (3, 0, 5, 1):
        same_bits(f(given, steps), g(given, steps))
    builds = f.executable.runtime.programs.builds
    f(given, 11)
    assert f.executable.runtime.programs.builds == builds


def test_rows_that_begin_elsewhere_on_every_call():
    x, k = T.dmatrix(), T.lscalar()
    r, _ = scan(lambda x, h: h * 0.5 + x, sequences=x[k : k + 4], outputs_info=T.zeros((3,)))
    f, g = (function([x, k], r, backend=backend, mode="EXACT") for backend in ("opencl", "reference"))
    given = RNG.random((9, 3))
    for begin in (0, 3, 5, 1):
        same_bits(f(given, begin), g(given, begin))
    assert COLUMNS in f.executable.explain() and len(f.executable.plans) == 1


def test_no_columns_at_all():
    h = T.dvector()
    r, _ = scan(lambda h: h * 2, outputs_info=h, n_steps=3)
    compared([h], [r], [np.zeros(0)])


def test_a_small_loop_is_not_worth_the_compiler(monkeypatch):
    monkeypatch.undo()
    f = compared(*recurrence())
    assert "too small to be worth the compiler's time" in f.executable.explain()


@pytest.mark.parametrize(
    "step, why",
    [
        (lambda h: T.sort(h), "needs work-groups|replayed|parts a step"),
        (lambda h: T.dot(h, T.zeros((3, 3)))[[0, 1, 2]], "parts a step"),
    ],
)
def test_operations_with_kernels_of_their_own(step, why):
    h = T.dvector()
    r, _ = scan(step, outputs_info=h, n_steps=3)
    f = compared([h], [r], [RNG.random(3)])
    assert any(word in f.executable.explain() for word in why.split("|"))


def test_large_matrices_are_left_to_kernels_for_all_of_the_device():
    h, w = T.fmatrix(), T.fmatrix()
    r, _ = scan(lambda h, w: T.dot(h, w), outputs_info=h, non_sequences=w, n_steps=2)
    f = function([h, w], r[-1], backend="opencl")
    f(np.zeros((2, 600), "float32"), np.zeros((600, 600), "float32"))
    assert "bytes of matrices, which a core's cache does not hold" in f.executable.explain()


H, K, N = T.dvector(), T.lvector(), T.lscalar()
ERRORS = {
    "an index the host knows": (lambda: scan(lambda k, h: h * 2 + h[k], sequences=K, outputs_info=H)[0], 2),
    "indices the device knows": (lambda: scan(lambda k, h: h * 2 + h[(K + k) // 2], sequences=K, outputs_info=H)[0], 2),
    "indices made in a step": (lambda: scan(lambda h: h[T.cast(h, "int64")] * 2, outputs_info=H, n_steps=9)[0], 2),
    "a choice": (lambda: scan(lambda h: T.choose(T.cast(h, "int64"), [h * 2, h + 1]), outputs_info=H, n_steps=9)[0], 1),
    "a loop in a loop": (
        lambda: scan(
            lambda h: scan(lambda g: g[T.cast(h, "int64")] * 2, outputs_info=h, n_steps=3)[0][-1],
            outputs_info=H, n_steps=9,
        )[0], 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("threshold", [0, 1 << 30], ids=["kernel", "replay"])
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_names_its_step(error, threshold, monkeypatch):
    monkeypatch.setattr(scan_kernel, "COMPILER_STEPS", threshold)
    loop, step = ERRORS[error]
    texts = []
    for backend in ("opencl", "reference"):
        f = function([K, H], loop(), backend=backend, mode="EXACT", on_unused_input="ignore")
        with pytest.raises((IndexError, ValueError)) as raised:
            f(np.array([0, 2, 3]), np.ones(3))
        texts.append(str(raised.value))
        assert f"This was step {step} of" in texts[-1] and "for{cpu,scan_fn}" in texts[-1]
        assert f(np.array([0, 0, 0]), np.zeros(3)).shape[1:] == (3,)
    assert texts[0].partition("\n")[0] == texts[1].partition("\n")[0]


def test_a_state_that_changes_its_shape_is_the_reference_s_error():
    h = T.dvector()
    r, _ = scan(lambda h: T.concatenate([h, h]), outputs_info=h, n_steps=3)
    with pytest.raises(ValueError, match="must keep its shape"):
        function([h], r, backend="opencl")(np.ones(2))


def test_the_last_row_takes_no_memory_for_the_others():
    h, n = T.dvector(), T.lscalar()
    r, _ = scan(lambda h: h * 0.5, outputs_info=h, n_steps=n)
    f = function([h, n], r[-1], backend="opencl")
    f(np.ones(1024), 10)
    before = f.executable.runtime.working.allocated
    f(np.ones(1024), 4096)
    assert f.executable.runtime.working.allocated - before < 16 * 1024 * 8


def test_on_devices_of_many_small_cores_every_column_is_an_item():
    with config.change_flags(opencl__style="gpu"):
        for loop in (recurrence, over_rows, ended):
            f = compared(*loop())
            assert COLUMNS in f.executable.explain()
        assert "too slow for what a step does" in compared(*product()).executable.explain()


def test_definitions_are_cut_where_they_end():
    parts = [
        "#define A(x) { \\\n  x; \\\n  }",
        "typedef int t;",
        "static int f(int a,\n  int b) {\n  return a;\n}",
        "int g() { }",
    ]
    assert rows_text.definitions("\n".join(parts)) == parts


@pytest.mark.parametrize("together", [False, True], ids=["columns", "rows"])
def test_a_loop_that_ends_by_a_condition_is_replayed_where_last_values_are_wanted(together):
    h = T.fvector()

    def step(r, c):
        return [r * 0.5 + 1, c * 2], until(c + r.sum() * 0 > 90 if together else c > 90)

    (r, counted), _ = scan(step, outputs_info=[h, h.sum()], n_steps=50)
    f, g = (function([h], [r[-1], counted[-1]], backend=backend) for backend in ("opencl", "reference"))
    for value in (3, 3, 100, 1, 3):
        for a, b in zip(f(np.full(5, value, "float32")), g(np.full(5, value, "float32"))):
            np.testing.assert_allclose(a, b, rtol=1e-6)
    text = f.executable.explain()
    assert "replayed 4 times" in text and (PARTS if together else COLUMNS) in text
