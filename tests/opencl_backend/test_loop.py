"""Index spaces: views of expressions, joined axes."""

import pytest

from opencl_backend.device import current
from opencl_backend.loop import Lazy, Load, Position, broadcast, joined, spread, transposed, walk
from opencl_backend.runtime import runtime


@pytest.fixture
def array():
    return runtime(current()).empty("float64", (2, 3, 4))


@pytest.mark.parametrize(
    "shape, operands, expected",
    [
        ((2, 3, 4), [(12, 4, 1)], ((24,), ((1,),))),
        ((2, 3, 4), [(12, 4, 1), (0, 0, 0)], ((24,), ((1,), (0,)))),
        ((2, 3, 4), [(12, 4, 1), (0, 0, 1)], ((6, 4), ((4, 1), (0, 1)))),
        ((2, 3, 4), [(12, 4, 1), (1, 2, 6)], ((2, 3, 4), ((12, 4, 1), (1, 2, 6)))),
        ((2, 1, 4), [(4, 99, 1)], ((8,), ((1,),))),
        ((1, 1), [(5, 7)], ((1,), ((0,),))),
        ((), [()], ((1,), ((0,),))),
        ((6, 4), [(-4, 1)], ((6, 4), ((-4, 1),))),
    ],
)
def test_axes_that_every_operand_walks_through_in_one_go_become_one(shape, operands, expected):
    assert tuple(joined(shape, operands)) == expected


def test_axes_stay_when_positions_count_on_them():
    assert joined((2, 3), [(3, 1)], keep=True).shape == (2, 3)


def test_broadcasting_is_a_stride_of_zero(array):
    row = array.view((1, 4), (4, 1))
    assert broadcast(row, (5, 3, 4)).strides == (0, 0, 1)


def test_a_transposed_expression_only_has_other_strides(array):
    lazy = transposed(Lazy(array.shape, Load(array)), [2, "x", 0, 1])
    assert lazy.shape == (4, 1, 2, 3)
    assert lazy.arrays[0].strides == (1, 0, 12, 4)


def test_a_position_follows_its_axis(array):
    lazy = Lazy((3, 1), Position(0, 5, 2))
    turned = transposed(lazy, [1, 0]).expr
    assert (turned.axis, turned.start, turned.step) == (1, 5, 2)
    assert spread(lazy, (3, 7)).expr.axis == 0


def test_a_shared_part_is_walked_once(array):
    load = Load(array)
    from opencl_backend.loop import Compute

    twice = Compute("mul", "float64", "float64", ("float64", "float64"), (load, load))
    assert walk(twice) == [load, twice]
