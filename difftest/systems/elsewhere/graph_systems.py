"""Theano and PyTensor: a program's own text, with the system in the place of theano.

Owns the tables of names that moved, and how a program is built, compiled and called there. It runs in the system's
own interpreter (see `worker`). A name that a system lacks is `Missing`.
"""

# mypy: ignore-errors

import contextlib
import importlib
import io
import re

from worker import Missing, calls_of, trouble

REWRITE = re.compile(r"^(?:rewriting: rewrite )?(\w+) ", re.MULTILINE)
"""What both print of each application when their `optimizer_verbose` is set: the rewrite's name comes first."""


LONG = 2000
"""Nodes of a graph written out as a formula, in which what is used twice stands twice; longer ones are not."""


def formula_length(variable):
    """How many operations the formula of a variable has."""
    lengths, left = {}, [variable]
    while left:
        node = left[-1].owner
        operands = [i for i in node.inputs if i.owner is not None] if node is not None else []
        missing = [i for i in operands if i not in lengths]
        left.extend(missing)
        if not missing:
            lengths[left.pop()] = 1 + sum(lengths[i] for i in operands)
    return lengths[variable]


class Names:
    """What stands for a module: names that moved, then the modules in order."""

    def __init__(self, label, modules, moved):
        self._label, self._modules, self._moved = label, modules, moved

    def __getattr__(self, name):
        if name in self._moved:
            return self._moved[name]
        for module in self._modules:
            if hasattr(module, name):
                return getattr(module, name)
        raise Missing(f"{self._label}.{name}")


class Graphs:
    """A system of Theano's kind: `theano` and `T` are what programs see under these names.

    `leaves` lists what a graph starts from: among it the states of random streams, which have no name.
    """

    def __init__(self, package, theano, T, modes, leaves=lambda variables: []):
        self.package, self.theano, self.T, self.modes, self.leaves = package, theano, T, modes, leaves

    def versions(self):
        import platform

        import numpy

        return {
            self.package.__name__: self.package.__version__,
            "numpy": numpy.__version__,
            "python": platform.python_version(),
        }

    def __call__(self, job):
        names = {"theano": self.theano, "T": self.T, "np": importlib.import_module("numpy")}
        answer = {"types": {}, "runs": {}}
        for number, (text, results) in enumerate(job["lines"]):
            try:
                exec(text, names)
                for name in (n for n in results if n not in job["moved"]):
                    answer["types"][name] = self.type_of(names[name])
            except Missing:
                raise
            except Exception as e:
                answer["error"] = trouble("building", e, number - job["declarations"])
                return answer
        if job.get("texts"):
            answer["texts"] = self.texts([names[n] for n in job["outputs"]])
        updates = [(names[a], names[b]) for a, b in job["updates"]]
        updates += [pair for name in job["moved"] for pair in names[name].items()]
        read = self.leaves([names[n] for n in job["outputs"]] + [value for _, value in updates])
        streams = [v for v in read if hasattr(v, "get_value") and v.name is None]
        shared = [names[s] for s in job["shared"]] + streams
        first = [s.get_value() for s in shared]
        for mode in job["modes"]:
            for variable, value in zip(shared, first):
                variable.set_value(value)
            answer["runs"][mode] = self.run(job, names, mode, updates)
        return answer

    def type_of(self, variable):
        if not hasattr(variable, "type") or not hasattr(variable.type, "dtype"):
            raise Missing("a result that is no tensor")
        return [variable.type.dtype, [bool(b) for b in variable.type.broadcastable]]

    def texts(self, outputs):
        """How the outputs print as a graph, and each as a formula that is not too long."""
        printing = self.package.printing
        formulas = [printing.pp(o) if formula_length(o) < LONG else None for o in outputs]
        return {"debugprint": printing.debugprint(outputs, file="str"), "pp": formulas}

    def run(self, job, names, mode, updates):
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                function = self.theano.function(
                    [names[n] for n in job["arguments"]],
                    [names[n] for n in job["outputs"]],
                    updates=updates,
                    givens=[(names[a], names[b]) for a, b in job["givens"]],
                    on_unused_input="ignore",
                    mode=self.modes(mode, job.get("exclude", ())),
                )
        except Missing:
            raise
        except Exception as e:
            return {"calls": [], "error": trouble("compiling", e), "rewrites": []}
        found = calls_of(function, job, lambda: {s: names[s].get_value() for s in job["shared"]})
        found["rewrites"] = list(dict.fromkeys(REWRITE.findall(printed.getvalue())))
        return found


