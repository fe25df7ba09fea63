"""Mutants that change nothing anybody could see, each with the argument."""

EQUIVALENT: dict[str, str] = {
    "constants_of_two_dtypes": "a pattern is never replaced by what computes an integer in another dtype than the "
    "result's, and in the result's own dtype a sum wraps alike whatever is added first",
    "real_is_a_view": "an elementwise operation gives nobody what lies in its operand's memory: it copies what is not "
    "fresh, whatever the row returned",
    "fused_into_arrays": "a reader that needs an array makes one of what waited for it, on the same values: the loop "
    "is computed a moment later",
    "vector_as_a_matrix_row": "a matrix of one row has no second one to move to",
    "merge_of_prints": "whichever rewrite would lose an effect, the engine refuses it",
}
