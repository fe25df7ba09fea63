"""Faults in gradients: the reverse walk, and the `L_op` of operations outside loops.

Missing terms, wrong signs, wrong axes, kinks and ties on the wrong side, connected things called disconnected.
"""

from mutants.mutant import patches

seed = patches("gradients", "reference/gradient.py", "gradient")

seed(
    "first_term_only",
    "a variable with several readers gets the gradient through the first alone",
    "                total = total + t  # type: ignore[operator]\n",
    "                total = total\n",
    origin="Theano a3db430f6: a repeated input was counted once",
)
seed(
    "seed_of_known_grads_lost",
    "the gradient of the cost is 2",
    "seeds.setdefault(cost, _namespace().ones_like(cost))",
    "seeds.setdefault(cost, _namespace().ones_like(cost) * 2)",
)
seed(
    "consider_constant_ignored",
    "gradients flow through what is to be taken as constant",
    "table = _reverse(seeds, targets, set(consider_constant or ()), set(settled))",
    "table = _reverse(seeds, targets, set(), set(settled))",
)
seed(
    "targets_by_first_input",
    "a node is needed only if its first input is",
    "if any(pattern[k][o] for k in reading):",
    "if pattern[0][o] and 0 in reading:",
)

seed = patches("gradients", "reference/scalar.py")

seed(
    "extreme_shares_ties",
    "a tie of maximum gives the gradient to both",
    "return [ns.switch(first, g, 0), ns.switch(first, 0, g)]",
    "return [ns.switch(first, g, 0), ns.switch(ns.eq(output, inputs[1]), g, 0)]",
    "gradient maximum",
    "gradient minimum",
    origin="max ties share the gradient instead of the first",
)
seed(
    "clip_bounds_flat",
    "clip passes no gradient to its bounds",
    "        ns.switch(below, g, 0),\n",
    "        ns.switch(below, 0, 0) * g,\n",
    "gradient clip",
    origin="Theano HISTORY 0.6rc2: clip's bounds had gradient 0",
)
seed(
    "clip_flat_at_bounds",
    "clip's gradient is 0 at its bounds",
    "below, above = ns.lt(x, low), ns.gt(x, high)",
    "below, above = ns.le(x, low), ns.ge(x, high)",
    "gradient clip",
)
seed(
    "pow_without_exponent",
    "the derivative of x**y by x loses y",
    "base = g * y * x ** (y - one)",
    "base = g * x ** (y - one)",
    "gradient pow",
)
seed(
    "pow_of_zero",
    "the derivative of 0**y by y is NaN",
    "ns.switch(ns.eq(x, 0), 0, g * ns.log(x) * output)",
    "g * ns.log(x) * output",
    "gradient pow",
)
seed(
    "quotient_positive",
    "the derivative of x / y by y has the wrong sign",
    "return [g / y, -(g * x) / (y * y)]",
    "return [g / y, (g * x) / (y * y)]",
    "gradient true_div",
)
seed(
    "product_of_two",
    "the gradient of a product of three leaves one factor out",
    "ns.mul(g, *xs[:k], *xs[k + 1:]) for k in range(len(xs))",
    "ns.mul(g, xs[1 - k] if k < 2 else xs[0]) for k in range(len(xs))",
    "gradient mul",
)
seed(
    "sub_of_the_same",
    "x - y has the derivative 1 by y",
    "grad=lambda ns, xs, z, g: [g, -g])",
    "grad=lambda ns, xs, z, g: [g, g])",
    "gradient sub",
)
seed(
    "abs_at_zero",
    "the gradient of |x| at 0 is 1",
    'grad=lambda ns, xs, z, g: [g * ns.sgn(xs[0])])  # fmt: skip\n_row("sgn"',
    'grad=lambda ns, xs, z, g: [g * ns.switch(ns.ge(xs[0], 0), 1, -1)])  # fmt: skip\n_row("sgn"',
    "gradient abs_",
)
seed(
    "tanh_of_operand",
    "the derivative of tanh is 1 - x**2",
    '_function("tanh", np.tanh, lambda ns, x, z: 1 - ns.sqr(z)',
    '_function("tanh", np.tanh, lambda ns, x, z: 1 - ns.sqr(x)',
    "gradient tanh",
)
seed(
    "cos_positive",
    "the derivative of cos is sin",
    "lambda ns, x, z: -ns.sin(x), critical=(0.0,)",
    "lambda ns, x, z: ns.sin(x), critical=(0.0,)",
    "gradient cos",
)
seed(
    "log1p_is_log",
    "the derivative of log1p is 1 / x",
    "lambda ns, x, z: 1 / (1 + x), monotone=1, domain=(-1.0, INF)",
    "lambda ns, x, z: 1 / x, monotone=1, domain=(-1.0, INF)",
    "gradient log1p",
)
seed(
    "switch_gives_both",
    "switch gives its second operand the gradient where the first is chosen",
    "ns.switch(xs[0], g, 0), ns.switch(xs[0], 0, g)])",
    "ns.switch(xs[0], g, 0), ns.switch(xs[0], g, 0)])",
    "gradient switch",
    origin="JAX #5900: a conditional in a scan multiplied the gradient",
)
seed("sqrt_twice", "the derivative of sqrt is 1 / sqrt", "[g / (z * 2)]", "[g / z]", "gradient sqrt")
seed(
    "arctan2_swapped",
    "the two derivatives of arctan2 change places",
    "return [g * x / square, -(g * y) / square]",
    "return [-(g * y) / square, g * x / square]",
    "gradient arctan2",
)

