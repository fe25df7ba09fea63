"""Loops: ``scan`` and its relatives.

`build` is what users call, `op` what a loop means, `grad` its gradient, `unroll` the same loop without a
loop, `parts` the working form, `shapes` what is known about the outputs before the loop has run.
"""

from reference.scan.build import OrderedUpdates, dropped_updates, foldl, foldr, map, reduce, scan, until
from reference.scan.op import Scan

__all__ = ["OrderedUpdates", "Scan", "dropped_updates", "foldl", "foldr", "map", "reduce", "scan", "until"]
