"""The exceptions that a user is meant to read."""

from collections.abc import Sequence


class UserError(Exception):
    """A mistake in the input: what was found, what was expected, and what to do.

    The command line prints the message without a traceback and exits with status 2; everything else that is
    raised is a bug in camagain and keeps its traceback.
    """


class NotApplicable(UserError):
    """A measurement that is not defined for this network or dataset, with the reason in one line.

    Where one of several analyses raises it, the report says so and the others go on.
    """


def nearest(word: str, candidates: Sequence[str]) -> str:
    """The candidate closest to a misspelt word as a sentence, " Did you mean 'x'?", or "" when none is near."""
    from difflib import get_close_matches

    close = get_close_matches(word, candidates, n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""
