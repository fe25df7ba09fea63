"""Blocks of a corner file, run on whatever `theano` is: each prints what it shows, or the exception that ends it.

Owns the file's grammar and how values are written. It is run by real Theano's Python too (3.7 and later), as

    THEANO_FLAGS=cxx= python runner.py FILE...

which writes what came out under each block (`->`), and knows nothing of this package.

A block is a title (`## ...`), lines of a program in which `np`, `theano`, `T` and `show` are there, and what it gave.
Where this package means something else, `here ->` says what, and `differs:` why.
"""

# mypy: ignore-errors

import sys
import warnings


class Block:
    """One program, and what came out of it there and here."""

    def __init__(self, title):
        self.title, self.lines, self.there, self.here, self.differs = title, [], [], [], ""

    @property
    def source(self):
        return "\n".join(self.lines).rstrip() + "\n"

    def to_text(self):
        parts = ["## " + self.title, self.source.rstrip("\n")]
        parts += ["-> " + line for line in self.there] + ["here -> " + line for line in self.here]
        return "\n".join(parts + (["differs: " + self.differs] if self.differs else [])) + "\n"


def blocks_of(text):
    """What the file says before its first block, and the blocks."""
    preface, blocks = [], []
    for line in text.splitlines():
        if line.startswith("## "):
            blocks.append(Block(line[3:]))
        elif not blocks:
            preface.append(line)
        elif line.startswith("-> "):
            blocks[-1].there.append(line[3:])
        elif line.startswith("here -> "):
            blocks[-1].here.append(line[8:])
        elif line.startswith("differs: "):
            blocks[-1].differs = line[9:]
        else:
            blocks[-1].lines.append(line)
    return "\n".join(preface).rstrip("\n"), blocks


def number(value):
    """A number to as many digits as its dtype promises, or less."""
    import numpy as np

    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (complex, np.complexfloating)):
        return "(" + number(value.real) + ", " + number(value.imag) + "j)"
    digits = "%.5g" if isinstance(value, (np.float16, np.float32)) else "%.10g"
    return digits % (float(value) + 0.0)  # a zero has no sign here


def written(value):
    """A value as text: arrays with dtype and shape, variables by their type."""
    import numpy as np

    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        items = ", ".join(number(v) for v in value.ravel())
        return f"{value.dtype.name}{list(value.shape)} {items}"
    if isinstance(value, np.generic):
        return f"{value.dtype.name} {number(value)}"
    if isinstance(value, (bool, type(None), str)):
        return repr(value)
    if isinstance(value, (int, float, complex)):
        return number(value)
    if isinstance(value, (list, tuple)):
        inner = ", ".join(written(v) for v in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    if isinstance(value, dict):
        return "{{{}}}".format(", ".join(f"{written(k)}: {written(v)}" for k, v in value.items()))
    if hasattr(value, "type") and hasattr(value, "owner"):
        return str(value.type)
    if isinstance(value, type):
        return value.__name__
    return str(value)


def run(block, theano):
    """The lines that a block shows; an exception is one, the name of its class and of those that it is one of."""
    import numpy as np

    shown = []

    def show(*values):
        shown.append(" | ".join(map(written, values)))

    def raises(action):
        """Show how an action ends."""
        try:
            show(action())
        except Exception as error:
            shown.append("raises " + ancestry(error))

    floatX = theano.config.floatX
    names = {"np": np, "theano": theano, "T": theano.tensor, "show": show, "raises": raises}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            exec(compile(block.source, block.title, "exec"), names)
    except Exception as error:
        shown.append("raises " + ancestry(error))
    finally:
        theano.config.floatX = floatX
    return shown


def ancestry(error):
    return error.__class__.__name__


def main(files):
    import theano

    for file in files:
        with open(file) as stream:
            preface, blocks = blocks_of(stream.read())
        for block in blocks:
            block.there = run(block, theano)
        with open(file, "w") as stream:
            stream.write((preface + "\n\n" if preface else "") + "\n".join(b.to_text() for b in blocks))


if __name__ == "__main__":
    main(sys.argv[1:])
