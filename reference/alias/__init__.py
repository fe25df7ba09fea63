"""Theano's module names: `install_as_theano`, after which ``import theano`` finds this package.

`table` says which of our modules stand behind each path, `finder` makes modules of it, the others give the
helpers that only Theano's programs ask for under these names. No other part of the package may need them.
"""

from reference.alias.finder import install_as_theano, uninstall
from reference.alias.table import ABSENT, PATHS, sources

__all__ = ["ABSENT", "PATHS", "install_as_theano", "sources", "uninstall"]
