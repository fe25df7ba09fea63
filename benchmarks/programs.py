"""The programs of `program_peers.py` on this package's backends, and by hand in NumPy.

    python benchmarks/programs.py serve numpy|reference|opencl
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import program_peers as programs
from side_by_side import Tables, serve

import reference
import reference.tensor.signal.pool


def rows_of(backend: str) -> Tables:
    if backend == "numpy":
        return programs.numpy_rows()
    return programs.theano_rows(reference, reference.tensor.nnet.softmax, backend=backend)


if __name__ == "__main__":
    serve(rows_of(sys.argv[2]), np.__version__)
