import math

import pytest

from evals.compare import Limit, compare, parse_limit
from evals.errors import ResultError
from tests.evals.made import result

BEFORE = result({"a": {"mrr": 1.0, "total_ms": 100.0}, "b": {"mrr": 0.5, "total_ms": 200.0}})
AFTER = result({"a": {"mrr": 0.5, "total_ms": 130.0}, "b": {"mrr": 0.5, "total_ms": 200.0}})


def test_differences_are_paired():
    mrr, total = compare(BEFORE, AFTER, {})
    assert (mrr.metric, mrr.before, mrr.after, mrr.change, mrr.n) == ("mrr", 0.75, 0.5, -0.25, 2)
    assert mrr.stderr == pytest.approx(math.sqrt(0.125 / 2))  # of -0.5 and 0
    assert (total.metric, total.change) == ("total_ms", 15.0)
    assert not mrr.regressed
    assert mrr.limit is None


@pytest.mark.parametrize(
    ("limits", "regressed"),
    [
        ({"mrr": Limit(0.2)}, ["mrr"]),
        ({"mrr": Limit(0.25)}, []),  # exactly the limit passes
        ({"mrr": Limit(0.3)}, []),
        ({"total_ms": Limit(10)}, ["total_ms"]),  # more is worse
        ({"total_ms": Limit(0.1, relative=True)}, []),
        ({"total_ms": Limit(0.05, relative=True), "mrr": Limit(0)}, ["mrr", "total_ms"]),
    ],
)
def test_limits(limits: dict[str, Limit], regressed: list[str]):
    assert [d.metric for d in compare(BEFORE, AFTER, limits) if d.regressed] == regressed


def test_getting_better_is_no_regression():
    limits = {"mrr": Limit(0), "total_ms": Limit(0)}
    assert not any(d.regressed for d in compare(AFTER, BEFORE, limits))


def test_only_cases_scored_in_both_count():
    before = result({"a": {"mrr": 1.0}, "b": {"mrr": None}, "gone": {"mrr": 0.0}})
    after = result({"a": {"mrr": 0.0}, "b": {"mrr": 1.0}, "new": {"mrr": 1.0}})
    (found,) = compare(before, after, {})
    assert (found.before, found.after, found.n, found.stderr) == (1.0, 0.0, 1, None)


def test_a_metric_scored_in_no_common_case_is_left_out():
    assert compare(result({"a": {"mrr": None}}), result({"a": {"mrr": 1.0}}), {}) == []


def test_runs_without_a_common_case_cannot_be_compared():
    with pytest.raises(ResultError, match="no case in common"):
        compare(BEFORE, result({"z": {"mrr": 1.0}}), {})


def test_a_limit_on_an_unknown_metric_is_an_error():
    with pytest.raises(ResultError, match="'mmr'"):
        compare(BEFORE, AFTER, {"mmr": Limit(0.1)})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mrr=0.02", ("mrr", Limit(0.02))),
        ("total_ms=30%", ("total_ms", Limit(0.3, relative=True))),
        ("hit@5=0", ("hit@5", Limit(0.0))),
    ],
)
def test_limits_are_read(text: str, expected: tuple[str, Limit]):
    assert parse_limit(text) == expected


@pytest.mark.parametrize("text", ["mrr", "mrr=", "=0.1", "mrr=x", "mrr=-1", "", "mrr=%"])
def test_malformed_limits_are_refused(text: str):
    with pytest.raises(ResultError, match="METRIC=AMOUNT"):
        parse_limit(text)
