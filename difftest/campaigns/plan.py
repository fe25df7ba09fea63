"""Which examples a campaign has, in which order, and which program each of them is.

Owns `Settings`, what a campaign's addresses mean, and `Example`. Examples are numbered through in rounds: a round takes
the same few numbers of every shard. An example is drawn afresh, or from the changed tape of a program that reached
something new at least `LAG` rounds before; so what an example is does not depend on how many workers there are, nor on
which of them was faster. It must not know how examples are run, nor where they are kept.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from difftest.cells import Cell, cells
from difftest.program import Program
from difftest.session import Address
from difftest.strategies import Tape, drawn

LAG = 2
"""A round may begin when the round `LAG` before it is complete: workers never wait for the slowest of a round."""

MUTATED = 0.25
"""The share of examples that begin with the tape of another, once there is one."""


@dataclass(frozen=True)
class Settings:
    """What a campaign is. All but `timeout` decide over its examples, so they stay as they were at its beginning."""

    name: str
    profile: str = "all"
    backends: tuple[str, ...] = ("reference",)
    shards: int = 16
    batch: int = 8
    feedback: bool = False
    timeout: float = 60.0

    @property
    def cells(self) -> tuple[Cell, ...]:
        return cells(self.backends)

    @property
    def round_size(self) -> int:
        return self.shards * self.batch

    def address(self, index: int) -> Address:
        """The address of the example that comes at this place."""
        round_number, rest = divmod(index, self.round_size)
        shard, place = divmod(rest, self.batch)
        return Address(self.name, shard, round_number * self.batch + place)

    def index(self, address: Address) -> int:
        """At which place the example of this address comes."""
        round_number, place = divmod(address.number, self.batch)
        return round_number * self.round_size + address.shard * self.batch + place

    def round_of(self, address: Address) -> int:
        return address.number // self.batch

    def differences(self, other: Settings) -> list[str]:
        """What makes the examples of two settings different ones, in words."""
        return [
            f"{f.name} was {getattr(self, f.name)!r}, not {getattr(other, f.name)!r}"
            for f in dataclasses.fields(self)
            if f.name != "timeout" and getattr(self, f.name) != getattr(other, f.name)
        ]

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, form: dict[str, Any]) -> Settings:
        return cls(**{**form, "backends": tuple(form["backends"])})


@dataclass(frozen=True)
class Example:
    """One example: its address, and the beginning of its tape where it is a changed program of the corpus."""

    address: Address
    parent: Address | None = None
    beginning: tuple[int, ...] = ()

    @property
    def tape(self) -> Tape:
        return Tape(self.address.seed, self.beginning)

    def program(self, profile: str) -> Program:
        return drawn(self.tape, profile, self.address.number)

    def to_json(self) -> dict[str, Any]:
        return {
            "address": str(self.address),
            "parent": None if self.parent is None else str(self.parent),
            "beginning": list(self.beginning),
        }

    @classmethod
    def from_json(cls, form: dict[str, Any]) -> Example:
        parent = form["parent"] and Address.parse(form["parent"])
        return cls(Address.parse(form["address"]), parent, tuple(form["beginning"]))


Corpus = Sequence[tuple[Address, Sequence[int]]]
"""The programs that first reached something, by address, with the choices that draw them."""


def planned(settings: Settings, address: Address, corpus: Corpus) -> Example:
    """The example of this address, given the corpus that its round may use."""
    chance = random.Random(f"plan of {address}")
    if not settings.feedback or not corpus or chance.random() >= MUTATED:
        return Example(address)
    parent, choices = corpus[int(chance.random() * len(corpus))]
    return child_of(address, parent, choices)


def child_of(address: Address, parent: Address, choices: Sequence[int]) -> Example:
    """The example of this address that changes the program with these choices."""
    return Example(address, parent, tuple(changed(choices, random.Random(f"change of {address}"))))


def changed(choices: Sequence[int], chance: random.Random) -> list[int]:
    """A tape like this one: cut somewhere, to be continued afresh; or with a few choices made otherwise."""
    tape = list(choices)
    place = int(chance.random() * len(tape))
    if chance.random() < 0.5:
        return tape[:place]
    for _ in range(1 + int(chance.random() * 3)):
        tape[place] = int(chance.random() * 12)
        place = int(chance.random() * len(tape))
    return tape
