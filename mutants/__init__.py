"""Seeded faults: the proof that the differential tester finds bugs and names the guilty.

Each fault is a small text patch of one file of `reference` or `opencl_backend`, many of them bugs that Theano,
PyTensor, JAX, tinygrad or TVM really had. `python -m mutants` applies them one at a time, each in a
process of its own, lets the tester loose on it for a minute, and prints how many were killed and how often the right
one was blamed. Nothing is ever changed on disk.
"""
