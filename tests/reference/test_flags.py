"""Flags that change how a graph is built: test values, warnings of float64, dtypes of constants."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.config import FLAGS, config
from reference.graph.errors import ShapeError


def test_shapes_that_do_not_fit_are_told_while_the_graph_is_built():
    x, s = T.dmatrix("x"), theano.shared(np.ones(4), "s")
    x.tag.test_value = np.ones((2, 3))
    with config.change_flags(compute_test_value="raise"):
        y = T.exp(x).sum(axis=0)
        np.testing.assert_array_equal(y.tag.test_value, np.full(3, 2 * np.exp(1.0)))
        with pytest.raises(ShapeError, match=r"\(3,\)"):
            y + s


def test_a_missing_test_value():
    with config.change_flags(compute_test_value="raise"), pytest.raises(ValueError, match="bare"):
        T.dvector("bare") + 1
    with config.change_flags(compute_test_value="warn"), pytest.warns(UserWarning, match="bare"):
        T.dvector("bare") + 1
    with config.change_flags(compute_test_value="ignore"):
        assert not hasattr((T.dvector("bare") + 1).tag, "test_value")


def test_float64_can_be_refused():
    i, f = T.ivector("i"), T.fvector("f")
    with config.change_flags(warn_float64="raise"), pytest.raises(TypeError, match="float64"):
        i * f
    with config.change_flags(warn_float64="warn"), pytest.warns(UserWarning, match="float64"):
        i * f


def test_floatX_decides_the_dtype_of_inputs_and_of_python_floats():
    assert T.matrix().dtype == "float64"
    with config.change_flags(floatX="float32"):
        assert T.matrix().dtype == "float32"
        assert (T.fvector() * 0.1).dtype == "float32"
    assert (T.fvector() * 0.1).dtype == "float64"
    assert (T.fvector() * 0.5).dtype == "float32"


def test_flags_come_back_after_a_block_that_raises():
    with pytest.raises(ZeroDivisionError), config.change_flags(floatX="float32", scan__allow_gc=True):
        assert config.scan.allow_gc
        raise ZeroDivisionError
    assert config.floatX == "float64" and not config.scan.allow_gc


def test_the_page_of_flags_is_up_to_date():
    from reference.__main__ import page

    written = (Path(__file__).resolve().parents[2] / "docs" / "flags.md").read_text()
    assert written == page(FLAGS), "run: python -m reference flags --markdown > docs/flags.md"


def test_files_named_by_theanorc_are_read(tmp_path):
    (tmp_path / "rc").write_text("[global]\nfloatX = float32\ndevice = cuda0\n[scan]\nallow_gc = True\n")
    done = subprocess.run(
        [sys.executable, "-c", "from reference import config as c; print(c.floatX, c.device, c.scan.allow_gc)"],
        env={**os.environ, "THEANORC": str(tmp_path / "rc"), "THEANO_FLAGS": "floatX=float16"},
        cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "float16 cuda0 True\n", done.stderr


@pytest.mark.parametrize("generator", ["philox", "numpy"])
def test_random_draws_have_test_values(generator):
    with config.change_flags(compute_test_value="raise", rng=generator):
        sample = theano.RandomStreams(3).uniform((2,))
        assert (sample + 1).tag.test_value.shape == (2,)
        np.testing.assert_array_equal(sample.tag.test_value, theano.function([], sample)())
