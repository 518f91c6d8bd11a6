"""Near-duplicates are dropped, contradictions are not."""

from app.answering.dedupe import drop_near_duplicates
from tests.app.answering.made import passage

TEXT = "Full-time employees receive 25 days of annual leave per year, to be taken in whole days."


def test_the_same_words_twice() -> None:
    found = drop_near_duplicates([passage(TEXT, id="a"), passage(TEXT.upper() + "!", id="b")])
    assert [p.chunk.id for p in found.kept] == ["a"]
    assert [(p.chunk.id, original) for p, original in found.repeated] == [("b", "a")]


def test_a_part_of_a_passage_that_is_there() -> None:
    found = drop_near_duplicates([passage(TEXT, id="a"), passage(TEXT[:60], id="b")])
    assert len(found.kept) == 1


def test_another_number_may_contradict_and_stays() -> None:
    other = TEXT.replace("25", "30")
    assert len(drop_near_duplicates([passage(TEXT, id="a"), passage(other, id="b")]).kept) == 2


def test_different_passages_stay() -> None:
    texts = [
        "水箱容量为1.8升，每天使用前请加满清水。",
        "保修期为两年，由上海维修中心负责维修。",
        TEXT,
    ]
    found = drop_near_duplicates([passage(t, id=str(i)) for i, t in enumerate(texts)])
    assert len(found.kept) == 3
    assert found.repeated == []


def test_no_passages() -> None:
    assert drop_near_duplicates([]).kept == []
