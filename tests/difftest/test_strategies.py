"""Programs are valid by construction, and every step is known to the model."""

import numpy as np
import pytest
from chains import BAITED, baited
from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis import strategies as st

import reference
from difftest import model
from difftest.strategies import PROFILES, STEPS, programs
from difftest.strategies.baits import BAITS
from difftest.strategies.policies import INVERSE
from difftest.verdict import check
from reference import scalar


def some(count: int) -> settings:
    return settings(max_examples=count, deadline=None, database=None, derandomize=True, phases=[Phase.generate])


@some(100)
@given(programs(), st.data())
def test_every_program_builds_and_compiles(program, data):
    program.build(reference).function(mode="UNOPTIMIZED")


def test_no_draw_is_ever_discarded():
    """Hypothesis's own health checks are on: filtering too much, or drawing too slowly, would fail here."""
    drawn = []

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(programs())
    def draw(program):
        drawn.append(program)

    draw()
    assert len(drawn) >= 60


def test_the_same_seed_draws_the_same_programs():
    def draw_with(number):
        texts = []

        @seed(number)
        @settings(
            max_examples=10,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(programs())
        def draw(program):
            texts.append(program.to_json())

        draw()
        return texts

    assert draw_with(1) == draw_with(1)
    assert draw_with(1) != draw_with(2)


def test_the_simplest_program_is_one_step_on_one_input():
    smallest = find(programs(), lambda p: True, settings=settings(database=None, deadline=None))
    assert len(smallest.steps) == 1
    assert len(smallest.inputs) + len(smallest.shared) <= 1
    assert not smallest.givens and not smallest.updates


@pytest.mark.parametrize("name", sorted(STEPS))
def test_every_step_has_a_line_in_the_model(name):
    assert name in model.MODEL or name in model.ELEMENTWISE or name == "scan"


@pytest.mark.parametrize("name", sorted(scalar.TABLE))
def test_every_row_is_a_step(name):
    assert name in STEPS


def test_policies_name_steps():
    assert set(INVERSE) <= set(STEPS)
    assert set(INVERSE.values()) <= set(STEPS)


def test_profiles_name_families():
    families = {kind.family for kind in STEPS.values()}
    for profile in PROFILES.values():
        assert set(profile.always) | set(profile.only) <= families


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([np.int8(1), np.float32(2)], "float32"),
        ([np.int32(1), np.float32(2)], "float64"),
        ([np.bool_(1), np.int8(2)], "int8"),
        ([np.uint64(1), np.int64(2)], "float64"),
        ([np.float16(1), np.int16(2)], "float32"),
    ],
)
def test_the_models_dtypes_are_the_documented_ones(values, dtype):
    assert model.elementwise("add", *map(np.asarray, values)).dtype == dtype


@pytest.mark.parametrize("bait", BAITS, ids=[" ".join(link[0] for link in bait.links) for bait in BAITS])
def test_baits_are_valid_wherever_they_are_taken(bait):
    """The chain on a value that it says it takes builds, runs, and is identical in every mode."""
    programs_ = [p for data in BAITED if (p := baited(data, bait)) is not None]
    assert programs_
    for program in programs_:
        report = check(program)
        assert report.ok, f"{report}\n{program.to_source()}"
