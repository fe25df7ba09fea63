"""Loops on jax arrays: unrolled, so that gradients are those of what was computed.

Owns the meaning of sequences, taps, states and `until` there, and the dtypes inside a body. How often a loop runs is
found out while values are known, and remembered for when they are not (under `jit` and `grad`).
"""

# mypy: ignore-errors

import jax.numpy as jnp
import jax_steps
import numpy as np
from worker import Missing

NEEDS_SHAPES = ("reshape", "reshape_by_shape", "flatten", "mask", "arange_to", "take", "grad")
"""Steps that must be told the shape of their result, which nobody knows inside a loop."""

BOOL = ("eq", "neq", "lt", "le", "gt", "ge", "isnan", "isinf")
SAME = ("add", "mul", "sub", "int_div", "mod", "pow", "neg", "abs_", "sgn", "sqr", "maximum", "minimum", "clip",
        "identity", "and_", "or_", "xor", "invert")  # fmt: skip


class Trips:
    """How often each loop ran in each call."""

    def __init__(self):
        self.call, self.known = 0, {}

    def next_call(self):
        self.call += 1

    def of(self, key, value):
        """A number that may not be known now, but was when the same place was passed before."""
        try:
            self.known[self.call, key] = int(value)
        except Exception:
            if (self.call, key) not in self.known:
                raise Missing("a loop whose length is not known") from None
        return self.known[self.call, key]


def looped(given, operands, trips, key):
    """The values of a scan."""
    if given.get("carries") or given.get("streams") or given.get("gives"):
        raise Missing("a loop with updates")
    left = list(operands)
    turned = given.get("backwards") or given.get("call") == "foldr"
    rows = [part for s in given.get("sequences", ()) for part in read(left.pop(0), s[0], turned)]
    states = [s for s in given.get("states", ()) if s is not None]
    past = [[x] if s[0] == [-1] else list(x[: -min(s[0])]) for s, x in zip(states, left)]
    fixed = dict(zip(given.get("explicit", ()), left[len(states) :]))
    names = [n for s in (*given.get("sequences", ()), *states) for n in s[1]]
    count = steps(given.get("n_steps"), rows, operands, trips, key)
    if count == 0:
        raise Missing("a loop of no steps")
    found = [[] for _ in given.get("outputs", ())]
    for t in range(count):
        taps = [rows_so_far[tap] for rows_so_far, s in zip(past, states) for tap in s[0]]
        local = {**fixed, **dict(zip(names, [*(part[t] for part in rows), *taps]))}
        run(given.get("body", ()), local, operands, trips, f"{key}.{t}")
        values = [named(local, operands, n) for n in given.get("outputs", ())]
        feed = iter(past)
        for stack, value, state in zip(found, values, given.get("states", ())):
            stack.append(value)
            if state is not None:
                next(feed).append(value)
        if given.get("until") is not None:
            over = named(local, operands, given["until"])
            if trips.of(f"{key}.{t} until", over != 0 if over.ndim == 0 else over):
                break
    last = given.get("call") in ("reduce", "foldl", "foldr")
    return [
        stack[-1] if last else kept(jnp.stack(stack), text, operands, trips, f"{key} {k}")
        for k, (stack, text) in enumerate(zip(found, given.get("rows", ()))) if text is not None
    ]  # fmt: skip


def read(x, taps, turned):
    """The rows that each tap reads."""
    first, last = min([*taps, 0]), max([*taps, 0])
    length = max(len(x) - last + first, 0)
    parts = [x[tap - first : tap - first + length] for tap in taps]
    return [part[::-1] for part in parts] if turned else parts


def steps(n, rows, operands, trips, key):
    if n is None:
        return min(map(len, rows))
    if isinstance(n, str):
        operand = operands[int(n[1:])]
        return trips.of(f"{key} steps", operand) if n[0] == "@" else len(operand)
    return n


def run(body, local, operands, trips, key):
    """Every step of a body, once."""
    for number, (name, given, attributes, results) in enumerate(body):
        inputs = [named(local, operands, o) for o in given]
        if name == "scan":
            values = looped(attributes, inputs, trips, f"{key}/{number}")
        else:
            dtypes = dtypes_of(name, inputs, attributes)
            if name in jax_steps.ELEMENTWISE:
                values = [jax_steps.ELEMENTWISE[name](dtypes[0], *inputs)]
            elif name in jax_steps.STEPS and name not in NEEDS_SHAPES:
                values = known(name, dtypes, inputs, attributes)
            else:
                raise Missing(f"{name} in a loop")
        local.update(zip(results, values if isinstance(values, (list, tuple)) else [values]))


def known(name, dtypes, inputs, attributes):
    try:
        return jax_steps.STEPS[name](jax_steps.Here(dtypes, None), *inputs, **attributes)
    except (KeyError, TypeError) as e:  # a form of the step that the table does not know
        raise Missing(f"a form of {name}") from e


def named(local, operands, name):
    if not isinstance(name, str):
        return jax_steps.literal_of(name)
    return operands[int(name[1:])] if name[0] == "@" else local[name]


def kept(stack, text, operands, trips, key):
    """What is kept of an output's rows."""
    if text.startswith(".shape"):
        shape = jnp.asarray(stack.shape, "int64")
        return shape[0] if text == ".shape[0]" else shape
    if text.startswith("[@"):
        return stack[trips.of(key, operands[int(text[2:-1])])]
    if ":" in text:
        return stack[slice(*(int(n) if n else None for n in text[1:-1].split(":")))]
    return stack[int(text[1:-1])] if text else stack


def dtypes_of(name, inputs, attributes):
    """The dtypes that Theano's rules give the results of a step."""
    dtypes = [x.dtype for x in inputs]
    common = dtypes[0] if dtypes else np.dtype("float64")
    for other in dtypes[1:]:
        common = np.promote_types(common, other)
    if name == "literal":
        return dtypes_of(jax_steps.OPERATORS[attributes["op"]], inputs, {})
    if name in BOOL:
        return ["bool"]
    if name == "switch":
        return [np.promote_types(*dtypes[1:]).name]
    if name == "second":
        return [dtypes[1].name]
    if attributes.get("dtype"):
        return [attributes["dtype"]]
    if name in ("sum", "prod", "cumsum", "cumprod"):
        wide = {"b": "int64", "i": "int64", "u": "uint64"}.get(common.kind)
        return [wide or common.name]
    if name in ("argmax", "argmin", "argsort", "shape", "length"):
        return ["int64"]
    if name == "max_and_argmax":
        return [common.name, "int64"]
    if name == "true_div" or name in ("mean", "var", "std"):
        return ["float64" if common.kind in "biu" else common.name]
    if name in jax_steps.ELEMENTWISE and name not in SAME and common.kind in "biu":
        return ["float32" if common.itemsize <= 2 else "float64"]
    return [common.name] * 6
