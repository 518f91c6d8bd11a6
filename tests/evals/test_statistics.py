import math

import pytest

from evals.records import Score
from evals.statistics import mean, percentile, standard_error, summarise


def test_mean_and_standard_error_by_hand():
    values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]
    assert mean(values) == 5.0
    # squared deviations sum to 32; s = sqrt(32/7); error = s / sqrt(8)
    assert standard_error(values) == pytest.approx(math.sqrt(32 / 7) / math.sqrt(8))


@pytest.mark.parametrize(
    ("share", "expected"), [(0, 1.0), (0.25, 1.75), (0.5, 2.5), (0.95, 3.85), (1, 4.0)]
)
def test_percentile_is_linear_between_neighbours(share: float, expected: float):
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == pytest.approx(expected)


def test_one_value_is_every_percentile_and_has_no_error():
    assert percentile([7.0], 0.95) == 7.0
    assert standard_error([7.0]) is None


def test_nothing_has_no_mean():
    with pytest.raises(ValueError, match="no values"):
        mean([])
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        percentile([1.0], 95)


def test_unscored_stays_out_of_the_mean():
    summary = summarise([Score(1.0), Score.unscored("no gold"), Score(0.0)])
    assert (summary.mean, summary.n, summary.unscored) == (0.5, 2, 1)


def test_all_unscored_is_not_zero():
    summary = summarise([Score.unscored("x")])
    assert summary.mean is None
    assert summary.stderr is None
