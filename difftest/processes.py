"""The programs of one session shared among processes, as many as there are processors.

Owns `shared_out`: an example at a time goes to a process that keeps a `Session` of its own, and what they all did is
added up. The examples are those that one process would check. A driver that takes its process with it ends the session,
with the examples that it died of; a campaign outlives it. It must not know how an example is checked.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from difftest.cells import Cell
from difftest.session import Address, Progress, Session, Summary

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What tells linear algebra to leave the other processors to the other processes."""

_session: Session | None = None
"""That of this process, where it works for another."""


class Died(RuntimeError):
    """A process ended while it checked an example: a fault of a driver, or of the interpreter."""


def shared_out(
    chosen: tuple[Cell, ...],
    profile: str,
    name: str,
    workers: int,
    examples: int | None,
    over: Callable[[], bool],
    progress: Progress | None = None,
) -> Summary:
    """What `workers` processes found in the examples of a session, handed out until there are no more or it is over."""
    total = Summary(chosen)
    with _pool(workers, chosen, profile) as pool:
        running: dict[Future[Summary], str] = {pool.submit(_seeds): "the seed programs"}
        number = 0
        while True:
            while len(running) < 2 * workers and (examples is None or number < examples) and not over():
                address = Address(name, 0, number)
                running[pool.submit(_example, address)] = str(address)
                number += 1
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                _add(total, _part(future, running))
                del running[future]
            if progress is not None:
                progress(total)
    total.findings.sort(key=lambda repro: Address.parse(repro.address).number if repro.address else -1)
    return total


def _part(future: Future[Summary], running: dict[Future[Summary], str]) -> Summary:
    try:
        return future.result()
    except BrokenProcessPool:
        raise Died(
            f"a process died while it checked {' or '.join(running.values())}; python -m difftest replay ADDRESS "
            f"does so again, and python -m difftest campaign makes the death a finding and goes on"
        ) from None


def _add(total: Summary, part: Summary) -> None:
    """What one process did; a fault that two of them met is one finding."""
    known = {repro.failure.signature for repro in total.findings}
    total.programs += part.programs
    total.runs += part.runs
    total.processor += part.processor
    total.counts.update(part.counts)
    total.findings += [repro for repro in part.findings if repro.failure.signature not in known]


@contextmanager
def _pool(workers: int, chosen: tuple[Cell, ...], profile: str) -> Iterator[ProcessPoolExecutor]:
    """Processes that begin anew: what a driver has begun does not outlive a fork."""
    mine = {name: "1" for name in THREADS if name not in os.environ}
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (chosen, profile))
    os.environ.update(mine)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        for name in mine:
            del os.environ[name]


def _begin(chosen: tuple[Cell, ...], profile: str) -> None:
    global _session
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    _session = Session(chosen, profile)


def _counted(work: Callable[[Session], object]) -> Summary:
    """Do a part of the work, and tell of this part alone."""
    assert _session is not None
    _session.summary = Summary()
    computed = time.process_time()
    work(_session)
    _session.summary.processor = time.process_time() - computed
    return _session.summary


def _seeds() -> Summary:
    return _counted(Session.check_seeds)


def _example(address: Address) -> Summary:
    return _counted(lambda session: session.example(address))
