"""Faults in what operations mean: the rows of the scalar table, their helpers, and `perform`.

These are wrong in every mode and on the defining cell: only an independent opinion, the model, sees them.
"""

from mutants.mutant import patches

seed = patches("meaning", "reference/special.py")

seed(
    "round_half_towards_zero",
    "halves are rounded towards zero",
    "np.abs(x - whole) >= 0.5",
    "np.abs(x - whole) > 0.5",
    "op round_half_away_from_zero",
)
seed(
    "negative_power_of_minus_one",
    "(-1)**-2 is -1",
    "np.where(x == -1, 1 - 2 * (y & 1), 0)",
    "np.where(x == -1, -1, 0)",
    "op pow",
)
seed(
    "clip_high_first",
    "crossed bounds give the higher one",
    "return np.where(x < low, low, np.where(x > high, high, x))",
    "return np.where(x > high, high, np.where(x < low, low, x))",
    "op clip",
)
seed(
    "cast_wraps_floats",
    "a float out of an integer dtype's range becomes 0",
    "return np.where(inside, whole, np.where(x < low, least, np.where(x >= above, most, zero)))",
    "return np.where(inside, whole, zero)",
    "op Cast{",
)
seed(
    "softplus_overflows",
    "softplus is written so that exp overflows",
    "return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))",
    "return np.log1p(np.exp(x))",
    "op softplus",
)
seed(
    "sigmoid_of_minus",
    "sigmoid is that of -x",
    "value = 1 / (1 + np.exp(-x))",
    "value = 1 / (1 + np.exp(x))",
    "op sigmoid",
)
seed(
    "sign_of_nan",
    "the sign of NaN is 0",
    'return np.sign(x) if x.dtype.kind != "b" else np.array(x)',
    'return np.nan_to_num(np.sign(x)) if x.dtype.kind != "b" else np.array(x)',
    "op sgn",
)

seed = patches("meaning", "reference/scalar.py")

seed(
    "division_truncates",
    "integers are divided towards zero",
    '_row("int_div", 2, np.floor_divide,',
    '_row("int_div", 2, lambda x, y: np.floor_divide(x, y) if x.dtype.kind != "i" else '
    "np.where(y == 0, 0, np.sign(x) * np.sign(y) * (abs(x) // np.maximum(abs(y), 1))).astype(x.dtype),",
    "op int_div",
    origin="C integer division truncates",
)
seed(
    "remainder_of_the_dividend",
    "a remainder takes the sign of the dividend",
    '_row("mod", 2, np.remainder,',
    '_row("mod", 2, np.fmod,',
    "op mod",
    origin="C's % takes the sign of the dividend",
)
seed(
    "nan_loses",
    "a maximum with NaN is the other operand",
    '(("maximum", np.maximum), ("minimum", np.minimum))',
    '(("maximum", np.fmax), ("minimum", np.fmin))',
    "op maximum",
    "op minimum",
    origin="OpenCL's fmax drops NaN",
)
seed(
    "real_is_a_view",
    "the real part of a number shares its memory",
    "lambda x: np.real(x).copy()",
    "np.real",
    "op real",
    "function",
    origin="Theano eb73f6279: np.real returns a view",
)
seed(
    "quotient_of_small_integers",
    "a quotient of integers of at most two bytes is float32",
    'return "float64" if dtype in DISCRETE else dtype',
    "return to_float(dtype)",
    "op true_div",
)
seed(
    "inv_of_zero",
    "1 / -0.0 is inf",
    '_row("inv", 1, np.reciprocal,',
    '_row("inv", 1, lambda x: np.reciprocal(x + x.dtype.type(0)),',
    "op inv",
    "rewrite one_over",
    origin="Theano: 1/(x+0)",
)
seed("ge_is_gt", "x >= y is x > y", '("ge", np.greater_equal)', '("ge", np.greater)', "op ge")
seed(
    "expm1_by_exp",
    "expm1 loses the digits it is for",
    '_function("expm1", np.expm1,',
    '_function("expm1", lambda x: np.exp(x) - 1,',
    "op expm1",
)

seed = patches("meaning", "reference/tensor/reduce.py")

