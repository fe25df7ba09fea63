"""Faults in `function`, the interpreter and the graph: givens, updates, aliasing, what is freed when."""

from mutants.mutant import patches

seed = patches("function", "reference/compile/function.py", "function")

seed(
    "updates_in_turn",
    "every update is computed from the values the ones before it left",
    "new_shared = {s: update_value(s, v) for s, v in zip(pending, expressions[len(outs) + len(states) :])}",
    "new_shared = {}\n    for s, v in zip(pending, expressions[len(outs) + len(states) :]):\n"
    "        new_shared[s] = update_value(s, clone_replace([v], dict(new_shared))[0])",
    origin="updates applied one after the other: a swap of two variables",
)
seed(
    "last_update_lost",
    "the last of several updates is not committed",
    "for container, value in zip(self._commits, new_values[len(self.states) :]):",
    "for container, value in zip(self._commits[: max(1, len(self._commits) - 1)], new_values[len(self.states) :]):",
)
seed(
    "updates_rotated",
    "two shared variables get each other's new values",
    "self._commits = [containers[v] for v in updated]",
    "self._commits = [containers[v] for v in updated[1:] + updated[:1]]",
)
seed(
    "output_is_the_state",
    "a returned array is the storage of a shared variable",
    "if root in inputs or root in taken or isinstance(root, Constant):",
    "if False:",
    origin="a returned array aliased a shared variable",
)
seed(
    "outputs_share_memory",
    "two outputs that are one value are one array",
    "        else:\n            taken.add(root)\n",
    "        else:\n            pass\n",
)
seed(
    "givens_not_in_updates",
    "givens are substituted in the outputs, not in the updates",
    "    expressions = substitute(expressions)",
    "    expressions = [*substitute(expressions[: len(outs)]), *expressions[len(outs) :]]",
)

seed = patches("function", "reference/compile/givens.py", "function")

seed(
    "givens_in_turn",
    "a given is substituted in the replacements of those before it",
    "            expressions = clone_replace(expressions, pairs, memo)",
    "            for old, new in pairs.items():\n                expressions = clone_replace(expressions, {old: new})",
    "function",
    "text",
    origin="givens substituted one after the other",
)
seed(
    "givens_one_by_one",
    "what an output and a default update share is two things once givens are written in",
    "            expressions = clone_replace(expressions, pairs, memo)",
    "            expressions = clone_replace(expressions, pairs)",
    "function",
    "text",
    origin="default updates substituted apart from the outputs: a draw stood there twice",
)
seed(
    "default_update_forgotten",
    "a random stream draws the same numbers in every call",
    "if variable.default_update is not None and variable not in updates and variable not in skipped:",
    "if False:",
    "function",
    "random",
    origin="the state of a stream was not advanced",
)

seed = patches("function", "reference/compile/shared.py", "function")

seed(
    "value_borrowed",
    "get_value returns the array itself",
    "            return value\n        return _own(value)",
    "            return value\n        return value",
)
seed(
    "value_kept",
    "set_value keeps the caller's array",
    "self.container.write(filtered if borrow else _own(filtered))",
    "self.container.write(filtered)",
)

seed = patches("function", "reference/interpreter.py", "interpreter")

seed(
    "freed_after_first_reader",
    "a value is freed after its first reader",
    "                last_reader[place[v]] = k\n            for v in node.outputs:",
    "                last_reader.setdefault(place[v], k)\n            for v in node.outputs:",
    origin="Theano PR #796, b474effca: a value still needed was freed",
)
seed(
    "constants_freed",
    "constants are freed after the first call's last reader",
    "kept = {place[v] for v in fgraph.outputs} | {place[v] for v in place if isinstance(v, Constant)}",
    "kept = {place[v] for v in fgraph.outputs}\n        self.template = self.template",
    "interpreter",
)
seed(
    "template_shared",
    "values of one call are left for the next",
    "slots = self.template.copy()",
    "slots = self.template",
    "interpreter",
    "function",
)

seed = patches("function", "reference/graph/traversal.py", "function", "text", "rewrite ")

seed(
    "clone_of_first_output",
    "of a node with several outputs a copy reads the first",
    "for old, new in zip(node.outputs, twin.outputs, strict=True):\n            memo.setdefault(old, new)",
    "for old, new in zip(node.outputs, twin.outputs, strict=True):\n"
    "            memo.setdefault(old, twin.outputs[0] if new.type == twin.outputs[0].type else new)",
    "function",
    "op ",
    "text",
    "rewrite ",
    "scan",
    "gradient ",
)
seed(
    "equal_whatever_the_output",
    "two graphs are equal if they read different outputs of equal nodes",
    "if a.index != b.index or a.owner.op != b.owner.op",
    "if a.owner.op != b.owner.op",
    "rewrite ",
    "scan",
)

seed = patches("function", "reference/graph/fgraph.py", "function", "rewrite ")

seed(
    "one_reader_changed",
    "a replacement reaches the first reader only",
    "for client in list(self.clients[old]):",
    "for client in list(self.clients[old])[:1]:",
    "rewrite ",
    "function",
)

seed = patches("function", "reference/graph/types.py", "rewrite merge_constants", "op ", "rewrite ")

seed(
    "equal_zeros",
    "0.0 and -0.0 are one constant",
    "        return array.shape, array.tobytes()\n",
    '        return array.shape, (array + array.dtype.type(0) if array.dtype.kind in "fc" else array).tobytes()\n',
    "rewrite merge_constants",
)
