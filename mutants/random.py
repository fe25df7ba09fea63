"""Faults in random streams: words, states, distributions."""

from mutants.mutant import patches

seed = patches("random", "reference/tensor/philox.py", "random", "op RandomFunction")

seed("nine_rounds", "a block of words is stirred nine times", "_ROUNDS = 10", "_ROUNDS = 9")
seed(
    "second_draw_repeats",
    "a stream does not move on",
    "following[2] = (int(state[2]) + 1) & _MASK",
    "following[2] = int(state[2])",
    origin="the state of a generator was not advanced",
)
seed(
    "streams_alike",
    "all streams of one seed are the same",
    "counter = (number & _MASK, number >> 32, index & _MASK, index >> 32)",
    "counter = (number & _MASK, number >> 32, 0, 0)",
    origin="two streams drew the same numbers",
)
seed(
    "words_from_the_block",
    "words that begin within a block begin with the block",
    "return words[start - 4 * first : start - 4 * first + n]",
    "return words[:n]",
)
seed(
    "uniform_of_low_words",
    "a float64 uniform takes its high bits from the second word",
    "bits = (words[0::2] >> np.uint32(5)).astype(np.float64)\n        bits *= 2.0**26\n"
    "        bits += words[1::2] >> np.uint32(6)\n        bits *= 2.0**-53",
    "bits = (words[1::2] >> np.uint32(5)).astype(np.float64)\n        bits *= 2.0**26\n"
    "        bits += words[0::2] >> np.uint32(6)\n        bits *= 2.0**-53",
)

seed = patches("random", "reference/tensor/distributions.py", "random", "op RandomFunction")

seed(
    "binomial_at_most",
    "a trial succeeds with one number too many",
    "reshape(shape) < p.astype(kind, copy=False)",
    "reshape(shape) <= 1 - p.astype(kind, copy=False)",
)
seed(
    "integers_without_the_last",
    "random_integers never draws its upper bound",
    "high.astype(np.int64).astype(np.uint64) - base + np.uint64(1)",
    "high.astype(np.int64).astype(np.uint64) - base + np.uint64(0)",
)
seed(
    "normal_of_variance",
    "a normal number is spread by the square of its deviation",
    'avg.astype("float64") + std.astype("float64") * z',
    'avg.astype("float64") + std.astype("float64") ** 2 * z',
)
seed(
    "tails_swapped",
    "the tails of the normal distribution change sides",
    "z[tails] = np.where(outer < 0, -value, value)",
    "z[tails] = np.where(outer < 0, value, -value)",
)
seed(
    "multinomial_open",
    "a category's upper bound belongs to it",
    "np.add.reduce(sums <= u[:, t, None]",
    "np.add.reduce(sums >= u[:, t, None]",
)

seed = patches("random", "reference/tensor/random.py", "random", "op RandomFunction")

seed(
    "state_not_handed_on",
    "a draw hands its state on as it was",
    "return next_state(state), sample",
    "return state, sample",
    origin="the state of a generator was not advanced",
)

seed = patches("random", "reference/tensor/shared_randomstreams.py", "random", "function")

seed(
    "streams_numbered_from_one",
    "every stream of an object is its first",
    "else initial_state(self._seed, len(self.state_updates))",
    "else initial_state(self._seed, 0)",
)
seed(
    "default_update_is_itself",
    "a stream's default update is its state",
    "state.default_update = after",
    "state.default_update = state",
)