seed(
    "sum_in_dtype",
    "a sum of float32 is accumulated in float32",
    '"float16": "float32", "float32": "float64"',
    '"float16": "float16", "float32": "float32"',
    "op Sum",
    "op Prod",
)
seed(
    "last_largest",
    "of equal elements the last is the largest",
    'place = np.asarray(rows.argmax(axis=-1), dtype="int64")',
    'place = np.asarray(rows.shape[-1] - 1 - rows[..., ::-1].argmax(axis=-1), dtype="int64")',
    "op MaxAndArgmax",
    "op Argmax",
    "op Max",
    origin="argmax tie: the last",
)
seed(
    "max_sign_of_zero",
    "the sign of a largest zero is NumPy's",
    'if largest.dtype.kind == "f" and not largest.all():',
    "if False:",
    "op Max",
    "rewrite only_max_or_argmax",
)
seed(
    "var_of_one_axis",
    "var divides by all elements",
    "v = mean(squares, axes, keepdims=keepdims)",
    "v = sum(squares, axes, keepdims=keepdims) / cast(mul(ONE, *[shape(x)[k] for k in"
    " range(x.type.ndim)]), squares.type.dtype)",
    "op ",
    "model",
)
seed(
    "keepdims_at_the_end",
    "kept dimensions are put at the end",
    'tuple("x" if a in gone else next(places) for a in range(rank))',
    '(*range(y.type.ndim), *["x"] * len(gone))',
    "op ",
    "model",
)

seed = patches("meaning", "reference/tensor/indexing.py")

seed(
    "increments_lost",
    "of increments at one place the last is kept",
    "np.add.at(result, index, np.broadcast_to(y, part))",
    "result[index] += y",
    "op AdvancedIncSubtensor",
    origin="numpy's x[i] += y counts a repeated index once; Theano 1f2386323",
)
seed(
    "write_in_place",
    "a write changes its operand",
    "        result = x.copy()\n        repeats",
    "        result = x\n        repeats",
    "op IncSubtensor",
    "op AdvancedIncSubtensor",
    "function",
    origin="Theano PR #796: an in-place op ran twice",
)
seed(
    "mask_as_integers",
    "a mask is an index of zeros and ones",
    "        return (np.asarray(x[with_values(self.pattern, values)]),)\n\n    def infer_shape",
    '        values = [v.astype(int) if getattr(v, "dtype", None) == bool and np.ndim(v) == 1 else v for v in values]\n'
    "        return (np.asarray(x[with_values(self.pattern, values)]),)\n\n    def infer_shape",
    "op AdvancedSubtensor",
    origin="Theano 491faffa0: a boolean index was read as integers",
)

seed = patches("meaning", "reference/tensor/elemwise.py")

seed(
    "stretches_at_run_time",
    "a dimension that happens to have length 1 stretches",
    "        if len(lengths) > 1:\n            shapes",
    "        if len(lengths - {1}) > 1:\n            shapes",
    "op ",
    "error",
)
seed(
    "shape_of_the_first_operand",
    "the shape of an elementwise result is told as that of its first operand",
    "fixed = [s[axis] for v, s in zip(node.inputs, shapes) if not v.type.broadcastable[axis]]",
    "fixed = [s[axis] for s in shapes]",
    "rewrite length_through",
    "op ",
    origin="Theano #2167, ca0efdc93: a stale broadcast pattern was trusted",
)

seed = patches(
    "meaning", "reference/tensor/slices.py", "rewrite length_through", "rewrite part_of_alloc", "op Subtensor"
)

seed(
    "slice_length_rounded_up",
    "a slice with a step has one element too many",
    "return maximum(int_div(sub(add(distance, size), ONE), size), zero)",
    "return maximum(int_div(add(distance, size), size), zero)",
)
seed(
    "slice_length_unclipped",
    "a slice that takes nothing has a negative length",
    "return distance if rising and first is zero else maximum(distance, zero)",
    "return distance",
)
seed(
    "slice_end_beyond",
    "the end of a slice may lie beyond the end",
    "        return minimum(place, high)\n    if known is not None:",
    "        return place\n    if known is not None:",
)

seed = patches("meaning", "reference/tensor/shape.py")

seed(
    "reshape_rest_of_all",
    "-1 in a new shape stands for the whole number of elements, when the shape is told",
    "rest = floor_div(total, mul(ONE, *others)) if others else total",
    "rest = total",
    "rewrite length_through",
    "op Reshape",
)
seed(
    "swapped_axes_once",
    "swapaxes moves one axis only",
    "order[a], order[b] = order[b], order[a]",
    "order[a], order[b] = order[b], order[b - 1]",
    "op ",
    "model",
    "build",
)
seed(
    "flatten_first_dimensions",
    "flatten joins the first dimensions",
    "flat = reshape(x, [*lengths[: ndim - 1], mul(*lengths[ndim - 1 :])])",
    "flat = reshape(x, [mul(*lengths[: len(lengths) - ndim + 1]), *lengths[len(lengths) - ndim + 1 :]])",
    "op ",
    "model",
)

seed = patches("meaning", "reference/tensor/joining.py")

