"""Loops: ``scan`` and its relatives.

`build` and `relatives` are what users call, `arguments` and `returned` know how that may be spelled; `op` is what a
loop means, `grad` its gradient, `unroll` the same loop without a loop, `parts` the working form, `shapes` what is known
about the outputs before the loop has run.
"""

from reference.scan.build import dropped_updates, given_to_loops, scan
from reference.scan.op import Scan
from reference.scan.relatives import foldl, foldr, map, reduce, scan_checkpoints
from reference.scan.returned import OrderedUpdates, until

__all__ = [
    "OrderedUpdates", "Scan", "dropped_updates", "foldl", "foldr", "given_to_loops", "map", "reduce", "scan",
    "scan_checkpoints", "until",
]  # fmt: skip
