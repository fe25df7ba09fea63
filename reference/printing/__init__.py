"""Graphs as text: `debugprint`, `pp`, and `Print` for values while they are computed."""

from reference.printing.constants import constant_text
from reference.printing.debugprint import debugprint
from reference.printing.pp import pp, pprint
from reference.printing.print_op import Print

__all__ = ["Print", "constant_text", "debugprint", "pp", "pprint"]
