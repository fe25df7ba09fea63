"""NanGuardMode: stop at the first NaN, infinity or very large number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from reference.compile.modes import Hook, Mode
from reference.config import config
from reference.graph.core import Apply
from reference.rewriting.engine import RewriteLog
from reference.rewriting.pipeline import Choice

_BIG = 1e10


class NanGuardMode(Mode):
    """A mode that checks every value a node reads or computes.

    `nan_is_error`, `inf_is_error`: raise at the first NaN, infinity. `big_is_error`: at the first finite
    number beyond 1e10 in absolute value. `action` is "raise" or "warn". What is left out, flags of these names decide.
    """

    def __init__(
        self,
        nan_is_error: bool | None = None,
        inf_is_error: bool | None = None,
        big_is_error: bool | None = None,
        optimizer: str | Choice | None = "default",
        linker: str | None = None,
        action: str | None = None,
    ):
        super().__init__(linker, optimizer)
        flags = config.NanGuardMode
        action = flags.action if action is None else action
        if action not in ("raise", "warn"):
            raise ValueError(f"action is 'raise' or 'warn', not {action!r}")
        self.name = "NanGuardMode"
        self.nan_is_error = flags.nan_is_error if nan_is_error is None else nan_is_error
        self.inf_is_error = flags.inf_is_error if inf_is_error is None else inf_is_error
        self.big_is_error = flags.big_is_error if big_is_error is None else big_is_error
        self.action = action

    def hooks(self, log: RewriteLog | None = None) -> Hook:
        return self._watch

    def _watch(self, node: Apply, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        for role, values in (("input", inputs), ("output", outputs)):
            for k, value in enumerate(values):
                for problem in self._problems(value):
                    self._tell(f"{role} {k} of {node} holds {problem}", node)

    def _problems(self, value: Any) -> Iterator[str]:
        if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.kind not in "fc":
            return
        array = np.asarray(value)
        finite = np.isfinite(array)
        if self.nan_is_error and (count := int(np.isnan(array).sum())):
            yield f"{count} NaN among {array.size} values"
        if self.inf_is_error and (count := int(np.isinf(array).sum())):
            yield f"{count} infinite values among {array.size}"
        if self.big_is_error and (count := int((np.abs(array[finite]) > _BIG).sum())):
            yield f"{count} values beyond {_BIG:g} among {array.size}"

    def _tell(self, problem: str, node: Apply) -> None:
        where = f"\nThe node was built at: {node.line}" if node.line else ""
        made = f"\nIt was made by the rewrite {node.made_by}" if node.made_by else ""
        text = f"NanGuardMode: {problem}{where}{made}"
        if self.action == "raise":
            raise AssertionError(text)
        import warnings

        warnings.warn(text, stacklevel=2)
