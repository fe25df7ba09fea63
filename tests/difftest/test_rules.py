"""Every operation of the reference has a rule for bounds; those of decisions and choices say what is in doubt."""

import importlib
import pkgutil

import numpy as np
import pytest

import reference
import reference.tensor as T
from difftest.oracle import rules  # noqa: F401  registers them
from difftest.oracle.bounds import RULES, Bound, Walk
from difftest.oracle.ulps import executor
from difftest.oracle.wide import WIDE
from reference.graph.core import Op


def operations():
    """Classes of the reference with a `perform`, but for those that others are made of."""
    for module in pkgutil.walk_packages(reference.__path__, "reference."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    waiting = [Op]
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        own = [c for c in found.__subclasses__() if c.__module__.startswith("reference.")]
        if found.__module__.startswith("reference.") and found.perform is not Op.perform and not own:
            yield found.__name__


def test_every_operation_has_a_rule():
    assert sorted(set(operations()) - set(RULES)) == []


def bounds_of(variable, **given):
    """The bound of a node's result, for inputs (value, error) by name."""
    node = variable.owner
    known = {}
    for v in node.inputs:
        if v.name in given:
            y, e = given[v.name]
            y = np.asarray(y)
            known[v] = Bound(y.astype(WIDE), np.broadcast_to(WIDE(e), y.shape), v.type.dtype, None if np.any(e) else y)
    walk = Walk(executor("reference", False), known)
    walk.nodes([node])
    assert not walk.uncompared
    return walk.of(variable)


def test_choose_takes_the_bound_of_what_is_chosen():
    a, b, i = T.dvector("a"), T.dvector("b"), T.lvector("i")
    found = bounds_of(T.choose(i, [a, b]), a=([1.0, 2.0, 3.0], 0.5), b=([4.0, 5.0, 6.0], 0), i=([0, 1, 0], 0))
    assert list(found.y) == [1, 5, 3]
    assert list(found.e) == [0.5, 0, 0.5]


@pytest.mark.parametrize(("mode", "expected"), [("wrap", [5, 2]), ("clip", [2, 5])])
def test_choose_out_of_range(mode, expected):
    a, b, i = T.dvector("a"), T.dvector("b"), T.lvector("i")
    found = bounds_of(T.choose(i, [a, b], mode=mode), a=([2.0, 2.0], 0), b=([5.0, 5.0], 0), i=([-1, 2], 0))
    assert list(found.y) == expected


@pytest.mark.parametrize(
    ("side", "value", "error", "place", "doubt"),
    [
        ("left", 2.0, 0, 1, 0), ("right", 2.0, 0, 2, 0),
        ("left", 2.5, 0.25, 2, 0), ("left", 2.5, 0.5, 2, 1), ("right", 2.0, 9, 2, 2),
    ],
)  # fmt: skip
def test_a_place_is_certain_if_no_element_is_near(side, value, error, place, doubt):
    x, v = T.dvector("x"), T.dscalar("v")
    found = bounds_of(T.searchsorted(x, v, side=side), x=([1.0, 2.0, 3.0], 0), v=(value, error))
    assert (found.y, found.e) == (place, doubt)


def test_one_certain_element_decides_a_reduction_of_truth_values():
    x = T.tensor("bool", (False, False), name="x")
    doubt = np.array([[0, 1], [1, 0], [0, 0]])
    given = {"x": (np.array([[False, True], [True, True], [True, True]]), doubt)}
    assert list(bounds_of(T.all(x, axis=1), **given).e) == [0, 1, 0]
    assert list(bounds_of(T.any(x, axis=1), **given).e) == [1, 0, 0]


def test_a_filled_diagonal_has_the_bound_of_the_filling():
    a, v = T.dmatrix("a"), T.dscalar("v")
    found = bounds_of(T.fill_diagonal(a, v), a=(np.zeros((2, 2)), 0.25), v=(7.0, 0.5))
    assert found.e.tolist() == [[0.5, 0.25], [0.25, 0.5]]
    assert np.diag(found.y).tolist() == [7, 7]
