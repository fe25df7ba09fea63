"""The two tables stay one: every row of the reference has C text or a reason not to."""

import pytest

pytest.importorskip("pyopencl")

from opencl_backend import scalar_c
from reference import scalar


def test_every_row_is_written_in_c_or_says_why_not():
    missing = set(scalar.TABLE) - set(scalar_c.TABLE) - set(scalar_c.NOT_LOWERED)
    assert missing == set(), "write them in opencl_backend/scalar_c or give a reason in NOT_LOWERED"


def test_no_row_is_an_orphan():
    assert set(scalar_c.TABLE) - set(scalar.TABLE) == set()
    assert set(scalar_c.NOT_LOWERED) - set(scalar.TABLE) == set()


def test_no_row_is_both_written_and_excused():
    assert set(scalar_c.TABLE) & set(scalar_c.NOT_LOWERED) == set()
    assert all(scalar_c.NOT_LOWERED.values())


@pytest.mark.parametrize("name", scalar_c.TABLE)
def test_arity_is_the_reference_s(name: str):
    assert scalar_c.TABLE[name].nin == scalar.TABLE[name].nin


@pytest.mark.parametrize("name", scalar_c.TABLE)
def test_only_transcendental_rows_have_an_error(name: str):
    row = scalar_c.TABLE[name]
    if not scalar.TABLE[name].transcendental:
        assert row.ulp("float64") == row.ulp("float32") == row.ulp("float32", fast=True) == 0
    assert row.ulp("float32") == 0, "in exact mode float32 is the float64 function rounded once"
