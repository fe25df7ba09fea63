"""All float64 functions that rows call, gathered from their families.

Owns nothing but the union. It must not know rows, dtypes or kernels.
"""

from __future__ import annotations

from opencl_backend.scalar_c import exp64, special64, trig64
from opencl_backend.scalar_c.series import Sources

SOURCES: Sources = {**exp64.SOURCES, **trig64.SOURCES, **special64.SOURCES}
ULP: dict[str, float] = {**exp64.ULP, **trig64.ULP, **special64.ULP}
