"""Faults in how operations become loops and launches: opencl_backend/lower, its views and its geometry."""

from mutants.mutant import patches

LOWER = "opencl_backend/lower"

seed = patches("lowering", f"{LOWER}/__init__.py", "kernel ", "plan ", "fusion ")

seed(
    "long_constants_on_the_host",
    "what joins loops is every operation",
    "return type(op) in _JOINERS",
    "return True",
    "fusion ",
    "plan ",
    "kernel ",
)

seed = patches("lowering", f"{LOWER}/elemwise.py", "kernel ", "fusion ")

seed(
    "identity_of_casts",
    "a cast to float32 is left out",
    'if op.name in ("identity", f"Cast{{{dtypes[0]}}}") and dtypes[0] == out:',
    'if op.name in ("identity", f"Cast{{{dtypes[0]}}}", "Cast{float32}"):',
    "kernel Cast{",
    "kernel ",
)
seed(
    "broadcast_of_the_first_length",
    "the common shape is that of the first operand",
    "next((s[k] for s, b in zip(shapes, pattern) if not b[k]), 1)",
    "shapes[0][k]",
    "kernel ",
    origin="0-stride broadcast of a runtime-1 dimension",
)

seed = patches("lowering", f"{LOWER}/extra.py", "kernel CumOp", "kernel ")

seed(
    "running_sum_starts_late",
    "a running sum's second element forgets the first",
    "const {ct.name} s = l == 0 ? e :",
    "const {ct.name} s = l <= 1 ? e :",
)
seed(
    "searchsorted_left_is_right",
    "searchsorted inserts after equal elements",
    'goes_right = less if side == "left" else f"!({less})"',
    'goes_right = f"!({less})"',
    "kernel SearchsortedOp",
    "kernel RandomFunction",
)
seed(
    "running_sum_of_other_columns",
    "a running sum begins at the wrong column",
    '"    const long i = (k / inner) * length * inner + x;"',
    '"    const long i = (k / inner) * inner + x;"',
)

seed = patches("lowering", f"{LOWER}/linalg.py", "kernel Dot", "kernel BatchedDot", "kernel ")

seed(
    "vector_as_a_matrix_row",
    "a vector on the left moves by its own stride from row to row",
    "strides = (0, *strides)",
    "strides = (*strides, *strides)",
)

seed = patches("lowering", "opencl_backend/operands.py", "kernel Dot", "kernel BatchedDot", "kernel ", "plan ")

seed(
    "product_turned_once",
    "for a narrow result the operands are swapped but not turned",
    "return replace(self, row=self.column, column=self.row)",
    "return replace(self)",
)

seed = patches(
    "lowering", f"{LOWER}/nnet.py", "kernel Softmax", "kernel LogSoftmax", "kernel CrossentropyCategorical1Hot"
)

seed(
    "softmax_centered_by_columns",
    "softmax subtracts the largest of each column",
    'lambda: run(ctx, Fold("extreme", x.dtype, x.dtype), x, 1, 1, "Max")[0])\n'
    '    return ctx.step("sub", x.dtype, x, _by_rows(ctx.loaded(largest), x.shape))',
    'lambda: run(ctx, Fold("extreme", x.dtype, x.dtype), x, 0, 1, "Max")[0])\n'
    '    return ctx.step("sub", x.dtype, x, spread(transposed(ctx.loaded(largest), ["x", 0]), x.shape))',
)

seed = patches("lowering", f"{LOWER}/random.py", "kernel RandomFunction", "random", "plan RandomFunction")

seed(
    "parameters_of_the_first",
    "a parameter that differs from element to element is taken from the first",
    "    if array.size == 1:\n        return array, True\n    return ctx.contiguous(broadcast(array, shape)), False",
    "    return ctx.contiguous(array), True",
)

seed = patches(
    "lowering", f"{LOWER}/reduce.py", "kernel Sum", "kernel Prod", "kernel All", "kernel Any", "kernel Max", "kernel "
)

seed(
    "reduced_from_the_first_axis",
    "axes are reduced first to last, as if they did not move",
    "axes = sorted(op.axes(x.type.ndim), reverse=True)",
    "axes = sorted(op.axes(x.type.ndim))",
    "kernel Sum",
    "kernel Prod",
    "kernel ",
)
seed(
    "any_is_all",
    "any asks for every element",
    'kind = "min" if isinstance(op, family.All) else "max"',
    'kind = "min"',
    "kernel Any",
    "kernel All",
)
seed(
    "axes_side_by_side",
    "axes that are not neighbours are taken for neighbours",
    "if not axes or axes == tuple(range(axes[0], axes[-1] + 1)):",
    "if True:",
    "kernel Max",
    "kernel Argmax",
    "kernel All",
    "kernel Any",
    "kernel ",
)

seed = patches("lowering", f"{LOWER}/scan.py", "kernel Scan", "plan Scan", "scan")

