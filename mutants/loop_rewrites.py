"""Faults in the rewrites of loops: rules/{scan, after, gates, batch, sums, fusion, unroll}.py, batching.py, lengths.py.

Rows kept that somebody still reads, loops joined that differ, work moved out of a loop under a wrong axis.
"""

from mutants.mutant import patches

RULES = "reference/rewriting/rules"

seed = patches("loop_rewrites", f"{RULES}/scan.py")

seed(
    "fewest_rows_kept",
    "of two readers of a loop's last rows the one that reads fewer decides",
    "part.keep = max(known)",
    "part.keep = min(known)",
    "rewrite last_rows_only",
    origin="Theano a24f5345e, 7301a45e4: save-mem kept too little",
)
seed(
    "rows_from_the_front",
    "a row counted from the front is taken for one from the end",
    "return -first if first is not None and first < 0 else None",
    "return abs(first) if first else None",
    "rewrite last_rows_only",
    origin="Theano d7edde21e: save-mem reduced n_steps wrongly for constants",
)
seed(
    "last_rows_less_one",
    "one row less is kept than is read",
    "part.keep = max(known)",
    "part.keep = max(1, max(known) - 1)",
    "rewrite last_rows_only",
)
seed(
    "slice_to_other_length",
    "a sequence cut to the length of another is not cut",
    "if length is None or length.op != Shape_i(0) or length.inputs[0] is not whole:",
    "if length is None or length.op != Shape_i(0):",
    "rewrite slice_to_own_length",
    origin="Theano 3c3181866: sequence cut wrong",
)
seed(
    "outputs_once_first",
    "an output that repeats another is replaced by the first of all",
    "same[node.outputs[k]] = node.outputs[j]",
    "same[node.outputs[k]] = node.outputs[0]",
    "rewrite outputs_once",
)
seed(
    "later_steps_read_nothing",
    "an output that only later steps read is dropped",
    "live = [p for p in before if any(p is q for q in live) or any(v in read for v in inner_of(p))]",
    "live = [p for p in before if any(p is q for q in live)]",
    "rewrite outputs_dropped",
)
seed(
    "effects_hoisted",
    "a print inside a loop is moved out of it and prints once",
    "            and not has_effect(inner.op)\n            and (cannot_fail(inner)",
    "            and (cannot_fail(inner)",
    "rewrite invariant",
    "printing",
)
seed(
    "hoisted_twins",
    "what is moved out of a loop is read back in another order",
    "loop.constants += [Read(outer, twins[v]) for v, outer in zip(border, outside)]",
    "loop.constants += [Read(outer, twins[v]) for v, outer in zip(border[::-1], outside)]",
    "rewrite invariant",
)

seed = patches("loop_rewrites", f"{RULES}/batch.py")

seed(
    "third_summand_lost",
    "of the summands that are moved before a loop two are taken",
    "new = sum_of([sum_of(early), *late])",
    "new = sum_of([sum_of(early[:2]), *late])",
    "rewrite rows_summed_first",
)
seed(
    "first_rows_given_back",
    "of a loop that only hands rows on, the first are given where the last are wanted",
    "whole if part.keep is None else whole[-part.keep :]",
    "whole if part.keep is None else whole[: part.keep]",
    "rewrite row_given_back",
)
seed(
    "until_rows_given_back",
    "a loop that hands rows on until it ends early gives all of them",
    "    loop = Loop.of(node)\n    if loop.condition is not None:\n        return None\n    rows: dict",
    "    loop = Loop.of(node)\n    rows: dict",
    "rewrite row_given_back",
)
seed(
    "states_read_late",
    "a state that is a row of a sequence is read one step late",
    "whole = ns.join(0, outer, rows[state.new])",
    "whole = ns.join(0, rows[state.new], outer)",
    "rewrite state_of_rows",
)
seed(
    "shape_of_rows_unchecked",
    "a sequence too short for its loop is handed on as it is",
    "whole = ns.patternbroadcast(SpecifyShape()(whole, shape), whole.type.broadcastable)",
    "pass",
    "rewrite row_given_back_checked",
    origin="Theano facts: n_steps longer than a sequence went unnoticed when the whole loop was pushed out",
)

