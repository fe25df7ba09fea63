"""The first question: does ``givens`` build the same function as writing the replacement out?

It does: both functions print the same text and compute the same numbers.

    python examples/givens.py [--backend reference|opencl]
"""

import argparse

import numpy as np

import reference as theano
import reference.tensor as T


def build(backend: str | None = None, mode: str = "DebugMode"):
    """The two functions of the question, with `givens` and without."""
    x = theano.shared(np.arange(100), borrow=True, name="x")
    index = T.scalar(dtype="int32", name="index")
    f = theano.function([index], x, givens={x: x[index : index + 5]}, mode=mode, backend=backend)
    g = theano.function([index], x[index : index + 5], mode=mode, backend=backend)
    return f, g


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="reference")
    f, g = build(parser.parse_args().backend)
    with_givens, direct = (theano.printing.debugprint(h, file="str") for h in (f, g))
    print(with_givens)
    print("the same text:   ", with_givens == direct)
    print("f(3) =", f(3), "  g(3) =", g(3))
    print("the same numbers:", all(np.array_equal(f(k), g(k)) for k in range(100)))


if __name__ == "__main__":
    main()
