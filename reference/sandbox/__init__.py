"""The place where Theano's programs look for `rng_mrg`."""
