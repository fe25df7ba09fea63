"""What pays on a device is measured by command, kept between processes, and gone by."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from opencl_backend import __main__, costs, measure
from opencl_backend.costs import NEVER, Costs
from opencl_backend.device import current
from reference.config import config


@pytest.fixture
def nothing_known(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "_known", {})
    with config.change_flags(opencl__cache_dir=str(tmp_path)):
        yield


def test_a_table_is_kept_for_a_device_and_a_style(nothing_known, monkeypatch):
    mine = Costs(blas={"float32": 5, "float64": NEVER}, pack=7)
    assert costs.keep("a device", "cpu", mine)
    monkeypatch.setattr(costs, "_known", {})
    assert costs.of("a device", "cpu") == mine
    assert costs.of("a device", "gpu") == costs.of("another", "cpu") == Costs()


def test_where_nothing_is_kept_it_holds_for_this_process(nothing_known):
    with config.change_flags(opencl__cache_dir=""):
        assert not costs.keep("a device", "cpu", Costs(pack=7))
        assert costs.of("a device", "cpu").pack == 7


def test_a_table_of_another_version_is_read_as_far_as_it_goes(nothing_known, monkeypatch):
    costs.keep("a device", "cpu", Costs(pack=7))
    monkeypatch.setattr(costs, "asdict", lambda table: {"pack": table.pack, "tiles": 3})
    costs.keep("a device", "cpu", Costs(pack=9))
    monkeypatch.setattr(costs, "_known", {})
    assert costs.of("a device", "cpu") == Costs(pack=9)


@pytest.mark.parametrize(
    "times, wanted",
    [
        ([(2, 3), (2, 1), (2, 1)], 20),
        ([(2, 1), (2, 3), (2, 1)], 40),
        ([(2, 1), (2, 1), (2, 1)], 10),
        ([(2, 1), (2, 1), (2, 1.99)], None),
    ],
)
def test_a_way_pays_from_where_it_stays_the_faster(times, wanted):
    assert measure._from((10, 20, 40), iter(times)) == wanted


@pytest.mark.parametrize("style", ["cpu", "gpu"])
def test_the_command_measures_and_keeps(style, nothing_known, monkeypatch, capsys):
    monkeypatch.setattr(measure, "SIDES", (64, 96))
    monkeypatch.setattr(measure, "ROWS", (8, 64))
    monkeypatch.setattr(measure, "SQUARE", 64)
    monkeypatch.setattr(measure, "ROUNDS", 1)
    monkeypatch.setattr(measure, "SECONDS", 0)
    monkeypatch.setattr("sys.argv", ["opencl_backend", "measure"])
    with config.change_flags(opencl__style=style):
        assert __main__.main() == 0
        told = capsys.readouterr().out
        device = current()
        found = costs.of(device.fingerprint, style)
    assert "GFLOP/s" in told and "kept" in told
    if style == "gpu":
        assert set(found.block.values()) <= {1, 2, 4, 8}
    else:
        assert set(found.blas.values()) <= {2 * 64**3, 2 * 96**3, NEVER} and found.pack in (8, 64, NEVER)


@pytest.mark.parametrize("side", [1, 2, 8])
def test_blocks_of_every_size_multiply_alike(side):
    rng = np.random.default_rng(side)
    a, b = (rng.standard_normal(shape).astype("float32") for shape in ((70, 80), (80, 90)))
    x, y = T.fmatrices("x", "y")
    with config.change_flags(opencl__style="gpu", opencl__interpret=False):
        device = current()
        with costs.supposed(device.fingerprint, "gpu", Costs(block={"float32": side, "float64": side})):
            product = theano.function([x, y], T.dot(x, y), backend="opencl")(a, b)
    assert np.allclose(product, a.astype("f8") @ b, rtol=0, atol=1e-4)
