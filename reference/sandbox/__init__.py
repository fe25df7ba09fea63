"""The place where Theano's programs look for `rng_mrg`."""

from reference.sandbox import rng_mrg

__all__ = ["rng_mrg"]
