"""Every operation runs on the device, or says why it does not."""

from pathlib import Path

import pytest

pytest.importorskip("pyopencl")

from opencl_backend import explain, lower, scalar_c
from reference import scalar

DOCS = Path(__file__).resolve().parents[2] / "docs" / "lowering.md"


@pytest.mark.parametrize("op", explain.operations(), ids=lambda op: op.__name__)
def test_an_operation_has_a_lowering_or_a_reason(op):
    assert lower.state(op), (
        f"{op.__module__}.{op.__name__}: write @lower.register({op.__name__}) in opencl_backend/lower, or state "
        "why not with lower.not_lowered(why, name)"
    )


def test_no_reason_is_given_for_an_operation_that_is_gone_or_lowered():
    names = {op.__name__: op for op in explain.operations()}
    orphans = [name for name in lower.REASONS if name not in names or not lower.state(names[name]).startswith("no:")]
    assert orphans == []


@pytest.mark.parametrize("name", scalar.TABLE)
def test_a_scalar_row_has_an_expression_or_a_reason(name):
    assert (name in scalar_c.TABLE) != (name in scalar_c.NOT_LOWERED), (
        f"{name}: write a row in opencl_backend/scalar_c, or a reason in NOT_LOWERED (not both)"
    )


def test_no_expression_is_left_without_a_row():
    assert sorted(set(scalar_c.TABLE) - set(scalar.TABLE)) == []


@pytest.mark.parametrize("name", scalar_c.TABLE)
def test_a_row_has_the_arity_of_its_meaning(name):
    assert scalar_c.TABLE[name].nin == scalar.TABLE[name].nin


def test_the_page_is_up_to_date():
    assert DOCS.read_text() == explain.lowering_page(), "run: python -m opencl_backend lowering > docs/lowering.md"
