"""Two runs side by side: differences with their doubt, and limits that a change may not pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.errors import ResultError
from evals.metrics import metric
from evals.statistics import mean, standard_error


@dataclass(frozen=True, slots=True)
class Limit:
    """How much worse a metric may get: in its own unit, or as a share of the old value."""

    amount: float
    relative: bool = False

    def allowed(self, before: float) -> float:
        """Return the largest worsening that passes."""
        return abs(before) * self.amount if self.relative else self.amount


DEFAULT_LIMITS: dict[str, Limit] = {
    "hit@5": Limit(0.02),
    "mrr": Limit(0.03),
    "quoted_contains": Limit(0.03),
    "faithfulness": Limit(0.03),
    "right_abstention": Limit(0.06),
    "wrong_abstention": Limit(0.05),
    "total_ms": Limit(0.30, relative=True),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric in both runs. `change` is after - before over the `n` cases scored in both,
    `stderr` that of the paired differences; `regressed` when it passes its limit.
    """

    metric: str
    before: float
    after: float
    change: float
    stderr: float | None
    n: int
    limit: float | None
    regressed: bool


def parse_limit(text: str) -> tuple[str, Limit]:
    """Read METRIC=AMOUNT, where 30% is relative: "faithfulness=0.02", "total_ms=30%"."""
    name, sign, amount = text.partition("=")
    relative = amount.endswith("%")
    try:
        number = float(amount.removesuffix("%"))
    except ValueError:
        number = -1.0
    if not name or not sign or number < 0:
        raise ResultError(
            f"a limit is METRIC=AMOUNT such as mrr=0.02 or total_ms=30%, not {text!r}"
        )
    return name, Limit(number / 100 if relative else number, relative)


def compare(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    limits: Mapping[str, Limit],
) -> list[Difference]:
    """Compare two results over the cases that both hold, metric by metric.

    Raises ResultError when they share no case, or when a limited metric is in neither.
    """
    pairs = _pairs(before, after)
    if not pairs:
        raise ResultError("the two runs have no case in common, so nothing can be compared")
    names = [name for name in before["metrics"] if name in after["metrics"]]
    unknown = sorted(set(limits) - set(before["metrics"]) - set(after["metrics"]))
    if unknown:
        raise ResultError(f"no run has a metric {unknown[0]!r}; there are {', '.join(names)}")
    differences = [_difference(name, pairs, limits.get(name)) for name in names]
    return [difference for difference in differences if difference is not None]


def _pairs(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[tuple[Mapping[str, float | None], Mapping[str, float | None]]]:
    old = {case["id"]: case for case in before["cases"]}
    return [
        (old[case["id"]]["scores"], case["scores"])
        for case in after["cases"]
        if case["id"] in old and case["question"] == old[case["id"]]["question"]
    ]


def _difference(
    name: str,
    pairs: Sequence[tuple[Mapping[str, float | None], Mapping[str, float | None]]],
    limit: Limit | None,
) -> Difference | None:
    scored = []
    for old, new in pairs:
        was, now = old.get(name), new.get(name)
        if was is not None and now is not None:
            scored.append((was, now))
    if not scored:
        return None
    was_mean, now_mean = mean([was for was, _ in scored]), mean([now for _, now in scored])
    change = now_mean - was_mean
    worse = -change if metric(name).higher_is_better else change
    allowed = limit.allowed(was_mean) if limit else None
    return Difference(
        metric=name,
        before=was_mean,
        after=now_mean,
        change=change,
        stderr=standard_error([now - was for was, now in scored]),
        n=len(scored),
        limit=allowed,
        # 1e-9: a drop of exactly the limit passes, whatever floating point makes of it
        regressed=allowed is not None and worse > allowed + 1e-9,
    )