seed = patches("gradients", "reference/tensor/elemwise.py")

seed(
    "stretched_axes_unsummed",
    "the gradient of a stretched operand is that of one element",
    "return ns.sum(g, axis=stretched, keepdims=True) if stretched else g",
    "return ns.max(g, axis=stretched, keepdims=True) if stretched else g",
    "gradient ",
)
seed(
    "dimshuffle_gradient_forwards",
    "the gradient of a dimshuffle is permuted the same way again",
    'back = [self.new_order.index(axis) if axis in self.new_order else "x" for axis in range(rank)]',
    "back = [self.new_order[axis] if sorted(map(str, self.new_order)) == list(map(str, range(rank))) else\n"
    '                self.new_order.index(axis) if axis in self.new_order else "x" for axis in range(rank)]',
    "gradient DimShuffle",
)

seed = patches("gradients", "reference/tensor/reduce.py")

seed(
    "prod_of_others_with_zeros",
    "the gradient of a product with two zeros is that of one with one",
    "switch(eq(zeros, 1) & zero, others, 0))",
    "switch(zero, others, 0))",
    "gradient Prod",
)
seed(
    "max_gradient_to_all",
    "every element gets the gradient of the largest",
    "return switch(eq(self.spread(largest, x), x), self.spread(g, x), 0)",
    "return switch(eq(x, x), self.spread(g, x), 0)",
    "gradient Max",
    "gradient MaxAndArgmax",
)

seed = patches("gradients", "reference/tensor/indexing.py")

seed(
    "gather_gradient_set",
    "the gradient of a read overwrites where an index occurs twice",
    "return [self.writing(False, fits=True)(zeros, g, *index), *[None] * len(index)]",
    "return [self.writing(True, fits=True)(zeros, g, *index), *[None] * len(index)]",
    "gradient AdvancedSubtensor",
    origin="Theano 1f2386323: set to inc with a repeated index",
)
seed(
    "set_gradient_flows_under",
    "what was overwritten by a set gets a gradient",
    "gx = self.reading().writing(True)(g, np.zeros((), g.type.dtype), *index)",
    "gx = g",
    "gradient IncSubtensor",
    "gradient AdvancedIncSubtensor",
)
seed(
    "set_gradient_of_losers",
    "a value that another overwrites gets the gradient too",
    "                part = switch(winners, part, 0)\n",
    "                part = part * 1\n",
    "gradient AdvancedIncSubtensor",
)
seed(
    "write_gradient_unsummed",
    "a value stretched over the part it is written to gets the gradient of one element",
    "g = sum_(g, axis=stretched, keepdims=True) if stretched else g\n    for",
    "g = g[tuple(slice(0, 1) if k in stretched else slice(None) for k in range(g.type.ndim))] if"
    " stretched else g\n    for",
    "gradient IncSubtensor",
    "gradient AdvancedIncSubtensor",
)
seed(
    "write_gradient_unsummed_at_run_time",
    "a value that is found to stretch when its length is known gets the gradient of one element",
    "start = switch(eq(n, wanted), 0, n)",
    "start = switch(eq(n, wanted), 0, 0)",
    "gradient IncSubtensor",
    "gradient AdvancedIncSubtensor",
)

seed = patches("gradients", "reference/tensor/joining.py")

