"""Whole programs against the same by hand and against other libraries: one table, measured side by side in one run.

A row is a program as users write it (training steps with ``givens``, a chain of elementwise operations, summaries of
the rows of a matrix); a column is NumPy written by hand, the reference with float32_math exact and native, the OpenCL
backend, and JAX where an interpreter that has it is given. Then the seconds from nothing to the first result, each in
a fresh process, without cached kernels and with them.

    OPENBLAS_NUM_THREADS=1 python benchmarks/programs.py [--peer jax=PYTHON] [--only TEXT] [--rounds N] [--first]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import program_peers as programs
from side_by_side import BACKENDS, Call, Measure, Peer, command_line, first_result, medians, seconds

import reference
import reference.tensor.signal.pool
from reference.config import config

PEERS = Path(programs.__file__)


def compiled(row: str, column: str) -> Call:
    backend, math = BACKENDS[column]
    with config.change_flags(float32_math=math):
        call = programs.theano_rows(reference, {"backend": backend})[row]()

    def run() -> object:
        with config.change_flags(float32_math=math):
            return call()

    return run


def measured(row: str, peers: dict[str, Peer], rounds: int) -> dict[str, float]:
    columns: dict[str, Measure] = {}
    try:
        by_hand = programs.numpy_rows()[row]()
        columns["NumPy"] = lambda: seconds(by_hand)
    except NotImplementedError:
        pass
    for column in BACKENDS:
        call = compiled(row, column)
        columns[column] = lambda call=call: seconds(call)  # type: ignore[misc]
    columns |= {column: peer.column(row) for column, peer in peers.items()}
    return medians(columns, rounds, settling=("opencl",))


def first_results(row: str, column: str) -> str:
    """Seconds from nothing to the first result, in two fresh processes: the second finds the first one's kernels."""
    with tempfile.TemporaryDirectory() as folder:
        return " / ".join(first_result(__file__, column, row, folder) for _ in "12")


def report(row: str, column: str, cache: str) -> None:
    with config.change_flags(opencl__cache_dir=cache):
        if column == "opencl":
            reference.function([], reference.shared(1.0) + 1.0, backend="opencl")
        print(f"{seconds(lambda: compiled(row, column)()):.2f}")


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--first", action="store_true", help="the table of first results too")
    arguments = parser.parse_args()
    if arguments.report:
        report(arguments.only, arguments.report, arguments.cache)
        return
    peers = Peer.all(PEERS, arguments.peer)
    columns = ["NumPy", *BACKENDS, *peers]
    names = [name for name in programs.numpy_rows() if arguments.only in name]
    print(f"{'milliseconds a call':44s}" + "".join(f"{c:>10s}" for c in columns) + "   best of the others / opencl")
    for name in names:
        found = measured(name, peers, arguments.rounds)
        line = "".join(f"{1e3 * found[c]:10.3f}" if c in found else f"{'':10s}" for c in columns)
        rivals = [found[c] for c in ("NumPy", *peers) if c in found]
        print(f"{name:44s}{line}   " + (f"{min(rivals) / found['opencl']:.2f}" if rivals else ""), flush=True)
    if arguments.first:
        print(f"\n{'seconds to the first result, cold / warm':44s}" + "".join(f"{c:>16s}" for c in BACKENDS))
        for name in names:
            print(f"{name:44s}" + "".join(f"{first_results(name, c):>16s}" for c in BACKENDS), flush=True)


if __name__ == "__main__":
    main()
