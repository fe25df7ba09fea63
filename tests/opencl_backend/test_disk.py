"""The folder of built programs: what was written is read again, whole, by whoever asks; the rest is None."""

import os

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from opencl_backend.device import current
from opencl_backend.disk import Folder, folder
from opencl_backend.runtime import runtime
from reference import function
from reference.config import config


def test_bytes_are_read_again_by_another_process_s_folder(tmp_path):
    Folder(tmp_path / "a" / "b", 1000).write("one", b"bytes")
    assert Folder(tmp_path / "a" / "b", 1000).read("one") == b"bytes"
    assert Folder(tmp_path / "a" / "b", 1000).read("two") is None
    assert Folder(tmp_path / "none", 1000).read("one") is None


HARMS = (lambda b: b[:-1], lambda b: b + b"!", lambda b: b[:40] + b"x" + b[41:], lambda b: b"")


@pytest.mark.parametrize("harm", HARMS)
def test_what_was_damaged_is_not_read_and_can_be_written_again(harm, tmp_path):
    kept = Folder(tmp_path, 1000)
    kept.write("one", bytes(range(100)))
    file = tmp_path / "one"
    file.write_bytes(harm(file.read_bytes()))
    assert kept.read("one") is None
    kept.write("one", b"again")
    assert kept.read("one") == b"again"


def test_the_folder_stays_within_its_bound_and_keeps_what_was_used_last(tmp_path):
    kept = Folder(tmp_path, 1000)
    for k in range(9):
        kept.write(f"{k}", bytes(68))
        os.utime(tmp_path / f"{k}", (k, k))
    assert kept.read("0") == bytes(68)
    for k in range(9, 12):
        kept.write(f"{k}", bytes(68))
    names = {file.name for file in tmp_path.iterdir()}
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 1000
    assert {"0", "11"} <= names and "1" not in names


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    kept = Folder(tmp_path / "file" / "below", 1000)
    kept.write("one", b"bytes")
    assert kept.read("one") is None


def test_the_flags_choose_the_folder(tmp_path):
    with config.change_flags(opencl__cache_dir=str(tmp_path), opencl__cache_megabytes=3):
        assert (folder().path, folder().limit) == (tmp_path, 3 << 20)
        with config.change_flags(opencl__cache_megabytes=0):
            assert folder() is None
    with config.change_flags(opencl__cache_dir=""):
        assert folder() is None
    with config.change_flags(opencl__cache_dir="auto"):
        assert "theano-reference" in str(folder().path)


def test_a_first_call_starts_with_the_kernels_that_an_earlier_one_left(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime(current()), "hopes", 3)
    x = T.fmatrix("x")
    value = np.linspace(-1, 1, 300, dtype="float32").reshape(20, 15)

    def called(times):
        f = function([x], [T.tanh(T.dot(x, x.T)) + 1, x.sum(axis=0)], backend="opencl")
        results = [f(value) for _ in range(times)]
        return f.executable.last.compiled, results

    with config.change_flags(opencl__cache_dir=str(tmp_path)):
        assert not called(1)[0]
        with config.change_flags(opencl__interpret=False):
            compiled, first = called(1)
        assert compiled
        compiled, again = called(2)
        assert compiled
    assert not called(1)[0]
    for results in again:
        assert all(a.tobytes() == b.tobytes() for a, b in zip(results, first[0]))


def test_who_looks_in_vain_for_kernels_stops_looking(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime(current()), "hopes", 3)
    x = T.fvector("x")
    with config.change_flags(opencl__cache_dir=str(tmp_path)):
        for k in range(5):
            f = function([x], x + float(k), backend="opencl")
            assert f(np.ones(2, "float32"))[0] == k + 1
    assert runtime(current()).hopes == 0


def test_what_is_kept_is_looked_for_as_the_flags_have_it_compiled(tmp_path):
    device = runtime(current())
    text = "kernel void kept(global int *a) { a[0] = 1; }"
    with config.change_flags(opencl__cache_dir=str(tmp_path)):
        device.kernel(text, "kept")
        device.programs.save()
        assert device.are_kept([(text, ())])
        with config.change_flags(opencl__optimize=False):
            assert not device.are_kept([(text, ())])
    assert not device.are_kept([(text, ())])
