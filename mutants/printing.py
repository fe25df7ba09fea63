"""Faults in what is printed, and in programs written from graphs."""

from mutants.mutant import patches

seed = patches("printing", "reference/printing/debugprint.py", "printing", "text")

seed(
    "ids_by_address",
    "an id follows from an address in memory",
    "            number = len(self.used)\n",
    "            number = id(key) // 64 % 997\n",
)
seed(
    "order_of_construction",
    "the numbers are those in which nodes were built",
    "            nodes = fgraph.toposort()\n        return {node",
    "            nodes = sorted(fgraph.toposort(), key=lambda n: n.serial)\n        return {node",
)
seed(
    "equal_values_one_leaf",
    "constants of one value and different dtypes are one leaf",
    "return (shown.type, shown.data.tobytes()) if small else shown",
    "return float(shown.data.reshape(-1)[0]) if small else shown",
)
seed(
    "inner_graphs_by_set",
    "inner graphs are printed in the order of their hashes",
    "        for loop in self.loops:  # grows",
    "        for loop in sorted(self.loops, key=id):  # grows",
)
seed(
    "serials_of_what_rewrites_made",
    "nodes that rewrites made are numbered as they were built",
    "text += f\"{self.order.get(node, '')}{self._storage(variable)}{self._clients(variable)}\"",
    "text += f\"{node.serial if node.made_by else self.order.get(node, '')}\"\n"
    '            text += f"{self._storage(variable)}{self._clients(variable)}"',
)

seed = patches("printing", "reference/printing/constants.py", "printing", "text")

seed(
    "constant_without_sign",
    "-0.0 prints like 0.0",
    "        return str(value)",
    '        return str(value).replace("-0.0", "0.0")',
)

seed = patches("printing", "reference/printing/print_op.py", "printing", "op Print")

seed(
    "print_prints_nothing",
    "a print keeps silent from its second call on",
    "        if not effects_are_off():\n",
    '        if not effects_are_off() and not self.__dict__.setdefault("_done", []):\n'
    '            self.__dict__["_done"].append(1)\n',
)

seed = patches("printing", "reference/printing/source.py", "printing", "text")

seed(
    "source_without_dtype",
    "a program written from a graph forgets the dtypes of its constants",
    'return f"np.array({self.value(x.tolist())}, dtype={x.dtype.name!r}){shape}"',
    'return f"np.array({self.value(x.tolist())}){shape}"',
    origin="canonical print drops the dtype",
)
