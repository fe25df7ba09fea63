"""Hand-written kernels: text made of dtypes and shapes of tiles, never of lengths.

Each module owns the C text of one family (pure functions, cached) and nothing else; lowerings hand the
numbers over. A kernel's first argument is ``constant long *g``, the numbers; then one pointer an array.
"""
