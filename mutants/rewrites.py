"""Faults in the rewrites of plain graphs: rules/{algebra, constant, linalg, merge, nnet, reduce, shape, stabilize,
subtensor}.py, the pattern language and the engine.

Wrong formulas, missing guards, promises that are not kept, axes and indices renumbered wrongly.
"""

from mutants.mutant import patches

RULES = "reference/rewriting/rules"

seed = patches("rewrites", f"{RULES}/algebra.py")

seed(
    "order_of_sub",
    "constants are moved first whether or not the operands commute",
    "    if not commutes_exactly(node):\n        return None\n    left, right = node.inputs",
    "    left, right = node.inputs",
    "rewrite constants_first",
)
seed("one_for_minus_one", "x * -1 -> x", '"x * -1 -> -x"', '"x * -1 -> x"', "rewrite times_minus_one")
seed(
    "plus_zero_is_exact",
    "x + 0 -> x promises every bit, -0.0 + 0 is 0.0",
    '@rewrite(REAL, on="add")\ndef plus_zero(',
    '@rewrite(EXACT, on="add")\ndef plus_zero(',
    "rewrite plus_zero",
    origin="Theano: 1/(x+0) is -inf instead of inf at -0.0, by design",
)
seed(
    "zero_minus_of_floats",
    "0 - x -> -x promises every bit for floats too",
    'pattern(EXACT, "zero_minus_integer", "0 - i -> -i", when=_integers)',
    'pattern(EXACT, "zero_minus_integer", "0 - i -> -i", when=_signed)',
    "rewrite zero_minus_integer",
)
seed(
    "times_zero_of_floats",
    "x * 0 -> 0 as if NaN and inf were no numbers",
    'pattern(EXACT, "integer_times_zero", "i * 0 -> 0", when=_integers)',
    'pattern(EXACT, "integer_times_zero", "i * 0 -> 0")',
    "rewrite integer_times_zero",
    origin="Theano 1.0.5: nan * 0 is 0 in fast_run",
)
seed(
    "times_zero_is_real",
    "x * 0 -> 0 is admitted to FAST_RUN",
    'pattern(FINITE, "times_zero"',
    'pattern(REAL, "times_zero"',
    "rewrite times_zero",
    origin="Theano 1.0.5: nan * 0 is 0 in fast_run",
)
seed(
    "over_itself_is_real",
    "x / x -> 1 is admitted to FAST_RUN, where x may be 0",
    'pattern(FINITE, "over_itself"',
    'pattern(REAL, "over_itself"',
    "rewrite over_itself",
    origin="Theano 1.0.5: x / x is 1 at 0, inf and nan",
)
seed(
    "equals_itself_is_exact",
    "x == x -> True at NaN too",
    'pattern(FINITE, "equals_itself"',
    'pattern(EXACT, "equals_itself"',
    "rewrite equals_itself",
    origin="Theano 1.0.5: eq(x, x) is True at nan",
)
seed("at_most_itself_is_false", "i <= i -> 0", '"i <= i -> 1"', '"i <= i -> 0"', "rewrite integer_at_most_itself")
seed("xor_with_itself", "i ^ i -> i", '"i ^ i -> 0"', '"i ^ i -> i"', "rewrite xor_itself")
seed("minus_minus_minus", "x - -y -> x - y", '"x - -y -> x + y"', '"x - -y -> x - y"', "rewrite minus_plus")
seed(
    "abs_of_minus_unsigned",
    "abs(-x) -> abs(x) for unsigned integers, where -x wraps",
    '"abs_(-x) -> abs_(x)", when=_signed)',
    '"abs_(-x) -> abs_(x)")',
    "rewrite abs_of_minus",
)
seed(
    "abs_of_square_of_integers",
    "abs(sqr(x)) -> sqr(x) for integers, whose squares may wrap to negative ones",
    '"abs_(sqr(x)) -> sqr(x)", when=_floats)',
    '"abs_(sqr(x)) -> sqr(x)")',
    "rewrite abs_of_square",
)
seed(
    "any_constant_is_a_power_of_two",
    "x / 3 -> x * (1/3) promises every bit",
    "return _within_range(found) and abs(np.frexp(np.float64(a))[0]) == 0.5",
    "return _within_range(found)",
    "rewrite over_power_of_two",
)
seed(
    "root_of_square_without_abs",
    "sqrt(sqr(x)) -> x",
    '"sqrt(sqr(x)) -> abs_(x)"',
    '"sqrt(sqr(x)) -> x"',
    "rewrite root_of_square",
    origin="Theano 6547422f1",
)
seed(
    "square_of_root_without_domain",
    "sqr(sqrt(x)) -> x for negative x too",
    '"sqr(sqrt(x)) -> switch(x >= 0, x, nan)"',
    '"sqr(sqrt(x)) -> x"',
    "rewrite square_of_root",
    origin="Theano 6547422f1: sqr(sqrt(x)) -> x without its domain",
)
seed(
    "exp_of_log_without_domain",
    "exp(log(x)) -> x for negative x too",
    '"exp(log(x)) -> switch(x >= 0, x, nan)"',
    '"exp(log(x)) -> x"',
    "rewrite exp_of_log",
)
seed(
    "constants_of_two_dtypes",
    "A + (B + i) -> (A + B) + i where A + B wraps in a smaller dtype",
    "return _integers(found) and len({v.type.dtype for v in found.values()}) == 1",
    "return _integers(found)",
    "rewrite integer_constants",
    origin="Theano gh-2348: arange(-64, 64) overflowed int8",
)
seed(
    "every_cast_is_lossless",
    "cast(cast(x, narrower), wider) -> cast(x, wider)",
    "return upcast(source, target) == target and (source, target) not in _HOLDS_ALL",
    "return True",
    "rewrite cast_of_cast",
)
seed(
    "wrap_through_a_float",
    "cast(cast(i, float), int8) -> cast(i, int8): a float saturates, an integer wraps",
    "    if x.type.dtype in INTEGERS and middle in FLOATS and target in INTEGERS and not"
    " _lossless(x.type.dtype, target):\n"
    "        return None  # a float out of range saturates, an integer wraps\n",
    "",
    "rewrite cast_of_cast",
)
seed(
    "switch_takes_the_other",
    "switch(True, x, y) -> y",
    "chosen = keep_type(yes if value else no,",
    "chosen = keep_type(no if value else yes,",
    "rewrite switch_on_constant",
)
seed(
    "switch_of_unequals",
    "switch(c, x, y) -> x whatever y is",
    "    if yes is not no:\n        return None\n",
    "",
    "rewrite switch_of_equals",
    origin="Theano ef22377d7: useless switches removed that were not useless",
)

