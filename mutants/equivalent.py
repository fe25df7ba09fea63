"""Mutants that change nothing anybody could see, each with the argument."""

EQUIVALENT: dict[str, str] = {
    "constants_of_two_dtypes": "a pattern is never replaced by what computes an integer in another dtype than the "
    "result's, and in the result's own dtype a sum wraps alike whatever is added first",
}
