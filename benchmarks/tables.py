"""Every table and plot of docs/benchmarks.md, measured: the one command.

Its parts: `loops` and `programs` (times, ratios to the best of the others, shares of the machine's limits), `growth`
(cost over sizes, steps and values), `compile` (compile time over the graph) and `first` (seconds to the first result).
Each prints its tables; with ``--write`` they take the place of the last ones in the page, and plots lie beside it.

    OPENBLAS_NUM_THREADS=1 python benchmarks/tables.py [PART ...] [--driver PoCL=Portable] [--driver Intel=Intel]
        [--peer jax=PYTHON] [--peer pytensor=PYTHON] [--rounds N] [--only TEXT] [--write]
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import compile as compiling
import limits
import plot
import program_peers
import scan_peers
from side_by_side import Column, Measure, Server, first_results, medians, own_columns, peer_columns

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
SCRIPTS = {
    "loops": (HERE / "scan.py", HERE / "scan_peers.py"),
    "programs": (HERE / "programs.py", HERE / "program_peers.py"),
}
GROWING: dict[str, tuple[str, str, str]] = {
    "chain": ("programs", "A chain of 11 operations", "floats"),
    "product": ("programs", "A product of square matrices", "rows"),
    "steps": ("loops", "A recurrence of 100 values", "steps"),
    "values": ("loops", "A recurrence of 100 steps", "values"),
}
"""By table: whose it is, a title, and what grows."""
FIRSTS = 3
"""Times that a first result is asked for, columns in turn."""


def names() -> dict[str, list[str]]:
    """The rows of every table."""
    nothing: list = [lambda *given: None] * 6
    tables = {**scan_peers.table(*nothing), **program_peers.table(*nothing[:4])}
    return {table: list(rows) for table, rows in tables.items()}


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)) + "\n"


def figure(value: float) -> str:
    """Three digits, no more."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")


class Weather:
    """What else the machine did: its load, and the share of its time that its host took away."""

    def __init__(self) -> None:
        self.began, self.load = self._times(), os.getloadavg()[0]

    @staticmethod
    def _times() -> list[int]:
        return [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]

    def __str__(self) -> str:
        spent = [after - before for before, after in zip(self.began, self._times())]
        stolen = 100 * spent[7] / max(1, sum(spent))
        now = datetime.datetime.now(datetime.timezone.utc)
        load = f"load {self.load:.1f} to {os.getloadavg()[0]:.1f}"
        return f"{now:%Y-%m-%d %H:%M} UTC; {load}, {stolen:.0f} % of the time taken by the host."


