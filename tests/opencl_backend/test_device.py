"""Choosing a device, and the texts of what can go wrong."""

import subprocess
import sys

import numpy as np
import pytest

from opencl_backend import device
from reference.graph.errors import BackendError


def test_the_first_device_is_chosen_unless_the_flag_says_otherwise():
    assert device.choose("") == device.every_device()[0]


def test_a_device_is_named_by_number_or_part_of_its_name():
    platform, first = device.every_device()[0]
    assert device.choose("0") == (platform, first)
    assert device.choose("0:0") == (platform, first)
    assert device.choose(f"{platform.name[:6].lower()}:{first.name.strip()[:5]}") == (platform, first)


def test_an_unknown_device_is_an_error_that_lists_what_there_is():
    with pytest.raises(BackendError, match=r"no OpenCL device fits 'nonesuch'.*there are: "):
        device.choose("nonesuch")


def test_without_a_device_the_error_says_how_to_install_one(monkeypatch):
    monkeypatch.setattr(device, "every_device", list)
    with pytest.raises(BackendError, match=r"pip install 'theano-reference\[pocl\]'"):
        device.choose("")


def test_drivers_are_left_alone_when_the_user_chose_some(monkeypatch):
    monkeypatch.setenv("OCL_ICD_VENDORS", "/nowhere")
    monkeypatch.delitem(sys.modules, "pyopencl", raising=False)
    device.make_drivers_visible()
    import os

    assert os.environ["OCL_ICD_VENDORS"] == "/nowhere"


def test_one_device_is_opened_once():
    assert device.current() is device.current()


def test_the_style_follows_the_flag():
    assert device.open_device("", "gpu").style == "gpu"
    assert device.open_device("", "cpu").style == "cpu"


def test_the_module_lists_devices_and_tests_itself():
    done = subprocess.run([sys.executable, "-m", "opencl_backend"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "self-test: the same bits as the reference" in done.stdout
    assert device.every_device()[0][1].name.strip() in done.stdout


def test_programs_are_found_again_in_the_folder(tmp_path):
    from opencl_backend.cache import Programs
    from reference.config import config

    text = "kernel void twice(global int *a) { a[get_global_id(0)] *= 2; }"
    cl = device.import_pyopencl()
    chosen = device.current()
    results = []
    with config.change_flags(opencl__cache_dir=str(tmp_path)):
        for _ in range(2):
            programs = Programs(chosen)
            kernel = programs.kernel(text, "twice")
            numbers = np.arange(4, dtype=np.int32)
            buffer = cl.Buffer(chosen.context, cl.mem_flags.COPY_HOST_PTR, hostbuf=numbers)
            kernel(chosen.queue, (4,), (1,), buffer)
            cl.enqueue_copy(chosen.queue, numbers, buffer)
            programs.save()
            results.append(numbers.tolist())
            assert len(list(tmp_path.iterdir())) == 1
        (saved,) = tmp_path.iterdir()
        saved.write_bytes(b"no program")
        Programs(chosen).kernel(text, "twice")
    assert results == [[0, 2, 4, 6]] * 2
