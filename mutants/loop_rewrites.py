"""Faults in the rewrites of loops: rules/{scan, batch}.py.

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
    "loops_of_different_lengths",
    "loops are joined whatever their numbers of steps",
    "    for client in fgraph.clients.get(node.inputs[0], ()):\n        other = client.node\n        if (\n"
    "            other is not None\n            and other is not node\n            and isinstance(other.op, Scan)\n"
    "            and other.inputs[0] is node.inputs[0]\n",
    "    for other in fgraph.apply_nodes:\n        if (\n            other is not node\n"
    "            and isinstance(other.op, Scan)\n",
    "rewrite loops_joined",
    origin="Theano af8f19b6f: loops of different lengths merged",
)
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
    "outputs_once_first",
    "an output that repeats another is replaced by the first of all",
    "same[node.outputs[k]] = node.outputs[j]",
    "same[node.outputs[k]] = node.outputs[0]",
    "rewrite outputs_once",
)
seed(
    "later_steps_read_nothing",
    "an output that only later steps read is dropped",
    "live = [p for p in before if any(p is q for q in live) or any(v in read for v in _inner(p))]",
    "live = [p for p in before if any(p is q for q in live)]",
    "rewrite outputs_dropped",
)
seed(
    "effects_hoisted",
    "a print inside a loop is moved out of it and prints once",
    "            and not has_effect(inner.op)\n            and (cannot_fail(inner) or not safe_only)",
    "            and (cannot_fail(inner) or not safe_only)",
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
    "fixed_matrix_unturned",
    "dot(W, x[t]) for all t is x W, without the transpose",
    "return Dot()(right, outer[0].T if outer[0].type.ndim == 2 else outer[0])",
    "return Dot()(right, outer[0])",
    "rewrite dots_at_once",
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
    "third_summand_lost",
    "of the summands that are moved before a loop two are taken",
    "new = _sum_of([_sum_of(early), *late])",
    "new = _sum_of([_sum_of(early[:2]), *late])",
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
    "sum_without_its_beginning",
    "a sum moved after the loop forgets what it started from",
    "total = _sum_of([carry.outer, *sums_of_rows])",
    "total = _sum_of(sums_of_rows)",
    "rewrite sums_after",
    origin="Theano d4313b586: push-out dropped what was there",
)
seed(
    "sum_over_unshifted_axes",
    "the axes of a sum inside a loop are not renumbered behind the steps",
    "axes = (0, *[axis + 1 for axis in node.op.axis])",
    "axes = tuple({0, *node.op.axis})",
    "rewrite sums_after",
)
seed(
    "outer_products_turned",
    "a sum of outer products is its transpose",
    "return _Term([column, line], lambda rows: Dot()(rows[0].T, rows[1]))",
    "return _Term([column, line], lambda rows: Dot()(rows[1].T, rows[0]))",
    "rewrite sums_after",
)
seed(
    "gates_in_another_order",
    "the parts of a joined product go to the wrong gates",
    "loop.replace({p.outputs[0]: part for p, part in zip(products, parts)})",
    "loop.replace({p.outputs[0]: part for p, part in zip(products, parts[::-1])})",
    "rewrite dots_of_one_operand",
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
    "new = _sum_of([product, *[v for v in summands if v.owner not in products]])",
    "new = product",
    "rewrite sum_of_dots",
)
seed(
    "until_loop_batched",
    "work is moved out of loops that may end early, behind their end",
    "    loop = Loop.of(node)\n    if loop.condition is not None or not loop.sequences:\n"
    "        return None\n    batched",
    "    loop = Loop.of(node)\n    if not loop.sequences:\n        return None\n    batched",
    "rewrite rows_at_once",
    "rewrite dots_at_once",
)
