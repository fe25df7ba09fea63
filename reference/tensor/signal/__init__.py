"""Signals: ``theano.tensor.signal``, convolution of plain images and pooling.

Owns nothing but the list of its families.
"""

from reference.tensor.signal import conv, pool
