"""What pays on a device, as far as that differs between devices: a small table, measured by command and kept.

Owns `Costs` and where it is kept. Nothing is measured in passing: a choice between two kernels may change the last
bits of a product, and those should not depend on what else a machine did at that moment. It must not know how it is
measured.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields

from opencl_backend import disk

NEVER = 1 << 62


@dataclass(frozen=True)
class Costs:
    """The values given here were measured on two x86-64 cores with AVX-512, on PoCL and Intel's driver.

    blas    by dtype, the operations (2 m n k) from which waiting for the queue and calling BLAS is the faster way on a
            processor
    pack    rows from which copying blocks of the right operand pays, as each is read that often
    block   by dtype, the most sums a side that an item of a graphics card keeps in registers
    """

    blas: Mapping[str, int] = field(default_factory=lambda: {"float32": 2 * 768**3, "float64": 2 * 768**3})
    pack: int = 48
    block: Mapping[str, int] = field(default_factory=lambda: {"float32": 8, "float64": 4})


_known: dict[str, Costs] = {}


def of(fingerprint: str, style: str) -> Costs:
    """The table of a device and a style: what was measured and kept, or the values above."""
    name = _name(fingerprint, style)
    if name not in _known:
        folder = disk.folder()
        kept = folder.read(name) if folder is not None else None
        _known[name] = Costs() if kept is None else _read(kept)
    return _known[name]


def keep(fingerprint: str, style: str, costs: Costs) -> bool:
    """Use the table from now on; False if flags say that nothing is kept."""
    name, folder = _name(fingerprint, style), disk.folder()
    _known[name] = costs
    if folder is not None:
        folder.write(name, json.dumps(asdict(costs)).encode())
    return folder is not None


@contextmanager
def supposed(fingerprint: str, style: str, costs: Costs) -> Iterator[None]:
    """Inside, plans that are made go by this table."""
    name = _name(fingerprint, style)
    before = of(fingerprint, style)
    _known[name] = costs
    try:
        yield
    finally:
        _known[name] = before


def _name(fingerprint: str, style: str) -> str:
    return "costs-" + hashlib.sha256(f"{fingerprint}|{style}".encode()).hexdigest()


def _read(kept: bytes) -> Costs:
    """What another version wrote may lack a field, or have one too many."""
    found = json.loads(kept)
    return Costs(**{f.name: found[f.name] for f in fields(Costs) if f.name in found})