seed(
    "ring_one_short",
    "the ring of a state has no row for what it still reads",
    "length = before + rows if keep is None else min(max(before + 1, rows), before + self.steps)",
    "length = before + rows if keep is None else max(before, rows)",
    origin="Theano e6777e0b9: buffer rotation copied overlapping memory",
)
seed(
    "row_read_too_late",
    "every step reads the sequence's next row",
    "cell.value = int(first) + t * stride",
    "cell.value = int(first) + min(t + 1, self.steps - 1) * stride",
)
seed(
    "carry_rows_unturned",
    "what a carry ends with is its last value but one",
    "results.append(carried.at(carried.offset(self.made - 1)))",
    "results.append(carried.at(carried.offset(self.made)))",
)
seed(
    "condition_of_the_first_step",
    "an until loop asks the condition of its first step again",
    "        self.ctx.plan.constants += plan.constants\n        return plan",
    "        self.ctx.plan.constants += plan.constants\n        if op.until and t == 1:\n"
    "            self.condition = Host(np.asarray(False), True)\n        return plan",
)

seed = patches("lowering", f"{LOWER}/scan_ring.py", "kernel Scan", "plan Scan", "scan")

seed(
    "last_rows_from_the_beginning",
    "the last rows of a ring are its first",
    "first = self.offset(steps - rows)",
    "first = 0",
)

seed = patches("lowering", f"{LOWER}/scan_kernel.py", "kernel Scan", "plan Scan", "scan")

seed(
    "rows_of_a_kernel_turned",
    "in a loop that is one kernel the rows of states lie column by column",
    "return DeviceArray(self.runtime, marker, dtype, shape, contiguous_strides(shape))",
    "return DeviceArray(self.runtime, marker, dtype, shape, contiguous_strides(shape)[::-1])",
)

seed = patches("lowering", f"{LOWER}/scan_columns.py", "kernel Scan", "plan Scan", "scan")

seed(
    "part_of_a_row_from_its_beginning",
    "in a loop that is one kernel a part of a sequence's row is read from the row's first element",
    "where += array.offset",
    "where += 0",
)

seed = patches("lowering", f"{LOWER}/scan_rows.py", "kernel Scan", "plan Scan", "scan", "random")

seed(
    "one_draw_a_step",
    "after a loop that is one kernel a stream has advanced by one draw a step",
    "draws = steps * last.draws",
    "draws = steps",
)
seed(
    "rows_of_others",
    "a batch is split although rows read other rows",
    "return together * int(strides[0]) == row and low >= 0 and high < row",
    "return True",
)

seed = patches("lowering", "opencl_backend/kernels/columns.py", "kernel Scan", "plan Scan", "scan")

seed(
    "taps_shifted_forwards",
    "the values of several steps ago are all overwritten by the last but one",
    "for ago in range(state.depth, 1, -1)]",
    "for ago in range(2, state.depth + 1)]",
)
seed(
    "columns_counted_twice",
    "the last vector of columns is not moved back to end where they end",
    "o[r] = c + (r + 1) * {W} <= end ? c + r * {W} : end - {W};",
    "o[r] = c + (r + 1) * {W} <= end ? c + r * {W} : begin;",
)

seed = patches("lowering", "opencl_backend/kernels/rows.py", "kernel Scan", "plan Scan", "scan", "random")

seed(
    "draws_of_a_step_alike",
    "the draws of one step from one stream give the same numbers",
    "+ (ulong)t * {each} + {before};",
    "+ (ulong)t * {each};",
)
seed(
    "row_before_the_ending_one",
    "a loop that ends by a condition gives the row before its last",
    'out.append("t--;")',
    'out.append("if (t == steps) t--;")',
)

seed = patches("lowering", "opencl_backend/context.py", "kernel ", "plan ", "random")

seed(
    "state_of_the_recording",
    "a replay draws with the state of the call that was recorded",
    "                after.value = next_state(state.value)\n",
    "                pass\n",
    origin="a stale cache: the recorded state was used again",
)

seed = patches("lowering", f"{LOWER}/scatter.py", "kernel AdvancedIncSubtensor")

seed(
    "one_a_row_for_some_rows",
    "rows that are not all named, in order, are taken for all of them",
    "if known is None or not np.array_equal(known, np.arange(shape[0])):",
    "if known is None or len(known) != shape[0]:",
)

seed(
    "values_read_by_columns",
    "the values to be written are read as if each row were one element",
    "return ctx.row_major(ctx.cast(whole, dtype)), 1, 1",
    "return ctx.row_major(ctx.cast(whole, dtype)), 0, 1",
)
seed(
    "places_of_the_first_axis",
    "a place is told by its first index alone",
    'total = term if total is None else ctx.step("add", "int64", total, term)',
    "total = term if total is None else total",
)

seed = patches("lowering", f"{LOWER}/shape.py")

