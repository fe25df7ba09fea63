"""python -m opencl_backend: list the devices and test the one that would be used.

With the word `lowering` it writes docs/lowering.md to standard output instead; with `measure` it fills the table of
what pays on the device. Owns these commands only.
"""

from __future__ import annotations

import sys

import numpy as np

from opencl_backend import device as devices
from opencl_backend import explain, measure
from reference.graph.errors import BackendError


def main() -> int:
    """Print what there is; 0 if the chosen device computes correctly."""
    if sys.argv[1:] == ["lowering"]:
        print(explain.lowering_page(), end="")
        return 0
    if sys.argv[1:] == ["measure"]:
        return measure.main()
    try:
        pairs = devices.every_device()
        chosen = devices.current()
    except BackendError as error:
        print(error, file=sys.stderr)
        return 1
    for platform, cl_device in pairs:
        mark = "*" if cl_device == chosen.cl_device else " "
        print(f"{mark} {platform.name.strip()}: {cl_device.name.strip()}")
    print(chosen.describe())
    return self_test()


def self_test() -> int:
    """Compute a few numbers on both backends."""
    from reference import function
    from reference.graph.types import TensorType

    x = TensorType("float64", (False, False))("x")
    value = np.arange(12.0).reshape(3, 4) / 7
    results = [
        function([x], [(x * x + 1).sum(axis=0), x[::-1, 1], x / 3], backend=name, mode="EXACT")(value)
        for name in ("reference", "opencl")
    ]
    same = all(np.array_equal(a, b) for a, b in zip(*results))
    print("self-test:", "the same bits as the reference" if same else f"DIFFERENT: {results}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
