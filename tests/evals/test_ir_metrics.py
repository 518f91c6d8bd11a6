import math

import pytest

from evals.ir_metrics import dcg, ndcg, recall, reciprocal_rank

# Graded judgements; by hand:
# DCG of d3,d1,d9,d2 = 1/1 + 3/log2(3) + 0 + 2/log2(5)
# ideal d1,d2,d3     = 3/1 + 2/log2(3) + 1/2
JUDGED = {"d1": 3.0, "d2": 2.0, "d3": 1.0, "d4": 0.0}
RANKING = ["d3", "d1", "d9", "d2"]


def test_dcg_discounts_by_log2_of_rank_plus_one():
    assert dcg([3, 2, 3, 0, 1, 2]) == pytest.approx(6.861127)  # Järvelin-style example by hand


def test_ndcg_of_graded_judgements_by_hand():
    gained = 1 + 3 / math.log2(3) + 2 / math.log2(5)
    ideal = 3 + 2 / math.log2(3) + 1 / 2
    assert ndcg(RANKING, JUDGED, 10) == pytest.approx(gained / ideal)


def test_ndcg_cut_also_cuts_the_ideal():
    ideal_at_two = 3 + 2 / math.log2(3)
    assert ndcg(RANKING, JUDGED, 2) == pytest.approx((1 + 3 / math.log2(3)) / ideal_at_two)


@pytest.mark.parametrize(
    ("ranking", "judged", "expected"),
    [
        (["a", "b"], {"a": 1.0}, 1.0),
        (["b", "a"], {"a": 1.0}, 1 / math.log2(3)),
        (["b", "c"], {"a": 1.0}, 0.0),
        ([], {"a": 1.0}, 0.0),
        (["a"], {}, 0.0),
        (["a"], {"a": 0.0}, 0.0),
        (["a", "b"], {"a": -1.0, "b": 1.0}, 1 / math.log2(3)),
    ],
)
def test_ndcg_table(ranking: list[str], judged: dict[str, float], expected: float):
    assert ndcg(ranking, judged, 10) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("k", "expected"), [(1, 1 / 3), (2, 2 / 3), (3, 2 / 3), (4, 1.0), (100, 1.0)]
)
def test_recall_at_k(k: int, expected: float):
    assert recall(RANKING, JUDGED, k) == pytest.approx(expected)


def test_recall_without_relevant_documents_is_zero():
    assert recall(["a"], {"a": 0.0}, 10) == 0.0


@pytest.mark.parametrize(
    ("ranking", "expected"), [(["d9", "d4", "d2"], 1 / 3), (["d1"], 1.0), (["d9"], 0.0), ([], 0.0)]
)
def test_reciprocal_rank(ranking: list[str], expected: float):
    assert reciprocal_rank(ranking, JUDGED) == pytest.approx(expected)