seed = patches("rewrites", f"{RULES}/constant.py")

seed(
    "folding_twice_as_many",
    "only the last operand of a folded operation is asked whether it is constant",
    "return bool(node.inputs) and all(isinstance(v, Constant) for v in node.inputs)",
    "return bool(node.inputs) and isinstance(node.inputs[-1], Constant)",
    "rewrite constant_folding",
)
seed(
    "folding_in_single",
    "folded floats are rounded to float32",
    "            value = value.copy()\n",
    '            value = value.astype("float32").astype(value.dtype) if value.dtype.kind == "f" else value.copy()\n',
    "rewrite constant_folding",
)

seed = patches("rewrites", f"{RULES}/linalg.py")

seed(
    "transpose_of_dot_in_order",
    "dot(a, b).T -> dot(a.T, b.T)",
    "return [Dot()(b, a)]",
    "return [Dot()(a, b)]",
    "rewrite transpose_of_dot",
)
seed(
    "part_of_dot_of_rows",
    "dot(a, b)[i, j] takes rows, not columns, of b",
    "b = indexed(b, [FULL, next(index, FULL)])",
    "b = indexed(b, [next(index, FULL)])",
    "rewrite part_of_dot",
)

seed = patches("rewrites", f"{RULES}/merge.py")

seed(
    "merge_of_swapped",
    "f(x, y) and f(y, x) are one computation whatever f is",
    "if row is None or not row.commutative or len(node.inputs) != 2:",
    "if row is None or len(node.inputs) != 2:",
    "rewrite merge_nodes",
    "rewrite constants_first",
)
seed(
    "merge_of_extremes",
    "maximum(x, y) and maximum(y, x) are merged, though a tie of 0.0 and -0.0 tells them apart",
    'return row.name not in ("maximum", "minimum") or is_discrete(node.outputs[0].type.dtype)',
    "return True",
    "rewrite merge_nodes",
    "rewrite constants_first",
)
seed(
    "merge_of_draws",
    "two draws of one size and distribution are one, whichever streams they are of",
    "    return node.op, node.inputs\n",
    '    return node.op, tuple(v for v in node.inputs if type(v.type).__name__ != "RandomStateType")\n',
    "rewrite merge_nodes",
    origin="merging joined two random draws",
)
seed(
    "merge_of_prints",
    "two prints of one value become one",
    "if has_effect(node.op) or [v.type",
    "if [v.type",
    "rewrite merge_nodes",
)

