"""Gradients by complex numbers, against differences along both axes."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T

RNG = np.random.RandomState(4)
Z = RNG.normal(size=(2, 3)) + 1j * RNG.normal(size=(2, 3))
W = RNG.normal(size=(3, 2)) + 1j * RNG.normal(size=(3, 2))
R = RNG.uniform(0.5, 2, size=(2, 3))
WEIGHTS = RNG.normal(size=6)


def size(v):
    """A real number that every part of `v` moves."""
    flat = v.flatten()
    part = T.real(flat) * T.constant(WEIGHTS[:6])[: flat.shape[0]]
    return part.sum() + (T.imag(flat) ** 2).sum() if v.dtype.startswith("complex") else (part**2).sum()


COSTS = {
    "abs": (lambda z: abs(z), Z), "product": (lambda z: z * z * (1 + 2j), Z), "with a real": (lambda z: z * R, Z),
    "quotient": (lambda z: (1 + 2j) / z, Z), "exp": (lambda z: T.exp(z), Z), "sin": (lambda z: T.sin(z), Z),
    "power": (lambda z: z**3, Z), "conj": (lambda z: T.conj(z) * z * z, Z), "angle": (lambda z: T.angle(z), Z),
    "real": (lambda z: T.real(z * z), Z), "imag": (lambda z: T.imag(z * z), Z), "sgn": (lambda z: T.sgn(z), Z),
    "dot": (lambda z: T.dot(z, W), Z), "indexed": (lambda z: T.exp(z[:, ::2]), Z),
    "real times complex": (lambda r: r * Z, R), "cast": (lambda r: T.exp(T.cast(r, "complex128") * 1j), R),
    "complex": (lambda r: T.exp(T.complex(r, r * r)), R), "polar": (lambda r: T.complex_from_polar(r, r * r) ** 2, R),
    "loop": (lambda z: theano.scan(lambda h: h * z, outputs_info=T.ones_like(z), n_steps=3)[0][-1], Z),
}  # fmt: skip


@pytest.mark.parametrize("name", COSTS)
def test_a_gradient_is_the_slope_along_both_axes(name):
    make, value = COSTS[name]
    v = T.zmatrix("v") if np.iscomplexobj(value) else T.dmatrix("v")
    cost = size(make(v))
    gradient = T.grad(cost, v)
    assert gradient.dtype == v.dtype
    backend = "reference"
    f, g = (theano.function([v], e, backend=backend, mode="UNOPTIMIZED") for e in (cost, gradient))
    found = g(value)
    step = 1e-6
    for at in np.ndindex(value.shape):
        slopes = []
        for direction in (1, 1j) if np.iscomplexobj(value) else (1,):
            there, back = value.copy(), value.copy()
            there[at] += step * direction
            back[at] -= step * direction
            slopes.append((f(there) - f(back)) / (2 * step))
        expected = slopes[0] + 1j * slopes[1] if len(slopes) == 2 else slopes[0]
        np.testing.assert_allclose(found[at], expected, rtol=1e-6, atol=1e-7)


def test_a_gradient_by_a_real_number_is_real():
    r = T.fvector("r")
    cost = T.real(T.complex(r, r) * T.complex(r, -r)).sum()
    gradient = theano.function([r], T.grad(cost, r), backend="reference")([1.0, 2.0])
    np.testing.assert_allclose(gradient, [4.0, 8.0])
    assert gradient.dtype == "float32"


def test_a_rop_through_complex_numbers():
    r, v = T.dvector("r"), T.dvector("v")
    product = T.Rop(abs(T.exp(T.complex(r, r * r))), r, v)
    f = theano.function([r, v], product, backend="reference")
    np.testing.assert_allclose(f([0.5, 1.0], [1.0, 2.0]), np.exp([0.5, 1.0]) * [1.0, 2.0], rtol=1e-10)
