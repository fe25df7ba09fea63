"""The relation about loops that remember every N-th row: they are loops that remember all.

Only the first call is compared, as in `loops`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from difftest.case import Case
from difftest.program import Step
from difftest.relations.functions import shuffled
from difftest.relations.loops import LOOPS, all_sites
from difftest.relations.registry import Twin, relation
from difftest.relations.surgery import line
from difftest.strategies.drawing import Draw


@relation("MR37", "a loop with checkpoints is a loop of which every N-th row is kept, and the last", **LOOPS)
def without_checkpoints(case: Case, draw: Draw) -> Iterator[Twin]:
    """scan_checkpoints(f, x, h, save_every_N=2) -> r = scan(f, x, h); concatenate([r[1::2], r[-1:]])"""
    for site in shuffled(draw, [s for s in all_sites(case) if s.loop.every]):
        n, every = site.trips(), site.loop.every
        if not n:
            continue
        names = site.surgery.fresh()
        results = tuple(next(names) for _ in site.loop.outputs)
        whole = replace(site.loop, call="scan", rows=("",) * len(results), every=0, padding=True)
        steps = [Step("scan", site.step.operands, whole.attributes(), results)]
        stacks = {}
        for k, _, _ in site.kept:
            kept = [next(names), next(names), next(names)]
            steps.append(line("subtensor", (results[k],), kept[0], index=((every - 1, None, every),)))
            steps.append(line("subtensor", (results[k],), kept[1], index=((-1, None, None),)))
            steps.append(line("join", tuple(kept[:2]), kept[2], axis=0))
            stacks[k] = kept[2] if n % every else kept[0]
        yield site.twin([*steps, *site.picked(stacks, names)])
