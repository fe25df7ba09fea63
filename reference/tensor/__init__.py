"""The tensor namespace: ``import reference.tensor as T``.

Owns nothing but the list of families; each family's ``__all__`` says what it gives. Functions that
shadow builtins (`sum`, `max`, `round`, ...) do so on purpose, as in Theano and NumPy.
"""

from reference.gradient import (
    Lop,
    Rop,
    consider_constant,
    grad,
    grad_not_implemented,
    grad_undefined,
    hessian,
    jacobian,
    verify_grad,
)
from reference.tensor import (
    basic,
    creation,
    elemwise,
    extra_ops,
    fft,
    linalg,
    nlinalg,
    nnet,
    signal,
    slinalg,
    subtensor,
)
from reference.tensor.arithmetic import *  # noqa: F403
from reference.tensor.basic import *  # noqa: F403
from reference.tensor.creation import *  # noqa: F403
from reference.tensor.diagonal import *  # noqa: F403  # noqa: F403
from reference.tensor.elemwise import *  # noqa: F403
from reference.tensor.extra_ops import *  # noqa: F403
from reference.tensor.joining import *  # noqa: F403
from reference.tensor.linalg import *  # noqa: F403
from reference.tensor.reduce import *  # noqa: F403
from reference.tensor.shape import *  # noqa: F403
from reference.tensor.sort import *  # noqa: F403
from reference.tensor.subtensor import *  # noqa: F403