seed = patches("loop_rewrites", "reference/rewriting/batching.py", "rewrite rows_", "rewrite dots_")

seed(
    "fixed_matrix_unturned",
    "dot(W, x[t]) for all t is x W, without the transpose",
    "return Dot()(right, a.T if a.type.ndim == 2 else a)",
    "return Dot()(right, a)",
)
seed(
    "rows_stretched_on_the_right",
    "a non-sequence is stretched along its last axis, not along the steps",
    'spread = ("x", *range(row.ndim))',
    'spread = (*range(row.ndim), "x")',
    "rewrite rows_at_once",
    "rewrite dots_at_once",
)
seed(
    "reduced_axes_unshifted",
    "a reduction inside a loop becomes one over the steps",
    "axes = tuple(axis + 1 for axis in op.axes(x.wholes[0].type.ndim - 1))",
    "axes = tuple(axis for axis in op.axes(x.wholes[0].type.ndim - 1))",
    "rewrite rows_",
)
seed(
    "turned_and_left",
    "what is computed in the forward loop's order is not turned back",
    "(w[::-1] for w in made) if backwards else made",
    "made",
    "rewrite rows_",
    "rewrite dots_",
)
seed(
    "folded_in_another_order",
    "the steps and the rows of each are folded into one dimension and cut in the wrong order",
    "lengths = [like.shape[0], like.shape[1], *[x.shape[axis] for axis in range(1, x.type.ndim)]]",
    "lengths = [like.shape[1], like.shape[0], *[x.shape[axis] for axis in range(1, x.type.ndim)]]",
    "rewrite rows_",
    "rewrite dots_",
)
seed(
    "joined_along_the_steps",
    "a join inside a loop becomes one along the dimension before",
    "None if axis is None else op(axis + 1,",
    "None if axis is None else op(axis,",
    "rewrite rows_",
)

seed = patches("loop_rewrites", "reference/rewriting/lengths.py", "rewrite row_given_back", "rewrite loops_")

seed(
    "any_slice_keeps_its_rows",
    "a slice up to any place is taken for whole",
    "        return x\n    if not isinstance(first, slice) or first.start is not None:",
    "        return x\n    if isinstance(first, slice):\n        return x\n    if first.start is not None:",
)

seed = patches("loop_rewrites", f"{RULES}/after.py", "rewrite rows_after", "rewrite dots_after")

seed(
    "late_work_of_kept_rows",
    "work of an output is done on a stack that holds the last rows only",
    "shown = {p.new for p in loop.stacked if p is not part and p.keep is None}",
    "shown = {p.new for p in loop.stacked if p is not part}",
)
seed(
    "late_work_on_the_first_stack",
    "work that is moved behind a loop reads the first stack, whichever it needs",
    "{stand_in: place[v] for v, stand_in in stacks.items()}",
    "{stand_in: next((s for s in place.values() if s.type == stand_in.type), place[v])"
    " for v, stand_in in stacks.items()}",
)

seed = patches("loop_rewrites", f"{RULES}/gates.py", "rewrite gates_side_by_side", "rewrite dots_of_one_operand")

seed(
    "gates_in_another_order",
    "the parts of a joined product go to the wrong gates",
    "loop.replace({p.outputs[0]: part for p, part in zip(products, parts)})",
    "loop.replace({p.outputs[0]: part for p, part in zip(products, parts[::-1])})",
    "rewrite dots_of_one_operand",
)
seed(
    "biases_of_other_gates",
    "the biases of joined gates are joined in reverse",
    "whole.append(_joined(loop, last, bias, bias[0].type))",
    "whole.append(_joined(loop, last, bias[::-1], bias[0].type))",
    "rewrite gates_side_by_side",
)
seed(
    "rest_of_a_gate_lost",
    "what a gate adds beside joined products is lost",
    "done[s.total] = sum_of([part, *clone_replace(s.late, done)])",
    "done[s.total] = part",
    "rewrite gates_side_by_side",
)

seed = patches("loop_rewrites", f"{RULES}/sums.py")