def old_theano():
    """Theano 1.0: `until` and a few elementwise functions live elsewhere."""
    import logging

    import theano
    import theano.ifelse
    import theano.tensor as T
    import theano.tensor.signal.conv
    import theano.tensor.signal.pool
    import theano.tensor.slinalg
    from theano.tensor import shared_randomstreams

    logging.disable(logging.CRITICAL)
    theano.config.optimizer_verbose = True
    theano.config.floatX = "float64"

    def modes(name, exclude):
        optimizer = "fast_run" if name == "FAST_RUN" else None
        return theano.Mode(linker="py", optimizer=optimizer).excluding(*exclude)

    def tensor(dtype, broadcastable, name=None):
        return T.TensorType(dtype, broadcastable)(name)

    def cast_to(dtype):
        return getattr(theano.scalar, "convert_to_" + dtype)

    outer = Names("theano", [theano, theano.gradient], {
        "until": theano.scan_module.until, "ifelse": theano.ifelse.ifelse,
        "scalar": Names("theano.scalar", [theano.scalar], {"cast_to": cast_to}),
    })  # fmt: skip
    inner = Names("T", [T, T.nnet, T.extra_ops, T.nlinalg], {
        "tensor": tensor, "identity": T.tensor_copy, "shared_randomstreams": shared_randomstreams,
        "abs": T.abs_, "sign": T.sgn,
    })  # fmt: skip
    return Graphs(theano, outer, inner, modes, theano.gof.graph.inputs)


def pytensor():
    """PyTensor: much was renamed, and the losses and the softmax of networks have gone elsewhere."""
    import pytensor
    import pytensor.tensor as pt
    from pytensor.compile.mode import Mode
    from pytensor.tensor import special

    utils = importlib.import_module("pytensor.scan.utils")  # the package's name is a function's, too
    pytensor.config.optimizer_verbose = True
    pytensor.config.floatX = "float64"

    def modes(name, exclude):
        optimizer = "fast_run" if name == "FAST_RUN" else None
        return Mode(linker="py", optimizer=optimizer).excluding(*exclude)

    def tensor(dtype, broadcastable, name=None):
        return pt.tensor(name, dtype=dtype, shape=tuple(1 if b else None for b in broadcastable))

    def diff(x, n=1, axis=-1):
        return pt.diff(x, n=n, axis=axis)

    def folding(backwards):
        def fold(fn, sequences, outputs_info, non_sequences=None, **options):
            options.setdefault("go_backwards", backwards)
            found, updates = pytensor.scan(fn, sequences, outputs_info, non_sequences, **options)
            return ([f[-1] for f in found] if isinstance(found, (list, tuple)) else found[-1]), updates

        return fold

    nnet = Names("T.nnet", [], {
        "softmax": lambda x: special.softmax(x, axis=-1),
        "logsoftmax": lambda x: special.log_softmax(x, axis=-1),
        "sigmoid": pt.sigmoid,
        "softplus": pt.softplus,
    })  # fmt: skip
    outer = Names("theano", [pytensor, pytensor.gradient], {
        "scan": pytensor.scan, "reduce": folding(False), "foldl": folding(False), "foldr": folding(True),
        "until": utils.until,
    })  # fmt: skip
    inner = Names("T", [pt], {
        "tensor": tensor, "inv": pt.reciprocal, "abs_": pt.abs, "identity": pt.tensor_copy, "nnet": nnet,
        "extra_ops": Names("T.extra_ops", [pt], {"diff": diff}),
    })  # fmt: skip
    return Graphs(pytensor, outer, inner, modes)


ADAPTERS = {"theano": old_theano, "pytensor": pytensor}
"""One a system."""
