"""Linear algebra of whole matrices, and Fourier transforms: NumPy's, on the host.

Owns that these operations are computed there: matrices are fetched, handed to the reference, and sent back, on every
call. Small decompositions gain nothing from a device, and the bits are the reference's.
"""

from __future__ import annotations

import numpy as np

from opencl_backend.context import Context
from opencl_backend.lower import makes_arrays, register
from opencl_backend.runtime import DeviceArray
from reference.graph.core import Apply
from reference.tensor import fft, nlinalg, slinalg

OPS = (
    nlinalg.MatrixInverse, nlinalg.MatrixPinv, nlinalg.Det, nlinalg.Eig, nlinalg.Eigh, nlinalg.QRFull,
    nlinalg.QRIncomplete, nlinalg.SVD, nlinalg.lstsq, slinalg.Cholesky, slinalg.Solve, slinalg.Expm,
    fft.RFFTOp, fft.IRFFTOp,
)  # fmt: skip

makes_arrays(*OPS)


@register(*OPS)
def on_the_host(ctx: Context, node: Apply) -> list[DeviceArray]:
    """Fetched, computed by NumPy on the host, and sent back, on every call"""
    ctx.plan.replayable = False
    ctx.note(f"computes {node.op} on the host")
    with np.errstate(all="ignore"):
        results = node.op.perform(node, *[np.asarray(ctx.fetched(v)) for v in node.inputs])
    return [ctx.known(np.ascontiguousarray(r).reshape(np.shape(r))) for r in results]
