"""`Print`: an identity that shows what passes through it.

Owns the operation and the text of its lines, ``message attr = value``. Rewrites neither drop nor merge
nor fold it (see `effect`), so a function prints the same lines whatever its mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from reference.graph.core import Apply, Op, Variable
from reference.interpreter import effects_are_off


def _print_lines(op: Print, value: Any) -> None:
    for attr in op.attrs:
        found = getattr(value, attr)
        print(op.message, attr, "=", found() if callable(found) else found)


@dataclass(frozen=True)
class Print(Op):
    """Returns its input and prints, each time it is computed, one line for each name in `attrs`.

    A name may be that of a property (``"shape"``) or of a method (``"min"``). `global_fn(op, value)` may be
    given to do something else with the value.
    """

    message: str = ""
    attrs: tuple[str, ...] = ("__str__",)
    global_fn: Callable[[Print, Any], None] = field(default=_print_lines, repr=False)

    effect: ClassVar[bool] = True
    view_of = {0: 0}

    def __post_init__(self) -> None:
        object.__setattr__(self, "attrs", tuple(self.attrs))

    def make_node(self, x: Any) -> Apply:
        from reference.tensor.basic import as_tensor_variable

        x = x if isinstance(x, Variable) else as_tensor_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[Any, ...]:
        if not effects_are_off():
            self.global_fn(self, inputs[0])
        return (inputs[0],)

    def L_op(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], output_gradients: Sequence[Variable]
    ) -> Sequence[Variable]:
        return output_gradients

    def R_op(self, inputs: Sequence[Variable], eval_points: Sequence[Variable | None]) -> Sequence[Variable | None]:
        return eval_points

    def __str__(self) -> str:
        return f"Print{{message={self.message!r}, attrs={self.attrs!r}}}"
