"""`theano.misc`: saving and loading with `pkl_utils`, which here is `pickle`."""

from __future__ import annotations

import pickle
from typing import IO, Any

from reference.alias.top import _asarray

__all__ = ["CompatUnpickler", "DEFAULT_PROTOCOL", "HIGHEST_PROTOCOL", "StripPickler", "_asarray", "dump", "load"]

DEFAULT_PROTOCOL, HIGHEST_PROTOCOL = pickle.DEFAULT_PROTOCOL, pickle.HIGHEST_PROTOCOL
CompatUnpickler = pickle.Unpickler


class StripPickler(pickle.Pickler):
    """A pickler; `extra_tag_to_remove` is accepted."""

    def __init__(self, file: IO[bytes], protocol: int = DEFAULT_PROTOCOL, extra_tag_to_remove: Any = None):
        super().__init__(file, protocol)


def dump(obj: Any, file_handler: IO[bytes], protocol: int = DEFAULT_PROTOCOL, persistent_id: Any = None) -> None:
    """Write anything made of variables, functions and arrays to an open file."""
    pickle.dump(obj, file_handler, protocol=protocol)


def load(f: IO[bytes], persistent_load: Any = None) -> Any:
    """Read what `dump` wrote."""
    return pickle.load(f)
