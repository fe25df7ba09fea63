"""A graph's nodes as straight-line Python: what the interpreter runs where a graph is run many times.

Owns the text, a line a node, and the way back from a line to its node when a line fails. The meaning is that of
`Program`: every line calls the node's thunk, or, where operands have one shape, the bare function behind it. It
must not know what any operation computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from reference.graph.core import Apply


class Straight:
    """One function for all nodes: call it with the inputs' values, get the outputs'.

    steps    (thunk, node, the places of its inputs, of its outputs, and those that nobody reads afterwards)
    known    the values that are known before, by place
    """

    def __init__(
        self, steps: Sequence[tuple[Callable[..., Any], Apply, Sequence[int], Sequence[int], Sequence[int]]],
        inputs: int, outputs: Sequence[int], known: Mapping[int, Any],
    ):  # fmt: skip
        self.nodes = [step[1] for step in steps]
        self.names = [[f"v{place}" for place in step[2]] for step in steps]
        self.known: dict[str, Any] = {f"v{place}": value for place, value in known.items()}
        lines = [f"def run({', '.join(f'v{k}' for k in range(inputs))}):"]
        for k, (thunk, node, _, results, dead) in enumerate(steps):
            self.known[f"f{k}"] = thunk
            line = self._line(k, node, [f"v{place}" for place in results])
            lines.append("; ".join([f"    {line}", *(f"v{place} = None" for place in dead)]))
        lines.append(f"    return [{', '.join(f'v{k}' for k in outputs)}]")
        code = compile("\n".join(lines), _FILE, "exec")
        exec(code, self.known)
        self.run: Callable[..., list[Any]] = self.known["run"]

    def _line(self, k: int, node: Apply, results: list[str]) -> str:
        given = self.names[k]
        general = f"f{k}({', '.join(given)})"
        plain = node.op.plain(node)
        if plain is None:
            return f"{', '.join(results)}, = {general}" if results else general
        self.known[f"u{k}"] = plain
        same = " == ".join(f"{name}.shape" for name in dict.fromkeys(given))
        direct = f"u{k}({', '.join(given)})"
        return f"{results[0]} = {direct}" + (f" if {same} else {general}[0]" if " == " in same else "")

    def failed(self, traceback: TracebackType | None) -> tuple[Apply, list[Any]] | None:
        """The node whose line an exception came from, with its operands; None if it is no line of ours."""
        while traceback is not None and traceback.tb_frame.f_code is not self.run.__code__:
            traceback = traceback.tb_next
        if traceback is None or traceback.tb_lineno < 2:
            return None
        k = traceback.tb_lineno - 2
        if k >= len(self.nodes):
            return None
        seen = {**self.known, **traceback.tb_frame.f_locals}
        return self.nodes[k], [seen.get(name) for name in self.names[k]]


_FILE = "<the nodes of a graph>"
