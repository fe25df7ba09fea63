"""What a program is about, so that rewrites find something to do.

Owns `POLICIES`, of which each program has one: how often it undoes or repeats its last step, which chains of `baits`
it takes, which families it likes and which lengths its dimensions have. It knows families and steps by name alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from difftest.strategies.drawing import LENGTHS

INVERSE = {
    "exp": "log", "log": "exp", "sqr": "sqrt", "sqrt": "sqr", "neg": "neg", "inv": "inv", "expm1": "log1p",
    "log1p": "expm1", "dimshuffle": "dimshuffle", "transposed": "transposed", "cast": "cast", "abs_": "abs_",
    "reshape": "reshape", "flatten": "flatten", "sigmoid": "log", "softmax": "log", "set_subtensor": "subtensor",
    "inc_subtensor": "subtensor", "subtensor": "subtensor", "join": "subtensor", "stack": "subtensor", "sum": "sum",
    "prod": "prod", "any": "any", "all": "all", "sub": "add", "add": "sub", "mul": "true_div", "true_div": "mul",
    "eq": "switch", "invert": "invert", "grad": "grad", "alloc": "subtensor", "dot": "transposed", "split": "join",
    "set_places": "places", "inc_places": "places", "take": "take", "conj": "conj", "complex": "real",
    "rebroadcast": "rebroadcast", "specify_shape": "specify_shape", "shape": "subtensor", "zeros_like": "add",
    "max_and_argmax": "max", "sort": "sort", "softplus": "exp", "erf": "erfc", "deg2rad": "rad2deg",
    "rad2deg": "deg2rad", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "fill_diagonal": "diagonal",
    "moveaxis": "moveaxis", "swapaxes": "swapaxes", "roll": "roll", "diag": "diag", "tril": "triu",
}  # fmt: skip
"""After this step, that one may undo it, or be merged with it."""


@dataclass(frozen=True)
class Policy:
    """`undo`, `repeat` and `bait` are chances out of 16 that a step undoes the last one, repeats it, or begins a bait;
    `baits` says of which kind (any if empty). `oldest`: every step reads the first value."""

    name: str
    undo: int = 2
    repeat: int = 1
    bait: int = 2
    baits: str = ""
    likes: Mapping[str, int] = field(default_factory=dict)
    lengths: tuple[int, ...] = LENGTHS
    declared: bool = False
    oldest: bool = False


POLICIES = (
    Policy("none"),
    Policy("inverse pairs", undo=7, bait=3, baits="inverse"),
    Policy("constants", bait=4, baits="constants", likes={"literal": 12, "creation": 3}),
    Policy("repeated terms", repeat=4, bait=4, baits="repeated"),
    Policy("slices", undo=4, bait=4, baits="slices", likes={"subtensor": 8, "places": 4}),
    Policy("writes", undo=4, bait=4, baits="writes", likes={"set_subtensor": 8, "set_places": 4, "subtensor": 4}),
    Policy("shapes", undo=3, bait=4, baits="shapes", likes={"shapes": 6, "reshape": 6, "alloc": 6, "dimshuffle": 4}),
    Policy("broadcasting", lengths=(1, 2, 1, 3, 1), declared=True, bait=3, likes={"dimshuffle": 4, "alloc": 3}),
    Policy("nothing in it", lengths=(0, 2, 0, 1, 3)),
    Policy("many readers", oldest=True, repeat=2),
    Policy("networks", bait=5, baits="network", likes={"nnet": 6, "cost": 4, "batch": 2, "dot": 3}),
    Policy("gradients", undo=3, likes={"grad": 12, "elementwise": 8}),
)
"""Simplest first."""
