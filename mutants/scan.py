"""Faults in loops: how they are written down, run, told their shapes, and differentiated (reference/scan).

Taps, tails and lengths off by one, carries and states that alias or are not committed, gradients of steps lost.
"""

from mutants.mutant import patches

seed = patches("scan", "reference/scan/arguments.py", "scan", "op Scan")

seed(
    "longest_sequence",
    "the number of steps is that of the longest sequence",
    "shortest = minimum(shortest, length)",
    "shortest = shortest if length is None else length",
)
seed(
    "first_tap_cut_by_sign",
    "the sequence's rows before its taps are counted only if they are negative",
    "start, end = tap - self.first, tap - self.last",
    "start, end = max(tap, 0), tap - self.last",
    origin="Theano e4e5d8249: sequence cut wrong when all taps have one sign",
)
seed(
    "backwards_taps_unturned",
    "a sequence read backwards keeps its taps",
    "Sequence_(self.input[::-1], [-tap for tap in self.taps], self.names)",
    "Sequence_(self.input[::-1], list(self.taps), self.names)",
)
seed(
    "initial_rows_from_the_end",
    "of more initial rows than the taps need the last are taken",
    "rows = initial[: -min(info.taps)]",
    "rows = initial[min(info.taps) :]",
)
seed = patches("scan", "reference/scan/build.py", "scan", "op Scan")

seed(
    "outputs_in_loop_order",
    "outputs come in the loop's order, not the user's",
    "return [next(mapped) if info is None else next(states) for info in given]",
    "return list(results)",
)
seed(
    "captured_before_default_updates",
    "the default updates of what a step reaches are forgotten",
    "if isinstance(v, SharedVariable) and v.default_update is not None and v not in updates:",
    "if False:",
    "scan",
    "random",
    "op Scan",
)
seed = patches("scan", "reference/scan/relatives.py", "scan", "op Scan")

seed(
    "reduce_gives_the_first",
    "reduce returns the value after the first step",
    "return None if outputs is None else outputs[-1], updates",
    "return None if outputs is None else outputs[0], updates",
)
seed(
    "foldr_forwards",
    "foldr begins at the first element",
    "return reduce(fn, sequences, outputs_info, non_sequences, True, mode, name)",
    "return reduce(fn, sequences, outputs_info, non_sequences, False, mode, name)",
)

seed = patches("scan", "reference/scan/returned.py", "scan", "op Scan")

seed(
    "condition_forgotten",
    "a condition is taken for none, and the loop makes all its steps",
    "condition = item.condition",
    "condition = condition",
)

seed = patches("scan", "reference/scan/op.py", "op Scan", "scan")

seed(
    "carry_aliases_a_row",
    "the last value of a carry is the array itself, whoever else holds it",
    "*[v.copy() if isinstance(v, np.ndarray) else v for v in carries]",
    "*carries",
    "op Scan",
    "scan",
    "function",
    origin="Theano #2252: a state that is an input row came back aliased",
)
seed(
    "stack_without_growth",
    "an until loop writes over its rows from the 64th on",
    "            self.buffer = np.concatenate([self.buffer, np.empty_like(self.buffer)])",
    "            self.buffer = np.concatenate([np.empty_like(self.buffer), self.buffer])",
)
seed(
    "no_rows_of_no_shape",
    "stacks of no rows of mapped outputs have rows of length 1",
    "shapes += [v.shape for v in values[self.n_states : self.n_stacked]]",
    "shapes += [(1,) * v.ndim for v in values[self.n_states : self.n_stacked]]",
)
seed(
    "equal_loops_of_unequal_steps",
    "two loops with steps of the same operations are equal whatever those read",
    "            and equal_graphs(self.inner_outputs, other.inner_outputs,"
    " dict(zip(self.inner_inputs, other.inner_inputs)))\n",
    "",
    "rewrite merge_nodes",
    "op Scan",
    "scan",
)

seed = patches("scan", "reference/scan/rounds.py", "op Scan", "scan")

seed(
    "taps_from_the_front",
    "tap -k reads the k-th of the oldest rows",
    'inner += [f"h{k}_{-tap}" for tap in lags]',
    'inner += [f"h{k}_{tap - min(lags) + 1}" for tap in lags]',
)
seed(
    "until_before_the_step",
    "the step in which the condition is true is not counted",
    "made = t + 1; break",
    "made = t; break",
)
seed(
    "carries_read_their_first_value",
    "every step reads the carries as they were before the loop",
    'body += [f"c{k} = d{k}" for k in range(carries)]',
    'body += [f"if t == steps - 1: c{k} = d{k}" for k in range(carries)]',
)

seed = patches("scan", "reference/scan/arithmetic.py", "op Scan", "scan")

