"""Importing this module installs the alias: ``python -m pytest -p reference.as_theano``.

Owns nothing: a test suite or a program that is written for Theano runs on this package.
"""

from reference.alias import install_as_theano

install_as_theano()