class Bench:
    """One run: who is asked, how often, and where what is found goes."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.drivers = [text.partition("=")[0] for text in options.driver]
        self.peers = [text.partition("=")[0] for text in options.peer]

    def columns(self, part: str) -> list[Column]:
        own, peers = SCRIPTS[part]
        return own_columns(own, self.options.driver) + peer_columns(peers, self.options.peer)

    def servers(self, stack: ExitStack, columns: Iterable[Column]) -> dict[str, Server]:
        found = {column.name: column.start() for column in columns}
        for server in found.values():
            stack.callback(server.close)
        return found

    def measured(self, row: str, servers: Mapping[str, Server], beside: Mapping[str, Measure] = {}) -> dict[str, float]:
        """Median seconds of a call, by column, without those that have not got the row; and of what is beside it."""
        having = {name: server for name, server in servers.items() if server.ask("first", row) is not None}
        measures = {name: server.column(row) for name, server in having.items()}
        return medians(measures | dict(beside), self.options.rounds, settling=self.drivers)

    def publish(self, part: str, text: str, weather: Weather, versions: Mapping[str, str] | None = None) -> None:
        known = ", ".join(f"{name} {version}" for name, version in (versions or {}).items() if version)
        text = f"{text.rstrip()}\n\n{known}{'; ' if known else ''}{weather}\n"
        print(text, flush=True)
        if self.options.write:
            page = DOCS / "benchmarks.md"
            page.write_text(replaced(page.read_text(), part, text))

    def draw(self, name: str, svg: str) -> str:
        """The plot's line in the page."""
        if self.options.write:
            (DOCS / "plots").mkdir(exist_ok=True)
            (DOCS / "plots" / f"{name}.svg").write_text(svg)
        return f"![{name}](plots/{name}.svg)\n"

    def among(self, table: str) -> list[str]:
        return [row for row in names()[table] if self.options.only in row]

    def speeds(self, part: str) -> None:
        """Milliseconds a call, and what they mean."""
        weather, columns, least = Weather(), self.columns(part), limits.work()
        times: list[list[str]] = []
        judged: list[list[str]] = []
        dots: dict[str, dict[str, float]] = {}
        rates: dict[int, list[float]] = {1: [], 2: []}
        with ExitStack() as stack:
            servers = self.servers(stack, columns)
            versions = {name: server.version for name, server in servers.items() if name in ("NumPy", *self.peers)}
            machine = limits.Machine(own_columns(SCRIPTS["programs"][0], ())[0])
            stack.callback(machine.close)
            for row in self.among(part):
                work = least[f"{part}/{row}"]
                found = self.measured(f"{part}/{row}", servers, machine.measures(work))
                for n, seen in rates.items():
                    seen.append(limits.rate(found, n))
                times.append([row, *(figure(1e3 * found[c.name]) if c.name in found else "" for c in columns)])
                print(" | ".join(times[-1]), flush=True)
                rivals = {name: found[name] for name in ("NumPy", *self.peers) if name in found}
                best = min(rivals, key=lambda name: rivals[name]) if rivals else ""
                dots[row] = {d: rivals[best] / found[d] for d in self.drivers} if best else {}
                limit, what = limits.limit(work, found)
                line = [row, best, *(f"{dots[row][d]:.2f}" if best else "" for d in self.drivers)]
                line += [f"{found[c] / found['NumPy']:.2f}" if "NumPy" in found else "" for c in ("exact", "native")]
                line += [f"{figure(1e3 * limit)} {what}", *(f"{100 * limit / found[d]:.0f} %" for d in self.drivers)]
                judged.append(line)
            copied = machine.copied() / 1e9
        head = ["", "best of the others", *(f"{d}: times as fast" for d in self.drivers)]
        head += ["exact / NumPy", "native / NumPy", "limit, ms", *(f"{d}: share of it" for d in self.drivers)]
        text = "Milliseconds a call.\n\n" + markdown(["", *(c.name for c in columns)], times)
        text += f"\n{markdown(head, judged)}\n"
        text += self.draw(part, plot.ratios("times as fast as the best of the others", dots))
        one, two = (median(seen) / 1e9 for seen in rates.values())
        text += f"\nOpenBLAS: {one:.0f} GFLOP/s on one thread, {two:.0f} on two, products of 1024 x 1024. "
        text += f"Copies of 128 MB: {copied:.0f} GB/s, read and written.\n"
        self.publish(part, text, weather, versions)

    def growth(self, part: str) -> None:
        """Milliseconds a call over what grows, a table and a plot each."""
        weather, text = Weather(), ""
        for table, (script, title, what) in GROWING.items():
            columns = [c for c in self.columns(script) if c.name not in ("exact", "native")]
            series: dict[str, list[tuple[float, float]]] = {c.name: [] for c in columns}
            rows = []
            with ExitStack() as stack:
                servers = self.servers(stack, columns)
                for row in names()[table]:
                    found = self.measured(f"{table}/{row}", servers)
                    rows.append([row, *(figure(1e3 * found[c.name]) if c.name in found else "" for c in columns)])
                    print(title, " | ".join(rows[-1]), flush=True)
                    for name, time in found.items():
                        series[name].append((float(row), 1e3 * time))
            text += f"### {title}\n\n" + markdown([what, *series], rows) + "\n"
            text += self.draw(table, plot.curves(title, what, "milliseconds a call", series)) + "\n"
        self.publish(part, text, weather)

    def compile(self, part: str) -> None:
        """Processor seconds of `function` over the nodes of the expression; the largest graph is a chain alone."""
        weather, text = Weather(), ""
        head = ["graph", "nodes", "expression", "UNOPTIMIZED", "FAST_RUN", "first call", "FAST_RUN, µs a node"]
        for backend in ("reference", "opencl"):
            compiling.settle(backend)
            rows: list[list[str]] = []
            series: dict[str, list[tuple[float, float]]] = {}
            for kind in compiling.KINDS:
                largest = self.options.largest if kind == "chain" else min(self.options.largest, 10_000)
                for size in compiling.sizes(largest):
                    c = compiling.measured(kind, size, backend, printed=False)
                    phases = (c.build, c.plain, c.optimized, c.call)
                    rows.append([kind, str(c.nodes), *(f"{t:.3f}" for t in phases), f"{c.microseconds:.0f}"])
                    print(backend, " | ".join(rows[-1]), flush=True)
                    series.setdefault(kind, []).append((c.nodes, c.optimized))
            svg = plot.curves(f"backend {backend}", "nodes of the expression", "processor seconds, FAST_RUN", series)
            text += f"### Backend {backend}\n\n{markdown(head, rows)}\n{self.draw(f'compile_{backend}', svg)}\n"
        self.publish(part, text, weather)

    def first(self, part: str) -> None:
        """Seconds to the first result, with nothing kept and with what an earlier process has kept: medians."""
        weather, rows = Weather(), []
        wanted = [*self.drivers, *self.peers]
        for table in SCRIPTS:
            columns = [c for c in self.columns(table) if c.name in wanted]
            for row in self.among(table)[:1]:  # writes bytecode, which is there after an installation
                for column in columns:
                    first_results(column, f"{table}/{row}")
            for row in self.among(table):
                tries = [[first_results(column, f"{table}/{row}") for column in columns] for _ in range(FIRSTS)]
                found = [map(median, zip(*times)) for times in zip(*tries)]
                rows.append([row, *(" / ".join(f"{t:.2f}" for t in times) for times in found)])
                print(" | ".join(rows[-1]), flush=True)
        self.publish(part, markdown(["cold / warm", *wanted], rows), weather)


def replaced(page: str, part: str, text: str) -> str:
    """The page with another text between the marks of a part."""
    begin, end = f"<!-- measured: {part} -->", f"<!-- end of {part} -->"
    found, count = re.subn(f"{begin}.*?{end}", lambda _: f"{begin}\n{text}{end}", page, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"the page has {count} places for {part}: {begin} ... {end}")
    return found


PARTS = {
    "loops": Bench.speeds,
    "programs": Bench.speeds,
    "growth": Bench.growth,
    "compile": Bench.compile,
    "first": Bench.first,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all of them")
    parser.add_argument("--driver", action="append", default=[], help="NAME=DEVICE: a column, its flag opencl.device")
    parser.add_argument("--peer", action="append", default=[], help="NAME=PYTHON: jax or pytensor, and who runs it")
    parser.add_argument("--only", default="", help="rows whose names contain this text")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--largest", type=int, default=100_000, help="nodes of the largest graph that is compiled")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md and docs/plots")
    options = parser.parse_args()
    options.driver = options.driver or ["OpenCL="]
    unknown = set(options.part) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    bench = Bench(options)
    for part in options.part or PARTS:
        PARTS[part](bench, part)


if __name__ == "__main__":
    main()
