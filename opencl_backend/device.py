"""The OpenCL device: finding drivers, choosing one, saying what it can do.

Owns platforms, the choice by flag, the context and queue, capabilities and build options. Drivers that
were installed by pip (PoCL, Intel) are found without any environment variable. It must not know graphs,
kernels or plans.
"""

from __future__ import annotations

import atexit
import glob
import importlib.metadata
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from opencl_backend import costs
from opencl_backend.costs import Costs
from reference.config import config
from reference.graph.errors import BackendError

_INSTALL = (
    "install PyOpenCL with a CPU driver: pip install 'theano-reference[pocl]' "
    "(or 'theano-reference[intel]', or your vendor's OpenCL driver)"
)
_CHOSEN_BY_USER = ("OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH", "OCL_ICD_FILENAMES")
_THREADS, _INLINE = "pthread-", "basic-"
"""How the names of PoCL's two devices of one processor begin: one has threads of its own, the other has none."""


def make_drivers_visible() -> None:
    """Let the loader see drivers that pip installed beside this Python; call before importing pyopencl.

    PyOpenCL finds PoCL's wheel itself. Intel's wheel only drops libraries into ``PREFIX/lib``, so a
    directory of driver names is written that lists it together with the system's drivers. PoCL is told to compile a
    kernel once: by itself it would make one for the launch at hand and, as programs are saved, another for all. It is
    also told to show, beside the device that has threads, the one that runs kernels in the thread that waits for them.
    """
    os.environ.setdefault("POCL_WORK_GROUP_SPECIALIZATION", "0")
    if _has_wheel_of_pocl():
        os.environ.setdefault("POCL_DEVICES", "pthread basic")
    if "pyopencl" in sys.modules or any(name in os.environ for name in _CHOSEN_BY_USER):
        return
    prefixes = dict.fromkeys((sys.prefix, sys.base_prefix, os.path.expanduser("~/.local")))
    intel = [path for prefix in prefixes if os.path.exists(path := os.path.join(prefix, "lib", "libintelocl.so"))]
    if not intel:
        return
    folder = Path(tempfile.mkdtemp(prefix="opencl-drivers-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for icd in sorted(glob.glob("/etc/OpenCL/vendors/*.icd")):
        shutil.copy(icd, folder / f"system-{os.path.basename(icd)}")
    (folder / "pip-intel.icd").write_text(intel[0] + "\n")
    os.environ["OCL_ICD_VENDORS"] = str(folder)


def _has_wheel_of_pocl() -> bool:
    """Of the releases that know their devices by these names, and without another PoCL beside it?"""
    try:
        release = importlib.metadata.version("pocl-binary-distribution")
    except importlib.metadata.PackageNotFoundError:
        return False
    return release.startswith("3.") and not glob.glob("/etc/OpenCL/vendors/*pocl*.icd")


@cache
def import_pyopencl() -> Any:
    """The pyopencl module, or BackendError saying how to install it. Drivers are looked for once."""
    if importlib.util.find_spec("pyopencl") is None:
        raise BackendError(f"backend 'opencl' needs PyOpenCL; {_INSTALL}")
    make_drivers_visible()
    import pyopencl

    return pyopencl


def every_device() -> list[tuple[Any, Any]]:
    """(platform, device) pairs, in the loader's order; a processor that has two devices is named once."""
    cl = import_pyopencl()
    try:
        platforms = cl.get_platforms()
    except cl.LogicError:
        platforms = []
    pairs = []
    for platform in platforms:
        devices = platform.get_devices()
        hidden = [beside(device, devices) for device in devices]
        pairs += [(platform, device) for device in devices if device not in hidden]
    return pairs


def beside(device: Any, devices: Sequence[Any]) -> Any | None:
    """The one of `devices` that runs kernels of `device`, in the same memory, in the thread that waits for them."""
    name = device.name
    if not name.startswith(_THREADS):
        return None
    return next((d for d in devices if d.name == _INLINE + name[len(_THREADS) :]), None)


def choose(wanted: str = "") -> tuple[Any, Any]:
    """The (platform, device) for PLATFORM[:DEVICE], each a number or a part of a name; empty: the first."""
    pairs = every_device()
    if not pairs:
        raise BackendError(f"there is no OpenCL device; {_INSTALL}")
    platform_wanted, _, device_wanted = wanted.partition(":")
    names = list(dict.fromkeys(platform.name for platform, _ in pairs))
    for platform, device in pairs:
        siblings = [d for p, d in pairs if p == platform]
        if _fits(platform_wanted, platform.name, names.index(platform.name)) and _fits(
            device_wanted, device.name, siblings.index(device)
        ):
            return platform, device
    listed = "; ".join(f"{p.name.strip()}: {d.name.strip()}" for p, d in pairs)
    raise BackendError(f"no OpenCL device fits {wanted!r} (flag opencl.device); there are: {listed}")


def _fits(wanted: str, name: str, number: int) -> bool:
    return not wanted or wanted == str(number) or (not wanted.isdigit() and wanted.lower() in name.lower())


@dataclass(frozen=True, eq=False)
class Device:
    """One device with its context and in-order queue.

    inline     another queue, whose kernels run in the thread that waits for them; None: the driver has none.
    style      "cpu": few work-items with a large contiguous chunk each; "gpu": one element an item.
    fp64       doubles are available.
    """

    platform: Any
    cl_device: Any
    context: Any
    queue: Any
    style: str
    fp64: bool
    inline: Any = None

    @property
    def name(self) -> str:
        return f"{self.platform.name.strip()}: {self.cl_device.name.strip()}"

    @cached_property
    def shares_host_memory(self) -> bool:
        """Kernels may work in place on 64-byte aligned host arrays."""
        cl = import_pyopencl()
        return bool(self.cl_device.type & cl.device_type.CPU)

    @cached_property
    def has_crews(self) -> bool:
        """May the thread that waits for kernels and the driver's own share one's work, in memory that all see?"""
        can = self.style == "cpu" and self.shares_host_memory
        return can and self.inline is not None and self.compute_units > 1

    @cached_property
    def compute_units(self) -> int:
        return int(self.cl_device.max_compute_units)

    @cached_property
    def fingerprint(self) -> str:
        """Names the compiler: two devices with one fingerprint may exchange built programs."""
        device = self.cl_device
        return "|".join((self.platform.name, self.platform.version, device.name, device.version, device.driver_version))

    @property
    def costs(self) -> Costs:
        """What pays here."""
        return costs.of(self.fingerprint, self.style)

    def build_options(self) -> list[str]:
        """The language, and no warnings: drivers write how many there were among what the user's program prints."""
        return ["-cl-std=CL1.2", "-w"]

    def describe(self) -> str:
        d = self.cl_device
        return (
            f"{self.name} ({d.version.strip()}), {self.compute_units} compute units, "
            f"{d.global_mem_size / 2**30:.1f} GiB, fp64 {'yes' if self.fp64 else 'no'}, "
            f"rendered in {self.style} style"
        )


_open: dict[tuple[str, str, str], Device] = {}


def current() -> Device:
    """The device that the flags ask for; opened once and kept."""
    key = (config.opencl.device, config.opencl.style, os.environ.get("PYOPENCL_CTX", ""))
    if key not in _open:
        _open[key] = open_device(key[0] or key[2], key[1])
    return _open[key]


def open_device(wanted: str = "", style: str = "auto") -> Device:
    """Open a device; BackendError if there is none or it refuses."""
    cl = import_pyopencl()
    platform, device = choose(wanted)
    try:
        other = beside(device, platform.get_devices())
        context = cl.Context([device] if other is None else [device, other])
        queue = cl.CommandQueue(context, device)
        inline = None if other is None else cl.CommandQueue(context, other)
    except cl.Error as error:
        raise BackendError(f"the OpenCL device {device.name.strip()} cannot be opened: {error}") from error
    if style == "auto":
        style = "cpu" if device.type & cl.device_type.CPU else "gpu"
    fp64 = bool(getattr(device, "double_fp_config", 0)) or "cl_khr_fp64" in device.extensions
    return Device(platform, device, context, queue, style, fp64, inline)
