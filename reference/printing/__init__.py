"""Graphs as text (`debugprint`, `pp`), as programs (`source`), as pictures (`dot`); and `Print`, for values
while they are computed."""

from reference.printing.constants import constant_text
from reference.printing.debugprint import debugprint
from reference.printing.dot import dot, pydotprint
from reference.printing.pp import pp, pprint
from reference.printing.print_op import Print
from reference.printing.source import rebuild, source

__all__ = ["Print", "constant_text", "debugprint", "dot", "pp", "pprint", "pydotprint", "rebuild", "source"]
