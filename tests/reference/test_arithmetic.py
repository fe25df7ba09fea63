"""Functions made of rows of the scalar table."""

import numpy as np

import reference as theano
import reference.tensor as T


def test_integers_are_close_as_the_real_numbers_they_are():
    a, b = T.lvector("a"), T.lvector("b")
    f = theano.function([a, b], T.isclose(a, b))
    least, most = np.iinfo("int64").min, np.iinfo("int64").max
    assert f([least, most, 3], [least + 1, least, 3]).tolist() == [True, False, True]
