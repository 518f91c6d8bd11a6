"""Fusion of rankings, by tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answering.fuse import FUSIONS, convex, reciprocal_rank, weights_for
from storage.records import Hit

EVEN = {"dense": 0.5, "keyword": 0.5}


def hits(**scores: float) -> list[Hit]:
    return [Hit(name, score) for name, score in sorted(scores.items(), key=lambda i: -i[1])]


def order(fused: list[Hit]) -> list[str]:
    return [hit.chunk_id for hit in fused]


@pytest.mark.parametrize("fuse", FUSIONS.values())
def test_first_in_both_is_first_with_score_one(fuse) -> None:
    fused = fuse({"dense": hits(a=0.9, b=0.5), "keyword": hits(a=12, c=3)}, EVEN)
    assert order(fused)[0] == "a"
    assert fused[0].score == pytest.approx(1)


def test_convex_keeps_how_far_apart_scores_are() -> None:
    rankings = {"dense": hits(a=0.9, b=0.88, c=0.1), "keyword": hits(b=10, a=2, c=1)}
    assert order(convex(rankings, EVEN))[0] == "b"
    tied = reciprocal_rank(rankings, EVEN)
    assert tied[0].score == tied[1].score


def test_weights_turn_the_order() -> None:
    rankings = {"dense": hits(a=1, b=0), "keyword": hits(b=1, a=0)}
    assert order(convex(rankings, {"dense": 0.9, "keyword": 0.1}))[0] == "a"
    assert order(convex(rankings, {"dense": 0.1, "keyword": 0.9}))[0] == "b"


@pytest.mark.parametrize("fuse", FUSIONS.values())
def test_one_ranking_alone_keeps_its_order(fuse) -> None:
    assert order(fuse({"dense": hits(a=3, b=2, c=1)}, EVEN)) == ["a", "b", "c"]


@pytest.mark.parametrize("fuse", FUSIONS.values())
def test_nothing_found(fuse) -> None:
    assert fuse({"dense": [], "keyword": []}, EVEN) == []


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20))
def test_scores_stay_between_zero_and_one(scores: list[float]) -> None:
    ranked = [Hit(str(i), s) for i, s in enumerate(sorted(scores, reverse=True))]
    for fuse in FUSIONS.values():
        assert all(0 <= hit.score <= 1.0000001 for hit in fuse({"dense": ranked}, EVEN))


@pytest.mark.parametrize(
    ("cjk", "languages", "dense"),
    [(False, ("en",), 0.5), (True, ("en",), 0.1), (True, ("en", "zh"), 0.5), (True, (), 0.5)],
)
def test_an_embedder_that_does_not_know_the_script_counts_little(
    cjk: bool, languages: tuple[str, ...], dense: float
) -> None:
    assert weights_for(cjk, languages)["dense"] == dense
