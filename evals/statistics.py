"""Means with their doubt, and percentiles. Pure."""

import math
from collections.abc import Iterable, Sequence

from evals.records import Score, Summary


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean; ValueError for an empty sequence."""
    if not values:
        raise ValueError("no values, so no mean")
    return math.fsum(values) / len(values)


def standard_error(values: Sequence[float]) -> float | None:
    """Return the standard error of the mean, s/√n with s of n-1; None below two values."""
    if len(values) < 2:
        return None
    centre = mean(values)
    variance = math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1)
    return math.sqrt(variance / len(values))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie.

    Linear between the neighbours, as numpy's default and type 7 of Hyndman and Fan (1996).
    """
    if not values:
        raise ValueError("no values, so no percentile")
    if not 0 <= share <= 1:
        raise ValueError(f"a percentile lies between 0 and 1, not at {share}")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def summarise(scores: Iterable[Score]) -> Summary:
    """Return mean ± standard error of what is scored, and count what is not."""
    every = list(scores)
    values = [score.value for score in every if score.value is not None]
    return Summary(
        mean=mean(values) if values else None,
        stderr=standard_error(values),
        n=len(values),
        unscored=len(every) - len(values),
    )
