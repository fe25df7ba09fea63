"""Patches of images as rows of a matrix, and back: ``theano.tensor.nnet.neighbours``.

Owns where patches lie. They are cut by index arrays, so that gradients of every mode are those of indexing.
"""

from __future__ import annotations

from typing import Any

from reference.graph.core import Variable
from reference.tensor.assertion import Assert
from reference.tensor.basic import as_tensor_variable
from reference.tensor.creation import arange, zeros
from reference.tensor.elemwise import and_, eq, ge
from reference.tensor.subtensor import set_subtensor

__all__ = ["images2neibs", "neibs2images"]

_MODES = ("valid", "ignore_borders", "half", "full", "wrap_centered")


def images2neibs(ten4: Any, neib_shape: Any, neib_step: Any = None, mode: str = "valid") -> Variable:
    """Patches of images (batch, channels, rows, columns), each a row of the result, image by image.

    neib_shape   rows and columns of a patch
    neib_step    from one patch to the next; None: so far that they lie side by side
    mode         'valid': patches must come out even at the edges; 'ignore_borders': what is left over is left out;
                 'half', 'full': as 'valid', of images with half a patch, or a patch less one, of zeros around them;
                 'wrap_centered': patches of odd lengths around every `neib_step`-th element, going on at the other
                 edge
    """
    if mode not in _MODES:
        raise ValueError(f"images2neibs: mode is one of {', '.join(_MODES)}, not {mode!r}")
    images = as_tensor_variable(ten4)
    if images.type.ndim != 4:
        raise TypeError(f"images2neibs cuts images of 4 dimensions, got {images} of type {images.type}")
    lengths = [as_tensor_variable(neib_shape)[k] for k in (0, 1)]
    steps = lengths if neib_step is None else [as_tensor_variable(neib_step)[k] for k in (0, 1)]
    if mode in ("half", "full"):
        images = _framed(images, [n // 2 if mode == "half" else n - 1 for n in lengths])
    places = [_places(images.shape[2 + k], lengths[k], steps[k], mode) for k in (0, 1)]
    rows, columns = places[0].dimshuffle(0, "x", 1, "x"), places[1].dimshuffle("x", 0, "x", 1)
    return images[:, :, rows, columns].reshape((-1, lengths[0] * lengths[1]))


def _framed(images: Variable, widths: list[Variable]) -> Variable:
    """The images with so many rows and columns of zeros on both sides."""
    batch, channels, rows, columns = (images.shape[k] for k in range(4))
    wide = zeros((batch, channels, rows + 2 * widths[0], columns + 2 * widths[1]), dtype=images.type.dtype)
    return set_subtensor(wide[:, :, widths[0] : widths[0] + rows, widths[1] : widths[1] + columns], images)


def _places(total: Variable, length: Variable, step: Variable, mode: str) -> Variable:
    """The elements of each patch along one axis: (patches, length)."""
    if mode == "wrap_centered":
        odd = Assert("images2neibs: patches have odd lengths in mode 'wrap_centered', and fit the image", "TypeError")
        total = odd(total, and_(eq(length % 2, 1), ge(total, length)))
        firsts = arange((total + step - 1) // step) * step - length // 2
        return (firsts.dimshuffle(0, "x") + arange(length).dimshuffle("x", 0)) % total
    room = total - length
    if mode != "ignore_borders":
        text = "images2neibs: patches do not come out even at the edges of the image; try mode='ignore_borders'"
        even = Assert(text, "TypeError")
        room = even(room, and_(ge(room, 0), eq(room % step, 0)))
    return (arange(room // step + 1) * step).dimshuffle(0, "x") + arange(length).dimshuffle("x", 0)


def neibs2images(neibs: Any, neib_shape: Any, original_shape: Any, mode: str = "valid") -> Variable:
    """The images of `original_shape` that `images2neibs` cut side by side; with 'ignore_borders' the rest is zeros."""
    if mode not in ("valid", "ignore_borders"):
        raise NotImplementedError(f"neibs2images: mode is 'valid' or 'ignore_borders', not {mode!r}")
    patches, shape = as_tensor_variable(neibs), as_tensor_variable(original_shape)
    batch, channels, rows, columns = (shape[k] for k in range(4))
    height, width = (as_tensor_variable(neib_shape)[k] for k in (0, 1))
    down, across = rows // height, columns // width
    tiles = patches.reshape((batch, channels, down, across, height, width)).dimshuffle(0, 1, 2, 4, 3, 5)
    if mode == "valid":
        return tiles.reshape((batch, channels, rows, columns))
    whole = zeros((batch, channels, rows, columns), dtype=patches.type.dtype)
    covered = tiles.reshape((batch, channels, down * height, across * width))
    return set_subtensor(whole[:, :, : down * height, : across * width], covered)
