"""Theano's graphs, defined by a NumPy interpreter: ``import reference as theano``.

The public face, under Theano's names: variables and operations in `tensor`, `function` with givens and
updates, `shared`, `scan`, `grad`, `printing`, `config`. Nothing is defined here.
"""

from reference import compile, gradient, graph, ifelse, printing, sandbox, tensor
from reference import scan as scan_module
from reference.alias import install_as_theano
from reference.compile.builders import OpFromGraph, as_op
from reference.compile.function import Function, function
from reference.compile.io import In, Out, Param
from reference.compile.modes import Mode
from reference.compile.shared import SharedVariable, shared
from reference.config import config
from reference.gradient import Lop, Rop, grad, subgraph_grad
from reference.graph.clone import clone
from reference.graph.core import Apply, Constant, Op, Type, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.types import Generic, TensorType, generic
from reference.printing import pp, pprint
from reference.scan import foldl, foldr, map, reduce, scan, scan_checkpoints, until
from reference.tensor.linalg import dot
from reference.tensor.shared_randomstreams import RandomStreams

__version__ = "0.1.0"

__all__ = [
    "Apply", "Constant", "Function", "FunctionGraph", "Generic", "In", "Lop", "Mode", "Op", "OpFromGraph", "Out",
    "Param", "RandomStreams", "Rop", "SharedVariable", "TensorType", "Type", "Variable", "as_op", "clone",
    "compile", "config", "dot", "foldl", "foldr", "function", "generic", "grad", "gradient", "graph", "ifelse",
    "install_as_theano", "map", "pp", "pprint", "printing", "reduce", "sandbox", "scan", "scan_checkpoints",
    "scan_module", "shared", "subgraph_grad", "tensor", "until",
]  # fmt: skip
