"""JAX: every step said as a function of jax arrays, step by step from its name and attributes.

Owns how a whole program becomes one function: givens, shared state, gradients by `jax.grad` of a closure; run as it
is and under `jit`. What each step means stands in `jax_steps`. It runs in JAX's own interpreter (see `worker`).
"""

# mypy: ignore-errors

import jax
import jax.numpy as jnp
import jax_loops
import jax_steps
import numpy as np
from worker import Missing, array, calls_of

jax.config.update("jax_enable_x64", True)

CLEARED = 25
"""Programs after which compiled code is thrown away."""


class Jax:
    """The adapter: eager evaluation is the unoptimized mode, `jit` the optimized one."""

    def __init__(self):
        self.asked = 0

    def versions(self):
        import platform

        return {"jax": jax.__version__, "numpy": np.__version__, "python": platform.python_version()}

    def __call__(self, job):
        self.asked += 1
        if self.asked % CLEARED == 0:
            jax.clear_caches()
        known = [s["step"] for s in job["steps"]]
        if job["givens"] and "grad" in known:  # a gradient is taken before the replacement
            raise Missing("a gradient beside givens")
        for name in known:
            if name not in ("grad", "scan") and name not in jax_steps.STEPS and name not in jax_steps.ELEMENTWISE:
                raise Missing(name)
        for step in job["steps"]:
            if step["step"] == "scan" and "grad" in known and step["attributes"].get("truncate", -1) != -1:
                raise Missing("a gradient that is cut off")
        if self.nested(job["steps"]):
            raise Missing("the slope of a gradient in what was computed on the way")
        trips = jax_loops.Trips()
        runs = {}
        for mode in job["modes"]:
            runs[mode] = self.run(job, mode, trips)
        return {"types": {}, "runs": runs}

    @staticmethod
    def nested(steps):
        """A gradient of something that depends on a gradient, in the result of a step: `jax.grad` would compute that
        result anew inside the inner gradient, and see no dependence."""
        made, sloped = set(), set()
        for step in steps:
            operands = set(map(str, step["operands"]))
            if step["step"] == "grad" and sloped & operands and made & set(map(str, step["operands"][1:])):
                return True
            if step["step"] == "grad" or sloped & operands:
                sloped.update(step["results"])
            made.update(step["results"])
        return False

    def run(self, job, mode, trips):
        state = {name: jnp.asarray(array(job["state"][name])) for name in job["shared"]}

        def whole(arguments, shared):
            names = {**dict(zip(job["arguments"], arguments)), **shared}
            values = with_givens(job, names, trips)
            updates = {**shared, **{s: values[by] for s, by in job["updates"]}}
            return [values[name] for name in job["outputs"]], updates

        loops = any(s["step"] == "scan" for s in job["steps"])
        kept = jax.jit(whole)
        trips.call = 0

        def call(*arguments):
            trips.next_call()
            # A loop is unrolled as often as it ran before, which may be another number in every call.
            compiled = whole if mode != "FAST_RUN" else jax.jit(lambda *given: whole(*given)) if loops else kept
            outputs, updates = compiled([jnp.asarray(np.array(a, order="C")) for a in arguments], dict(state))
            state.update(updates)
            return [np.asarray(o) for o in outputs]

        return calls_of(call, job, lambda: {k: np.asarray(v) for k, v in state.items()})


def with_givens(job, names, trips):
    """The values of a call; what replaces is taken as it stands, all at once."""
    if not job["givens"]:
        return Values(job, names, trips)
    replaced = {key for key, _ in job["givens"]}
    own = {k: jnp.asarray(array(v)) for k, v in job["values"].items() if k in replaced}
    first = Values(job, {**own, **names}, trips)
    return Values(job, {**names, **{key: first[by] for key, by in job["givens"]}}, trips)


class Values:
    """The values of a program by name, computed when they are asked for; some are fixed from outside."""

    def __init__(self, job, fixed, trips):
        self.job, self.found, self.trips = job, dict(fixed), trips
        self.makers = {name: number for number, s in enumerate(job["steps"]) for name in s["results"]}

    def __getitem__(self, name):
        if name not in self.found:
            number = self.makers[name]
            step = self.job["steps"][number]
            results = self.gradients(step) if step["step"] == "grad" else self.step(number, step)
            for label, value in zip(step["results"], results):
                self.found.setdefault(label, value)
        return self.found[name]

    def step(self, number, step):
        operands = [self[o] if isinstance(o, str) else jax_steps.literal_of(o) for o in step["operands"]]
        if step["step"] == "scan":
            return jax_loops.looped(step["attributes"], operands, self.trips, str(number))
        types = [self.job["types"].get(name) for name in step["results"]]
        if None in types:
            raise Missing("a type that is not known")
        name = step["step"]
        if name in jax_steps.ELEMENTWISE:
            return [jax_steps.ELEMENTWISE[name](types[0][0], *operands)]
        here = jax_steps.Here([t[0] for t in types], [tuple(t[1]) for t in types])
        try:
            results = jax_steps.STEPS[name](here, *operands, **step["attributes"])
        except (KeyError, TypeError) as e:  # a form of the step that the table does not know
            raise Missing(f"a form of {name}") from e
        return list(results) if isinstance(results, tuple) else [results]

    def gradients(self, step):
        cost, *wrt = step["operands"]
        return [self.gradient(cost, name).astype(self.job["types"][label][0])
                for name, label in zip(wrt, step["results"])]  # fmt: skip

    def gradient(self, cost, name):
        start = {k: v for k, v in self.found.items() if k not in self.makers}

        def total(x):
            return jnp.sum(Values(self.job, {**start, name: x}, self.trips)[cost])

        return jax.grad(total)(self[name])