seed(
    "ring_read_unturned",
    "the last rows of a ring come in the order of memory",
    "return ring if turn == 0 else np.concatenate([ring[turn:], ring[:turn]])",
    "return ring",
    origin="Theano e6777e0b9: buffer rotation",
)
seed(
    "row_overwritten_while_read",
    "a step's new value is written where the oldest that it reads still lies",
    "count = 1 + (op.depth(k) if k < op.n_states else how == CARRY)",
    "count = op.depth(k) if k < op.n_states else 1 + (how == CARRY)",
)
seed(
    "buffer_given_away_early",
    "memory of a value is free when it was read once",
    "if last[x] == k and x not in used]",
    "if x not in used]",
)
seed(
    "third_operand_overwritten",
    "a sum of three writes its first result over the third",
    "return name in operands and (len(operands) <= 2 or name not in operands[1:])",
    "return name in operands",
)

seed = patches("scan", "reference/scan/parts.py", "scan", "op Scan", "rewrite ")

seed(
    "reads_merged_by_type",
    "two sequences of one type are read as the first",
    "kept = first.setdefault(read.outer, read)",
    "kept = first.setdefault(read.outer.type, read)",
)
seed(
    "constants_of_the_wrong_reads",
    "a loop's non-sequences are put in order without what stands outside",
    "self.constants.sort(key=lambda r: mention.get(r.inner, len(mention)))",
    "inner = sorted((r.inner for r in self.constants), key=lambda v: mention.get(v, len(mention)))\n"
    "        self.constants = [Read(r.outer, v) for r, v in zip(self.constants, inner)]",
)

seed = patches("scan", "reference/scan/unroll.py", "scan", "op Scan", "unroll")

seed(
    "unrolled_reads_the_last_row",
    "the unrolled loop reads every row one too late",
    "r.outer[t] for r in loop.sequences",
    "r.outer[t + 1 - n_steps] for r in loop.sequences",
    "MR2",
    "scan",
    "op Scan",
)

seed = patches("scan", "reference/scan/shapes.py", "rewrite length_through", "scan")

seed(
    "shape_of_kept_rows",
    "a loop that keeps its last rows tells the length of all",
    "minimum(steps, constant(np.int64(keep)))",
    "steps",
)
seed(
    "shape_of_steps_less_one",
    "a loop tells one row less",
    'steps = cast(node.inputs[0], "int64")',
    'steps = cast(node.inputs[0] - 1, "int64")',
)

seed = patches("scan", "reference/scan/grad.py", "gradient Scan")

seed(
    "pending_not_moved",
    "of the gradients under way only a step's own term is handed on",
    "moved = own if later is None else later if own is None else later + own",
    "moved = own if own is not None else later",
    origin="Theano 3de825773: a term of a state's gradient was wrong from the third derivative on",
)
seed(
    "last_value_gradient_lost",
    "the gradient of a carry's last value is given to the first slot of nobody",
    "self.back.carries[-1].outer = self._fit(last[id(part)], part.new)",
    "pass",
)
seed(
    "repeated_input_counted_once",
    "a value that is two outputs of a step gets the gradient of one",
    "self.incoming[part.new] = total if known is None else known + total",
    "self.incoming[part.new] = total",
    origin="Theano a3db430f6: a repeated input was counted once",
)
seed(
    "non_sequence_of_last_step",
    "the gradient of a non-sequence is that of one step",
    "total, total + term))",
    "total, term))",
)
seed(
    "sequence_gradient_backwards",
    "the gradients of a sequence's rows stay in the order of the loop that made them",
    "        rows = backwards[::-1]\n        if not self.cut:",
    "        rows = backwards\n        if not self.cut:",
)
seed(
    "states_one_step_off",
    "the backward loop reads the values after each step for those before it",
    "back.sequences.append(Read(self._backwards(whole[depth + tap : tap]), v))",
    "back.sequences.append(Read(self._backwards(whole[depth:]), v))",
)
seed(
    "initial_rows_reversed",
    "the gradients of several initial rows come in the wrong order",
    "rows = [ns.shape_padleft(g) for g in reversed(pending)]",
    "rows = [ns.shape_padleft(g) for g in pending]",
)
seed(
    "truncated_at_the_wrong_end",
    "a truncated gradient flows through the first steps",
    "rows = rows[self.steps - self.back.n_steps :]",
    "rows = rows[: self.back.n_steps]",
)
seed(
    "until_gradient_of_all_rows",
    "the gradient of an until loop reads the rows of steps it never made",
    "rows = read.outer[: self.steps] if self.op.until else read.outer  # type: ignore[index]",
    "rows = read.outer[-self.steps :] if self.op.until else read.outer",
    origin="Theano 1.0.5 and PyTensor 3.0.7: a wrong gradient of until loops in all modes",
)
seed(
    "connections_not_closed",
    "what an output depends on through other states is taken for disconnected",
    "                    total[o] |= total[feeds[i]]\n                    changed = True",
    "                    changed = False",
)
seed(
    "taps_in_order_of_mention",
    "the gradient of tap -k is that of the tap at place k",
    "dict(zip(part.taps, part.inner)).get(-1 - i)",
    "part.inner[i] if i < len(part.inner) else None",
)

seed = patches("scan", "reference/scan/forward.py", "gradient Scan")

seed(
    "change_of_the_first_value_lost",
    "an R-operator begins every state without a change",
    "return _zeros(part.outer) if given is None else _fit(given, part.outer)",
    "return _zeros(part.outer)",
)