seed(
    "split_gradient_reversed",
    "the gradients of the pieces of a split are joined last first",
    "return [patternbroadcast(Join()(inputs[1], *parts), inputs[0].type.broadcastable), None, None]",
    "return [patternbroadcast(Join()(inputs[1], *parts[::-1]), inputs[0].type.broadcastable), None, None]",
    "gradient Split",
)

seed = patches("gradients", "reference/tensor/linalg.py")

seed(
    "dot_gradient_unturned",
    "the gradient of dot by its second operand is g.T x",
    "gy = outer(x, g) if x.type.ndim == 1 else Dot()(x.T, g)",
    "gy = outer(x, g) if x.type.ndim == 1 else Dot()(g.T, x).T * 2",
    "gradient Dot",
)
seed(
    "batched_dot_gradient_unturned",
    "the gradient of a batched product by its second operand forgets a transpose",
    "return [BatchedDot()(g, _swapped(y)), BatchedDot()(_swapped(x), g)]",
    "return [BatchedDot()(g, _swapped(y)), _swapped(BatchedDot()(_swapped(g), x)) * 2]",
    "gradient BatchedDot",
)

seed = patches("gradients", "reference/tensor/nnet/softmax.py")

seed(
    "softmax_gradient_diagonal",
    "the gradient of softmax is that of independent elements",
    "return [sm * (g - sum_(g * sm, axis=1, keepdims=True))]",
    "return [sm * (g - g * sm)]",
    "gradient Softmax",
)
seed(
    "log_softmax_gradient_summed_over_rows",
    "the gradient of log softmax is summed along the wrong axis",
    "return [g - sum_(g, axis=1, keepdims=True) * Softmax()(inputs[0])]",
    "return [g - sum_(g, axis=0, keepdims=True) * Softmax()(inputs[0])]",
    "gradient LogSoftmax",
)

seed = patches("gradients", "reference/tensor/nnet/crossentropy.py")

seed(
    "crossentropy_gradient_positive",
    "the gradient of the crossentropy has the wrong sign",
    "-g / coding[place]",
    "g / coding[place]",
    "gradient CrossentropyCategorical1Hot",
)

seed = patches("gradients", "reference/tensor/extra_ops.py")

seed(
    "cumsum_gradient_forwards",
    "the gradient of a running sum runs from the same end",
    'total = CumOp(axis, "add")(g[backwards])[backwards]',
    'total = CumOp(axis, "add")(g)',
    "gradient CumOp",
)

seed = patches("gradients", "reference/tensor/sort.py")

seed(
    "sort_gradient_by_places",
    "the gradient of a sort is put where the elements went, not where they came from",
    "places = argsort(argsort(x, k), k)",
    "places = argsort(x, k)",
    "gradient SortOp",
)

seed = patches("gradients", "reference/tensor/shape.py")

seed(
    "make_vector_gradient_first",
    "every scalar of a vector gets the gradient of the first",
    "return [output_gradients[0][k] for k in range(len(inputs))]",
    "return [output_gradients[0][0] for _ in inputs]",
    "gradient MakeVector",
)

seed = patches("gradients", "reference/tensor/creation.py")

seed(
    "alloc_gradient_unsummed",
    "a value repeated by alloc gets the gradient of one copy",
    "g = sum_(g, axis=list(range(offset))) if offset else g\n        stretched",
    "g = g[(0,) * offset] if offset else g\n        stretched",
    "gradient Alloc",
)

seed = patches("gradients", "reference/ifelse.py")

seed(
    "gradient_of_both_sides",
    "the side that is not taken has a gradient, too",
    "only_under([(condition, 1)], g, other) if known",
    "g if known",
    "gradient IfElse",
)

seed = patches("gradients", "reference/tensor/signal/pool.py", "gradient Pool", "gradient ", "op ")

seed(
    "only_where_the_largest_is_above",
    "elements that tie for the largest get nothing",
    "chosen = grid.windows(x, lowest(x.dtype)) == grid.spread(maxout)\n        return (grid.put_back",
    "chosen = grid.windows(x, lowest(x.dtype)) > grid.spread(maxout)\n        return (grid.put_back",
)

seed = patches("gradients", "reference/tensor/nnet/conv_op.py", "gradient AbstractConv", "gradient ")

seed(
    "filters_gradient_from_the_filters",
    "the gradient by the result is convolved with the result itself",
    "return [gkern, self.of_family(_Forward)(g, kern), None]",
    "return [gkern, top, None]",
)
