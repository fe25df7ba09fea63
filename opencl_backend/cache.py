"""Built programs, by text and device.

Owns the in-process table, what is kept between processes (in disk.py's folder; a program that is found there costs
milliseconds instead of a compiler run), and what a driver may leave unread as it builds. It must not know what the
kernels compute.
"""

from __future__ import annotations

import hashlib
import threading
import time
import warnings
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from opencl_backend import builtins
from opencl_backend.device import Device, import_pyopencl
from opencl_backend.disk import Folder, folder
from reference.config import config
from reference.graph.errors import BackendError

_SHOWN = 3000
_EMPTY = "kernel void empty(global int *a) {}"
_NAME = 16
"""Bytes of a PoCL binary that say what it is and for which device."""
Key = tuple[str, tuple[str, ...]]
"""A program's text and how it is compiled."""
Place = tuple[Folder, str]
"""Where a binary is kept between processes, and by what name."""


class Programs:
    """The programs of one device. `kernel` is all that others need.

    with_header   programs that were built with the driver's header, though it is known to do without
    """

    def __init__(self, device: Device):
        self.device = device
        self._programs: dict[Key, Any] = {}
        self._unsaved: list[tuple[Place, Any]] = []
        self._inline: dict[Any, Any] = {}
        self._name_of_inline = b""
        self._turns: dict[Key, threading.Lock] = {}
        self.builds = 0
        self.hits = 0
        self.with_header = 0
        self.seconds = 0.0

    def kernel(self, text: str, name: str, options: tuple[str, ...] = ()) -> Any:
        """A new kernel object (its arguments are its own) of the program `text`."""
        cl = import_pyopencl()
        key = (text, options)
        with self._turn(key):
            program = self._programs.get(key)
            if program is None:
                started = time.perf_counter()
                place, program = self._build(text, options)
                self._programs[key] = program
                if place is not None:
                    self._unsaved.append((place, program))
                self.builds += 1
                self.seconds += time.perf_counter() - started
            else:
                self.hits += 1
        return cl.Kernel(program, name)

    def begin(self, wanted: Iterable[Key]) -> threading.Thread:
        """Build programs that will be asked for, one after the other, while this thread goes on; to the end, which
        drivers put off until kernels are first run. The program that is being built is all that an interpreter waits
        for that comes to its end."""
        missing = [key for key in dict.fromkeys(wanted) if key not in self._programs]

        def build() -> None:
            for key in missing:
                if not threading.main_thread().is_alive():
                    return
                with self._turn(key), suppress(Exception):  # who asks for it builds it again, and is told
                    if key not in self._programs:
                        place, program = self._build(*key)
                        binary = _binary(program)
                        self._programs[key] = program
                        if place is not None:
                            place[0].write(place[1], binary)

        self.builds += len(missing)
        thread = threading.Thread(target=build)
        thread.start()
        return thread

    def are_kept(self, wanted: Iterable[Key]) -> bool:
        """Has an earlier process left all of these programs?"""
        places = (self._place(*key) for key in wanted)
        return all(place is not None and place[0].has(place[1]) for place in places)

    def _turn(self, key: Key) -> threading.Lock:
        """Held by the thread that builds this program."""
        return self._turns.setdefault(key, threading.Lock())

    def save(self) -> None:
        """Write programs built since the last call to the folder. Drivers finish a program's binary when
        its kernels first run, so this is called after a run."""
        while self._unsaved:
            (where, name), program = self._unsaved.pop()
            where.write(name, _binary(program))

    def _build(self, text: str, options: tuple[str, ...]) -> tuple[Place | None, Any]:
        """A program, and where it is to be saved."""
        cl = import_pyopencl()
        _keep_quiet()
        place = self._place(text, options)
        if place is not None:
            binary = place[0].read(place[1])
            program = None if binary is None else self._load(binary)
            if program is not None:
                return None, program
        try:
            program = self._compiled(text, [*self.device.build_options(), *options])
        except cl.Error as error:
            numbered = "\n".join(f"{k:4d} {line}" for k, line in enumerate(text.splitlines(), 1))
            raise BackendError(
                f"{self.device.name} does not build a kernel, which is a fault of this backend; please "
                f"report it. The driver says:\n{error}\nThe program's end:\n{numbered[-_SHOWN:]}"
            ) from error
        return place, program

    def _compiled(self, text: str, flags: list[str]) -> Any:
        """The program from its text, without the driver's header where that works."""
        cl = import_pyopencl()
        if builtins.are_declared_for(self.device.platform.name):
            try:
                declared = builtins.declarations(text) + text
                return self._from_text(declared, [*flags, builtins.WITHOUT_HEADER])
            except cl.Error:
                self.with_header += 1
        return self._from_text(text, flags)

    def _from_text(self, text: str, flags: list[str]) -> Any:
        return import_pyopencl().Program(self.device.context, text).build(flags, devices=[self.device.cl_device])

    def inline(self, program: Any) -> Any | None:
        """A built program for the device that runs kernels in the thread that waits for them; None: it takes it not.

        That device of PoCL runs the very code that is compiled for the other, but knows binaries by a name in their
        first bytes, which is read off an empty program. Compiling from text instead would have the driver read its
        library of functions once more.
        """
        if program not in self._inline:
            cl, device = import_pyopencl(), self.device.inline.device
            context = self.device.context
            _keep_quiet()
            with suppress(cl.Error):
                if not self._name_of_inline:
                    empty = cl.Program(context, _EMPTY).compile([builtins.WITHOUT_HEADER], devices=[device])
                    self._name_of_inline = _binary(empty)[:_NAME]
                renamed = self._name_of_inline + _binary(program)[_NAME:]
                self._inline[program] = cl.Program(context, [device], [renamed]).build(devices=[device])
        return self._inline.setdefault(program, None)

    def _place(self, text: str, options: tuple[str, ...]) -> Place | None:
        kept = folder()
        if kept is None:
            return None
        what = "\0".join((self.device.fingerprint, *self.device.build_options(), *options, text))
        return kept, f"{hashlib.sha256(what.encode()).hexdigest()[:32]}.bin"

    def _load(self, binary: bytes) -> Any:
        """The program of a binary, or None if the driver no longer takes it."""
        cl = import_pyopencl()
        try:
            device = self.device.cl_device
            return cl.Program(self.device.context, [device], [binary]).build(devices=[device])
        except cl.Error:
            return None


def as_flagged(key: Key) -> Key:
    """A program as the flags have it compiled."""
    text, options = key
    return key if config.opencl.optimize else (text, (*options, "-cl-opt-disable"))


def _keep_quiet() -> None:
    """PyOpenCL warns of whatever a compiler says, and some always say that they are done. The filter is set for good:
    taking it back is not safe while other threads build."""
    warnings.filterwarnings("ignore", "Non-empty compiler output", import_pyopencl().CompilerWarning)
    warnings.filterwarnings("ignore", "Pre-build attribute access", UserWarning)


def _binary(program: Any) -> bytes:
    """Of the one device that it was built for."""
    binary: bytes = next(filter(None, program.get_info(import_pyopencl().program_info.BINARIES)))
    return binary


_programs: dict[Device, Programs] = {}


def programs(device: Device) -> Programs:
    """The program table of `device`."""
    if device not in _programs:
        _programs[device] = Programs(device)
    return _programs[device]


def every_table() -> list[Programs]:
    """The tables of all devices that were used."""
    return list(_programs.values())
