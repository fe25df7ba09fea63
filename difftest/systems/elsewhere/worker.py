"""The other side of the pipe: one program a line comes in as JSON, what it gave goes out as JSON.

Owns the protocol. This file and the adapters beside it run in the other system's own interpreter, from Python 3.7 on,
with NumPy and that system alone: nothing of this package is imported. What a system prints goes to the error stream.
"""

# mypy: ignore-errors

import json
import os
import sys
import time
import warnings

import numpy as np


class Missing(Exception):
    """The system has no such thing: the program cannot be said in its words, which is no fault."""


def array(form):
    """An array in the memory layout that it is to have."""
    dtype, items = np.dtype(form["dtype"]), form["items"]
    if dtype.kind == "f":
        items = [float.fromhex(v) for v in items]
    elif dtype.kind == "c":
        items = [complex(float.fromhex(re), float.fromhex(im)) for re, im in items]
    with np.errstate(all="ignore"):
        data = np.array(items, dtype).reshape(form["shape"])
    layout = form.get("layout", "C")
    if layout == "F":
        return np.array(data, order="F")
    if layout == "strided" and data.ndim:
        view = np.zeros(data.shape[:-1] + (2 * data.shape[-1],), dtype)[..., ::2]
    elif layout == "negative" and data.ndim:
        view = np.zeros(data.shape, dtype)[(slice(None, None, -1),) * data.ndim]
    else:
        return data
    view[...] = data
    return view


def form(value):
    """An array as JSON: floats in hexadecimal."""
    data = np.asarray(value)
    flat = data.ravel()
    if data.dtype.kind == "f":
        items = [float(v).hex() for v in flat]
    elif data.dtype.kind == "c":
        items = [[float(v.real).hex(), float(v.imag).hex()] for v in flat]
    else:
        items = flat.tolist()
    return {"dtype": data.dtype.name, "shape": list(data.shape), "items": items}


def trouble(stage, error, step=None):
    """An exception as a result."""
    return {"stage": stage, "kind": type(error).__name__, "text": str(error)[:2000], "step": step}


def calls_of(function, job, state):
    """Every call of a compiled function: outputs and state after each, up to the first that raises.

    `state` gives the shared values by name.
    """
    found, error = [], None
    for number, arguments in enumerate(job["calls"]):
        try:
            outputs = function(*[array(a) for a in arguments])
            found.append({"outputs": [form(o) for o in outputs], "state": {k: form(v) for k, v in state().items()}})
        except Missing:
            raise
        except Exception as e:
            error = trouble(f"call {number + 1}", e)
            break
    return {"calls": found, "error": error}


def serve(adapter, lines=None):
    """Answer until the input ends. `adapter(job)` returns an answer as a dict."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    sys.setrecursionlimit(10000)
    print(json.dumps({"ready": adapter.versions()}), file=answers, flush=True)
    for line in lines or sys.stdin:
        job = json.loads(line)
        started = time.time()
        with warnings.catch_warnings(record=True) as heard, np.errstate(all="ignore"):
            warnings.simplefilter("always")
            try:
                answer = adapter(job)
            except Missing as e:
                answer = {"unsupported": str(e)}
        answer["id"] = job.get("id")
        answer["seconds"] = time.time() - started
        answer["warnings"] = sorted({f"{w.category.__name__}: {str(w.message)[:200]}" for w in heard})
        print(json.dumps(answer), file=answers, flush=True)


def main(name):
    if name == "jax":
        import jax_translation

        serve(jax_translation.Jax())
    else:
        import graph_systems

        serve(graph_systems.ADAPTERS[name]())


if __name__ == "__main__":
    import worker  # the adapters' own copy: this one is called __main__

    worker.main(sys.argv[1])