seed = patches("rewrites", f"{RULES}/nnet.py")

seed(
    "crossentropy_without_minus",
    "the crossentropy of a softmax loses its sign",
    "new = neg(LogSoftmax()(x)[arange(Shape_i(0)(x)), labels])",
    "new = LogSoftmax()(x)[arange(Shape_i(0)(x)), labels]",
    "rewrite crossentropy_of_softmax",
)
seed(
    "gradient_of_log_of_softmax_unsummed",
    "the gradient through log(softmax) subtracts the wrong sum",
    "new = sub(h, mul(p, spread.owner.op(total.op(h))))",
    "new = sub(h, mul(p, spread.owner.op(total.op(p))))",
    "rewrite gradient_of_log_of_softmax",
)

seed = patches("rewrites", f"{RULES}/reduce.py")

seed(
    "sum_of_sum_axes",
    "the axes of the outer sum are not counted in the inner operand",
    "joined = sorted([*gone, *[kept[k] for k in outer.axes(len(kept))]])",
    "joined = sorted({*gone, *outer.axes(len(kept))})",
    "rewrite sum_of_sum",
    "rewrite any_of_any",
    origin="Theano warn.sum_sum_bug",
)
seed(
    "sum_of_prod",
    "a sum of a product becomes one reduction",
    "if inner is None or type(inner.op) is not type(op) or inner.op.acc_dtype",
    "if inner is None or not isinstance(inner.op, Accumulation) or inner.op.acc_dtype",
    "rewrite sum_of_sum",
    origin="Theano gh-3451, c4b90369b: sum and prod merged as one op",
)
seed(
    "any_of_all",
    "All and Any over different axes become one",
    "    if inner is None or type(inner.op) is not type(node.op):\n",
    "    if inner is None or not isinstance(inner.op, All | Any):\n",
    "rewrite any_of_any",
)
seed(
    "sum_of_minus_without_minus",
    "sum(-x) -> sum(x)",
    "return [neg(node.op(x.owner.inputs[0]))]",
    "return [node.op(x.owner.inputs[0])]",
    "rewrite sum_of_minus",
)
seed(
    "reduction_of_any_one",
    "a reduction over several axes is dropped if one of them has length 1",
    "if not all(x.type.broadcastable[k] for k in gone):",
    "if not any(x.type.broadcastable[k] for k in gone):",
    "rewrite sum_of_one",
    "rewrite extreme_of_one",
)

seed = patches("rewrites", f"{RULES}/shape.py")

seed(
    "dimshuffles_composed_backwards",
    "two dimshuffles become the one of the other order",
    'order = tuple("x" if axis == "x" else inner.op.new_order[axis] for axis in outer_order)',
    'order = tuple("x" if axis == "x" else outer_order[axis] for axis in inner.op.new_order)',
    "rewrite dimshuffle_of_dimshuffle",
)
seed(
    "reshape_of_reshape_first",
    "reshape(reshape(x, a), b) -> reshape(x, a)",
    "shorter = node.op.make_node(inner.inputs[0], node.inputs[1]).outputs[0]",
    "shorter = node.op.make_node(inner.inputs[0], inner.inputs[1]).outputs[0]",
    "rewrite reshape_of_reshape",
)
seed(
    "reshape_to_any_own_length",
    "a reshape is dropped if one of the lengths is x's own",
    "return [x] if all(_reads_length_of(n, x, i) for i, n in enumerate(wanted.owner.inputs)) else None",
    "return [x] if any(_reads_length_of(n, x, i) for i, n in enumerate(wanted.owner.inputs)) else None",
    "rewrite reshape_to_own_shape",
)
seed(
    "fill_to_alloc_of_one",
    "fill(x, v) becomes an alloc with the lengths of v",
    "lengths = [ONE if b else Shape_i(i)(model) for i, b in enumerate(model.type.broadcastable)]",
    "lengths = [ONE if b else Shape_i(len(model.type.broadcastable) - 1 - i)(model)\n"
    "               for i, b in enumerate(model.type.broadcastable)]",
    "rewrite fill_to_alloc",
)
seed(
    "length_of_the_wrong_axis",
    "the length of dimension i is found as that of dimension -1 - i",
    "found = lengths[i] if lengths is not None else None",
    "found = lengths[-1 - i] if lengths is not None else None",
    "rewrite length_through",
)