seed(
    "joined_parts_overlap",
    "the parts of a join are written one element too early",
    "        start += shape[k]\n    return out",
    "        start += max(shape[k] - 1, min(shape[k], 1))\n    return out",
    "kernel Join",
    "kernel ",
)
seed(
    "split_starts_at_lengths",
    "the pieces of a split begin at their lengths",
    "starts = [sum(lengths[:j]) for j in range(count)]",
    "starts = [0, *lengths[:-1]]",
    "kernel Split",
    "kernel ",
)
seed(
    "reshape_of_any_strides",
    "an array that is not in C order is reshaped in place",
    "array = value if isinstance(value, DeviceArray) and value.is_contiguous else",
    "array = value if isinstance(value, DeviceArray) else",
    "kernel Reshape",
    "kernel ",
)

seed = patches("lowering", f"{LOWER}/sort.py", "kernel SortOp", "kernel ArgSortOp", "kernel ")

seed(
    "sorted_axis_not_turned_back",
    "after a sort the axes stay turned",
    "transposed(result, [order.index(a) for a in range(rank)])",
    "transposed(result, order)",
)

seed = patches("lowering", f"{LOWER}/subtensor.py", "kernel Subtensor", "kernel ")

seed(
    "view_of_a_reverse",
    "a slice backwards begins at its end",
    "first += stride * taken.start if len(taken) else 0",
    "first += stride * min(taken.start, taken.stop + 1 if taken.step < 0 else taken.start) if len(taken) else 0",
)
seed(
    "offset_of_the_recording",
    "a replay reads a symbolic slice where the recorded call did",
    "        cell.value = int(base) + again[2]\n",
    "        cell.value = cell.value\n",
    "kernel Subtensor",
    "plan Subtensor",
    "plan ",
    origin="a stale cache: the recorded offset was used again",
)
seed(
    "advanced_dimensions_in_place",
    "the dimensions of index arrays that are apart stay where the first is",
    "front = before if places[-1] - places[0] == len(places) - 1 else 0",
    "front = before",
    "kernel AdvancedSubtensor",
    "kernel AdvancedIncSubtensor",
    "kernel ",
)
seed(
    "increment_of_the_value",
    "an increment sets",
    "    if op.set_instead_of_inc:\n        return new\n",
    "    if True:\n        return new\n",
    "kernel IncSubtensor",
)

seed = patches("lowering", "opencl_backend/loop.py", "kernel ", "fusion ")

seed(
    "axes_joined_by_length",
    "axes are joined if one operand goes through them in one go",
    "if lengths and all(w[-1] == s[axis] * n for w, s in zip(walks, operands)):",
    "if lengths and any(w[-1] == s[axis] * n for w, s in zip(walks, operands)):",
)
seed(
    "stretched_by_its_stride",
    "a stretched dimension keeps its stride",
    "s if n == wanted else 0 for s, n, wanted in zip(array.strides, array.shape, shape[missing:])",
    "s for s, n, wanted in zip(array.strides, array.shape, shape[missing:])",
    origin="0-stride broadcast of a runtime-1 dimension",
)

seed = patches("lowering", f"{LOWER}/ifelse.py", "kernel IfElse", "plan ")

seed(
    "choice_turned",
    "a negative condition counts as false",
    "awaited(node, ctx.host(node.inputs[0]))",
    "awaited(node, ctx.host(node.inputs[0]) > 0)",
)

seed = patches("lowering", f"{LOWER}/users.py", "kernel OpFromGraph", "plan ")

seed(
    "graph_of_the_first_input",
    "every input of an operation that is a graph is its first one",
    "[ctx.value(v) for v in node.inputs])",
    "[ctx.value(node.inputs[0]) for v in node.inputs])",
)

seed = patches("lowering", f"{LOWER}/conv.py", "kernel AbstractConv", "kernel ")

seed(
    "filters_never_turned",
    "filters are laid on as they are",
    "    if not layout.flip:\n        return x",
    "    if layout.rank:\n        return x",
)
seed(
    "padding_turned_round",
    "what is to stand before the elements stands after them",
    "begin = sum(before * step for (before, _), step in zip(",
    "begin = sum(after * step for (_, after), step in zip(",
)

seed = patches("lowering", f"{LOWER}/pool.py", "kernel Pool", "kernel ")

seed(
    "mean_of_padding_too",
    "the mean that leaves the padding out counts it",
    "counts = ctx.loaded(ctx.known(grid.counts(mode).astype(x.dtype)))",
    'counts = ctx.loaded(ctx.known(grid.counts("average_inc_pad").astype(x.dtype)))',
    "kernel Pool",
    "kernel AveragePoolGrad",
    "kernel ",
)

seed = patches("lowering", f"{LOWER}/matrices.py", "kernel ", "plan ")

seed(
    "host_results_turned",
    "what the host computed is sent back transposed",
    "np.ascontiguousarray(r).reshape",
    "np.ascontiguousarray(r.T).reshape",
    "plan ",
    "kernel ",
    "driver ",
    "machine ",
)

seed = patches("lowering", "opencl_backend/joins.py", "kernel ", "plan ", "fusion ")

seed(
    "joined_last_first",
    "what is joined into one kernel is done last first",
    "        for launch in run:\n            arrays",
    "        for launch in run[::-1]:\n            arrays",
    "kernel ",
    "plan ",
    "fusion ",
    "driver ",
    "machine ",
)
