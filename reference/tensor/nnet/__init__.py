"""Neural networks: ``T.nnet``.

Owns nothing but the list of its families.
"""

from reference.tensor.nnet import abstract_conv, blocksparse, conv, conv3d2d, neighbours
from reference.tensor.nnet.abstract_conv import *  # noqa: F403
from reference.tensor.nnet.activation import *  # noqa: F403
from reference.tensor.nnet.bn import *  # noqa: F403
from reference.tensor.nnet.crossentropy import *  # noqa: F403
from reference.tensor.nnet.softmax import *  # noqa: F403
