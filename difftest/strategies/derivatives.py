"""Steps that differentiate.

Owns with respect to what a gradient is taken: a float input, shared variable or intermediate on which the cost
depends through differentiable steps alone.
"""

from __future__ import annotations

from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.registry import Drawn, step


def _gradient_source(cost: str, *wrt: str, dtypes: tuple[str, ...]) -> str:
    many = f"[{', '.join(wrt)}]" if len(wrt) > 1 else wrt[0]
    text = f'theano.grad(T.sum({cost}), {many}, disconnected_inputs="ignore")'
    if len(wrt) == 1:
        return f"{text}.astype({dtypes[0]!r})"
    return f"[g.astype(d) for g, d in zip({text}, {list(dtypes)})]"


@step("grad", _gradient_source, takes=lambda e: e.kind == "f" and len(e.roots) > 0 and e.orders > 0)
def grad(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    roots = [e for e in pool.entries if e.name in x.roots] or [x]
    first = draw.choose(roots[::-1])
    others = [e for e in roots if e is not first]
    chosen = [first, draw.choose(others)] if others and draw.seldom() else [first]
    return (x.name, *(e.name for e in chosen)), {
        "dtypes": tuple(e.dtype if e.kind == "f" else "float64" for e in chosen)
    }