seed = patches("rewrites", f"{RULES}/stabilize.py")

seed(
    "log_of_one_plus_for_minus",
    "log(1 - x) -> log1p(x)",
    '"log(1 - x) -> log1p(-x)"',
    '"log(1 - x) -> log1p(x)"',
    "rewrite log_of_one_minus",
)
seed(
    "sigmoid_of_the_wrong_sign",
    "1 / (1 + exp(x)) -> sigmoid(x)",
    '"1 / (1 + exp(x)) -> sigmoid(-x)"',
    '"1 / (1 + exp(x)) -> sigmoid(x)"',
    "rewrite one_over_one_plus_exp",
)
seed(
    "log_of_sigmoid_positive",
    "log(sigmoid(x)) -> softplus(-x)",
    '"log(sigmoid(x)) -> -softplus(-x)"',
    '"log(sigmoid(x)) -> softplus(-x)"',
    "rewrite log_of_sigmoid",
)
seed(
    "softplus_without_log",
    "log(1 + exp(x)) -> x, which holds for large x only",
    '"log(1 + exp(x)) -> softplus(x)"',
    '"log(1 + exp(x)) -> x"',
    "rewrite log_of_one_plus_exp",
)
seed(
    "logistic_in_product_unturned",
    "y / (1 + exp(x)) -> y * sigmoid(x)",
    "self.above.append(sigmoid(_opposite(x)))",
    "self.above.append(sigmoid(x))",
    "rewrite logistic_in_product",
)
seed(
    "logistic_over_terms_alike",
    "(y / sigmoid(x) + z / (1 - sigmoid(x))) * sigmoid(x) -> y + z",
    "return None if x is None else (x, turned)",
    "return None if x is None else (x, False)",
    "rewrite logistic_over_terms",
    "rewrite logistic_in_product",
)
seed(
    "logistic_over_differences",
    "(y / sigmoid(x) - z / (1 - sigmoid(x))) * sigmoid(x) -> y + z * sigmoid(x) / (1 - sigmoid(x))",
    "        terms[1].negative = not terms[1].negative\n",
    "        pass\n",
    "rewrite logistic_over_terms",
)

seed = patches("rewrites", f"{RULES}/subtensor.py")