seed(
    "sum_without_its_beginning",
    "a sum moved after the loop forgets what it started from",
    "total = sum_of([carry.outer, *[stacks.total(term) for term in found[id(carry)]]])",
    "total = sum_of([stacks.total(term) for term in found[id(carry)]])",
    "rewrite sums_after",
    origin="Theano d4313b586: push-out dropped what was there",
)
seed(
    "sum_over_unshifted_axes",
    "the axes of a sum inside a loop are not renumbered behind the steps",
    "axes=(0, *[axis + 1 for axis in node.op.axis])",
    "axes=tuple({0, *node.op.axis})",
    "rewrite sums_after",
)
seed(
    "outer_products_turned",
    "a sum of outer products is its transpose",
    "return Dot()(_flat(left).T, _flat(right))",
    "return Dot()(_flat(right).T, _flat(left))",
    "rewrite sums_after",
)
seed(
    "parts_of_a_sum_swapped",
    "of sums over all steps that are parts of one, the first is given for each",
    "return self._cuts[key][joined.k]",
    "return self._cuts[key][0]",
    "rewrite sums_after",
)
seed(
    "dots_of_swapped_operands",
    "a sum of products becomes one product of operands in different orders",
    "product = Dot()(Join()(last, *[p.inputs[0] for p in products]), joined.inner)",
    "product = Dot()(Join()(last, *[p.inputs[0] for p in reversed(products)]), joined.inner)",
    "rewrite sum_of_dots",
)
seed(
    "summand_beside_products_lost",
    "what is added beside joined products is lost",
    "new = sum_of([product, *[v for v in summands if v.owner not in products]])",
    "new = product",
    "rewrite sum_of_dots",
)

seed = patches("loop_rewrites", f"{RULES}/fusion.py", "rewrite loops_")

seed(
    "states_from_different_values",
    "two states with one new value are taken for one though they start apart",
    "        and mine.outer is partner.outer  # type: ignore[union-attr]\n",
    "",
    "rewrite loops_joined",
)
seed(
    "joined_outputs_swapped",
    "the outputs of two joined loops change places",
    "for part, old in zip(before, [*first.outputs, *second.outputs]):",
    "for part, old in zip(before, [*second.outputs, *first.outputs]):",
    "rewrite loops_joined",
    origin="PyTensor #1796: traced and untraced outputs swapped",
)
seed(
    "joined_keep_fewest",
    "of two joined outputs the one that keeps fewer rows decides",
    "None if mine.keep is None or partner.keep is None else max(mine.keep, partner.keep)",
    "mine.keep if partner.keep is None else partner.keep",
    "rewrite loops_joined",
)
seed(
    "loops_of_different_lengths",
    "loops are joined whatever their numbers of steps",
    "    return [n for n in others if same_length(n.inputs[0], node.inputs[0])]",
    "    return others",
    "rewrite loops_joined",
    "rewrite loops_chained",
    "rewrite loops_of_one_length",
    origin="Theano af8f19b6f: loops of different lengths merged",
)
seed(
    "chained_to_the_first_output",
    "a loop behind another reads the other's first output, whichever it read",
    "at_hand = {r.inner: given[r.outer] for r in two.sequences if r.outer in given}",
    "at_hand = {r.inner: next((v for v in given.values() if v.type == r.inner.type), given[r.outer])"
    " for r in two.sequences if r.outer in given}",
    "rewrite loops_chained",
)

seed = patches("loop_rewrites", f"{RULES}/tape.py", "rewrite written_down")

seed(
    "written_rows_in_their_own_order",
    "what a loop has written down its gradient reads from the first step on",
    "Read(new[id(places[self.same[v]])][::-1], row)",
    "Read(new[id(places[self.same[v]])], row)",
)
seed(
    "value_before_for_the_value_now",
    "a gradient's row of a state after the step is taken for that before it",
    "        if not before:\n            return part.new\n",
    "        if not before:\n            return part.inner[-1] if isinstance(part, State) else part.new\n",
)

seed = patches("loop_rewrites", f"{RULES}/unroll.py", "rewrite few_steps_unrolled")

seed(
    "one_step_too_few_written_out",
    "a loop of several steps is written out without its last",
    "return unrolled(node, steps)",
    "return unrolled(node, max(1, steps - 1))",
)