seed(
    "split_by_lengths",
    "the cuts of a split are its lengths, not their sums",
    "(slice(None),) * (k % x.ndim), accumulate(lengths)",
    "(slice(None),) * (k % x.ndim), lengths",
    "op Split",
)
seed(
    "join_length_of_two",
    "the length of a join of three is told as that of the first two",
    "add(*[s[k] for s in parts])",
    "add(*[s[k] for s in parts[:2]])",
    "rewrite length_through",
    "op Join",
)
seed(
    "tiled_inside_out",
    "tile repeats elements, not the whole",
    'tuple(p for a in range(rank) for p in ("x", a))',
    'tuple(p for a in range(rank) for p in (a, "x"))',
    "op ",
    "model",
    "build",
    "error",
)

seed = patches("meaning", "reference/tensor/basic.py")

seed(
    "smallest_integers_too_small",
    "128 and 255 are taken for int8",
    "        if low <= x <= high:",
    "        if low <= x <= 2 * high + 1:",
    "op ",
    "model",
    "build",
    origin="Theano gh-2348, 42cd329df: a constant kept in the smallest int overflowed",
)

seed = patches("meaning", "reference/tensor/creation.py")

seed(
    "arange_length_rounded_down",
    "a range of floats is told one element too short",
    "length = ceil(true_div(sub(",
    "length = (lambda x: ceil(x) - np.float64(1))(true_div(sub(",
    "rewrite length_through",
    "op ARange",
)
seed(
    "triu_without_diagonal",
    "triu leaves its diagonal out",
    "k=as_index(k) - ONE, dtype",
    "k=as_index(k), dtype",
    "op ",
    "model",
)

seed = patches("meaning", "reference/tensor/sort.py")

seed(
    "argsort_unstable",
    "equal elements are sorted last first",
    'return (np.argsort(x, axis=int(axis), kind="stable").astype("int64", copy=False),)',
    'turned = -x if x.dtype.kind in "if" else x\n'
    '        places = np.flip(np.argsort(turned, axis=int(axis), kind="stable"), int(axis))\n'
    '        return (places.astype("int64"),)',
    "op ArgSortOp",
)

seed = patches("meaning", "reference/tensor/extra_ops.py")

seed(
    "running_product_is_a_sum",
    "cumprod adds",
    'ufunc = np.add if self.mode == "add" else np.multiply',
    "ufunc = np.add",
    "op CumOp",
)

seed = patches("meaning", "reference/tensor/nnet/softmax.py")

seed(
    "softmax_uncentered",
    "softmax of large numbers overflows",
    "return x - np.maximum.reduce(x, axis=1, keepdims=True) if x.size else x.copy()",
    "return x - np.maximum.reduce(x, axis=1, keepdims=True) * 0 if x.size else x.copy()",
    "op Softmax",
    "op LogSoftmax",
)

seed = patches("meaning", "reference/tensor/linalg.py")

seed(
    "outer_in_order",
    "outer is the product of the swapped operands",
    'return Dot()(column.dimshuffle(0, "x"), row.dimshuffle("x", 0))',
    'return Dot()(row.dimshuffle(0, "x"), column.dimshuffle("x", 0))',
    "op ",
    "model",
    "gradient ",
)
seed(
    "tensordot_of_swapped_free_axes",
    "the free axes of tensordot's second operand are not brought to the end",
    "b = transpose(b, (*leading, *summed_b, *free_b))",
    "b = transpose(b, (*leading, *free_b, *summed_b))",
    "op ",
    "model",
    "error",
)

seed = patches("meaning", "reference/ifelse.py")

seed(
    "choice_of_positive_numbers",
    "a negative condition counts as false",
    "return 0 if condition else 1",
    "return 0 if condition > 0 else 1",
    "op IfElse",
)

seed = patches("meaning", "reference/tensor/nnet/conv_shape.py", "op ", "model", "error")

seed(
    "half_of_an_even_filter",
    "border mode 'half' pads an even filter by one too few",
    "return reach // 2, reach // 2",
    "return (reach - 1) // 2, (reach - 1) // 2",
    "op ",
    "model",
    "gradient ",
)

seed = patches("meaning", "reference/tensor/nnet/conv_product.py", "op ", "model", "gradient ")

seed(
    "filters_laid_on_as_they_are",
    "filters are not turned round",
    "if self.flip else kern",
    "if not self.rank else kern",
)

seed = patches("meaning", "reference/tensor/slinalg.py", "op Solve", "op ")

seed(
    "the_other_triangle",
    "a lower triangular system reads the upper triangle",
    '{"lower_triangular": np.tril, "upper_triangular": np.triu}',
    '{"lower_triangular": np.triu, "upper_triangular": np.triu}',
)