seed(
    "zero_start_of_a_reverse",
    "x[0::-1] -> x[::-1]",
    "start = None if rising and number(entry.start) == 0 else entry.start",
    "start = None if number(entry.start) == 0 else entry.start",
    "rewrite slice_plain",
    "rewrite index_of_index",
    "rewrite end_of_slice",
)
seed(
    "index_of_slice_unshifted",
    "x[a:][i] -> x[i]",
    "return _scalar(start + place)",
    "return _scalar(place)",
    "rewrite index_of_index",
)
seed(
    "slice_of_slice_unshifted",
    "x[a:][:c] -> x[a:c]",
    "ends = [e for e in (stop, None if high is None else start + high) if e is not None]",
    "ends = [e for e in (stop, high) if e is not None]",
    "rewrite index_of_index",
    origin="Theano HISTORY 0.5: a wrong formula for a slice of a slice",
)
seed(
    "slice_of_slice_longer",
    "x[:b][:c] -> x[:max(b, c)]",
    "_scalar(min(ends))",
    "_scalar(max(ends))",
    "rewrite index_of_index",
)
seed(
    "reverse_of_part_is_all",
    "x[a::-1][::-1] -> x",
    "return entry.start is None and entry.stop is None and number(entry.step) == -1",
    "return entry.stop is None and number(entry.step) == -1",
    "rewrite index_of_index",
    "rewrite end_of_slice",
    origin="Theano HISTORY 0.5: x[a:b:-1][c]",
)
seed(
    "slice_from_the_end_shifted",
    "x[-2:][0:1] -> x[-2:1]",
    "if start is None or start < 0 or (first.stop is not None",
    "if start is None or (first.stop is not None",
    "rewrite index_of_index",
)
seed(
    "end_of_slice_from_the_front",
    "x[a:][0] -> x[0]",
    "return then if place is not None and place < 0 else None",
    "return then if place is not None else None",
    "rewrite end_of_slice",
)
seed(
    "element_from_the_end",
    "MakeVector(a, b, c)[-1] -> b",
    "return [elemwise.cast(vector.inputs[place], out.type.dtype)]",
    "return [elemwise.cast(vector.inputs[abs(place) % len(vector.inputs)], out.type.dtype)]",
    "rewrite element_of",
)
seed(
    "part_of_any_join",
    "join(1, x, y)[0] -> x[0] too",
    "if join is None or not isinstance(join.op, Join) or number(join.inputs[0]) != 0:",
    "if join is None or not isinstance(join.op, Join):",
    "rewrite part_of_stack",
)
seed(
    "part_of_alloc_whole",
    "a slice of an alloc has its full length",
    "kept = [slice_length(n, e.start, e.stop, e.step) for n, e in zip(lengths, index) if isinstance(e, slice)]",
    "kept = [n for n, e in zip(lengths, index) if isinstance(e, slice)]",
    "rewrite part_of_alloc",
)
seed(
    "read_what_was_added",
    "inc_subtensor(x[i], y)[i] -> y",
    "if write is None or not isinstance(write.op, IncSubtensor) or not write.op.set_instead_of_inc:",
    "if write is None or not isinstance(write.op, IncSubtensor):",
    "rewrite read_what_was_set",
)
seed(
    "read_what_stretched",
    "set_subtensor(x[i], y)[i] -> y, where y may be shorter",
    "surely = write.op.fits or all(out.type.broadcastable)",
    "surely = True",
    "rewrite read_what_was_set",
)
seed(
    "same_first_index",
    "two indices are the same if their first values are",
    "return same_form and _index_inputs(a) == _index_inputs(b)",
    "return same_form and _index_inputs(a)[:1] == _index_inputs(b)[:1]",
    "rewrite read_what_was_set",
    "rewrite set_what_was_read",
    "rewrite set_twice",
    origin="Theano 491faffa0: set to inc compared the first index only",
)
seed(
    "set_what_was_read_elsewhere",
    "set_subtensor(x[i], y[i]) -> x",
    "return [node.inputs[0]] if read.inputs[0] is node.inputs[0] and _same_index(read, node) else None",
    "return [node.inputs[0]] if _same_index(read, node) else None",
    "rewrite set_what_was_read",
)
seed(
    "set_twice_anywhere",
    "set_subtensor(set_subtensor(x[i], y)[j], z) forgets y",
    "    if not _same_index(first, node):\n        return None\n    return node.op.make_node(first",
    "    return node.op.make_node(first",
    "rewrite set_twice",
)

seed = patches("rewrites", "reference/rewriting/pattern.py")

seed(
    "any_variable_for_a_name",
    "a pattern's second x may be any variable: x / y -> 1",
    "        elif known is variable:",
    "        elif known is not None:",
    "rewrite ",
)
seed(
    "pattern_without_dtype",
    "a pattern's replacement is cast, whatever wrapped in between",
    "return not wraps and all(",
    "return all(",
    "rewrite ",
)

seed = patches("rewrites", "reference/rewriting/engine.py")

seed(
    "effects_lost",
    "a rewrite may drop what prints",
    "if touched.effects and _loses_effect(fgraph, pairs):",
    "if False:",
    "rewrite ",
    "printing",
)

seed = patches("rewrites", "reference/rewriting/rules/ifelse.py")

seed(
    "known_choice_turned",
    "of a choice that is known, the other side",
    "awaited(node, condition.data)",
    "awaited(node, not condition.data)",
    "rewrite choice_known",
)
seed(
    "choice_above_turned",
    "under a choice, the same choice goes the other way",
    "pairs.update(zip(inner.outputs, _side(inner, side)))",
    "pairs.update(zip(inner.outputs, _side(inner, 1 - side)))",
    "rewrite choice_made_above",
)

seed = patches("rewrites", "reference/rewriting/rules/inline.py")

seed(
    "graph_turned_inside_out",
    "an operation that is a graph is replaced by the graph's outputs in reverse",
    "return node.op.expanded(node) if node.op.inline else None",
    "return node.op.expanded(node)[::-1] if node.op.inline else None",
    "rewrite graph_in_place",
)
