import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.errors import StoreUnavailable
from storage.fts5 import MOST_WORDS, Fts5Index
from storage.records import Chunk
from storage.tokens import asked_tokens, stored_tokens


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Fts5Index]:
    opened = Fts5Index(tmp_path / "keyword.sqlite3")
    yield opened
    opened.close()


def chunk(chunk_id: str, text: str, document: str = "d", section: tuple[str, ...] = ()) -> Chunk:
    return Chunk(chunk_id, document, 0, text, 0, len(text), None, section)


def found(index: Fts5Index, query: str, limit: int = 10) -> list[str]:
    return [hit.chunk_id for hit in index.search("one", query, limit)]


def test_what_is_unknown_is_empty(index: Fts5Index) -> None:
    assert found(index, "anything") == []
    assert index.ids("one") == set()
    assert index.collections() == set()
    index.delete("one", ["chunk"])
    index.drop("one")
    index.add("one", [])
    assert index.collections() == set()


def test_more_of_the_rarer_words_come_first(index: Fts5Index) -> None:
    index.add(
        "one",
        [
            chunk("common", "the pump of the machine and its filter"),
            chunk("both", "the warranty of the pump ends after two years"),
            chunk("rare", "warranty warranty claims are made in writing"),
            chunk("none", "coffee is in the kitchen"),
        ],
    )
    hits = index.search("one", "How long is the pump's warranty?", 10)
    assert hits[0].chunk_id == "both"
    assert {hit.chunk_id for hit in hits} == {"common", "both", "rare"}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert found(index, "pump warranty", limit=1) == ["both"]
    assert found(index, "pump", limit=0) == []


def test_words_are_found_in_their_other_forms(index: Fts5Index) -> None:
    index.add("one", [chunk("a", "Refunds were CONNECTED to the naïve ordering of cafés")])
    for query in ("refund", "connecting", "order", "naive", "cafe", "CAFÉ"):
        assert found(index, query) == ["a"]


def test_headings_above_a_chunk_count(index: Fts5Index) -> None:
    index.add("one", [chunk("a", "Two years.", section=("Handbook", "Warranty"))])
    assert found(index, "warranty") == ["a"]


def test_chinese_is_found_by_any_of_its_pairs_and_by_one_character(index: Fts5Index) -> None:
    index.add("one", [chunk("保修", "本产品的保修期为两年。"), chunk("退货", "七天内可以退货。")])
    assert found(index, "保修期多长时间?") == ["保修"]
    assert found(index, "货") == ["退货"]
    assert found(index, "修保") == []


@pytest.mark.parametrize(
    "query",
    ['"', '" OR 1', "words:x", "a NEAR b", "*", "(", ")", "-", "^a", "a AND", "'; DROP TABLE x",
     "\0", "{a b} : c", "x" * 5000, "NOT"],
)  # fmt: skip
def test_nothing_in_a_query_is_syntax(index: Fts5Index, query: str) -> None:
    index.add("one", [chunk("a", "plain text")])
    assert found(index, query) == []
    assert found(index, f"{query} plain") == ["a"]


def test_a_pasted_page_is_a_query_too(index: Fts5Index) -> None:
    index.add("one", [chunk("a", "word0 word7")])
    assert found(index, " ".join(f"word{n}" for n in range(20 * MOST_WORDS))) == ["a"]


def test_a_search_may_be_kept_to_some_documents(index: Fts5Index) -> None:
    index.add("one", [chunk(f"c{n}", "the same words", document=f"d{n}") for n in range(5)])
    hits = index.search("one", "words", 10, ["d1", "d3", "unknown"])
    assert {hit.chunk_id for hit in hits} == {"c1", "c3"}
    assert index.search("one", "words", 10, []) == []
    everybody = [f"d{n}" for n in range(40_000)]
    assert len(index.search("one", "words", 10, everybody)) == 5


def test_adding_again_overwrites_and_deleting_forgets(index: Fts5Index) -> None:
    index.add("one", [chunk("a", "old words"), chunk("b", "other")])
    index.add("one", [chunk("a", "new words")])
    assert found(index, "old") == []
    assert found(index, "new") == ["a"]
    index.delete("one", ["a", "unknown"])
    assert found(index, "new") == []
    assert index.ids("one") == {"b"}


def test_a_word_weighs_what_it_does_in_its_own_collection(index: Fts5Index) -> None:
    pair = [chunk("a", "pump"), chunk("b", "filter"), chunk("c", "valve")]
    index.add("one", pair)
    before = index.search("one", "pump", 1)
    index.add("two", [chunk(f"x{n}", "pump") for n in range(50)])
    assert index.search("one", "pump", 1) == before
    assert index.collections() == {"one", "two"}
    index.drop("two")
    assert index.ids("two") == set()
    assert index.search("one", "pump", 1) == before


def test_it_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "keyword.sqlite3"
    index = Fts5Index(path)
    index.add("one", [chunk("a", "kept words")])
    index.close()
    again = Fts5Index(path)
    assert found(again, "kept") == ["a"]
    again.close()


def test_an_index_of_another_format_starts_empty(tmp_path: Path) -> None:
    path = tmp_path / "keyword.sqlite3"
    index = Fts5Index(path)
    index.add("one", [chunk("a", "kept words")])
    index.close()
    old = sqlite3.connect(path)
    old.execute("PRAGMA user_version = 999")
    old.close()
    again = Fts5Index(path)
    assert again.collections() == set()
    again.add("one", [chunk("a", "new words")])
    assert found(again, "new") == ["a"]
    again.close()


def test_a_damaged_file_says_how_to_rebuild(tmp_path: Path) -> None:
    path = tmp_path / "keyword.sqlite3"
    path.write_bytes(b"no database at all " * 300)
    with pytest.raises(StoreUnavailable, match="doctor --fix"):
        Fts5Index(path)


def test_a_transaction_that_fails_leaves_nothing(index: Fts5Index) -> None:
    index.add("one", [chunk("a", "first")])
    broken = replace(chunk("b", "second"), text=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        index.add("one", [chunk("a", "changed"), broken])
    assert found(index, "first") == ["a"]
    assert index.ids("one") == {"a"}


def test_threads_may_write_and_search_at_once(index: Fts5Index) -> None:
    def write(thread: int) -> None:
        for n in range(10):
            index.add("one", [chunk(f"{thread}-{n}-{i}", f"words {thread}") for i in range(4)])

    def search(thread: int) -> None:
        for _ in range(30):
            assert len(found(index, "words", limit=500)) % 4 == 0

    with ThreadPoolExecutor(6) as threads:
        work = [threads.submit(write, n) for n in range(3)]
        work += [threads.submit(search, n) for n in range(3)]
        for done in work:
            done.result()
    assert len(found(index, "words", limit=500)) == 120


words = st.lists(st.sampled_from(["pump", "valve", "保修", "泵", "the", "filter"]), max_size=4)
steps = st.lists(
    st.tuples(st.sampled_from(["add", "delete", "drop"]), st.integers(0, 5), words), max_size=15
)


@given(steps=steps, query=words)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_it_finds_what_shares_a_word_and_nothing_else(
    index: Fts5Index, steps: list[tuple[str, int, list[str]]], query: list[str]
) -> None:
    index.drop("one")
    model: dict[str, str] = {}
    for step, number, content in steps:
        text = " ".join(content)
        if step == "add":
            index.add("one", [chunk(f"c{number}", text)])
            model[f"c{number}"] = text
        elif step == "delete":
            index.delete("one", [f"c{number}"])
            model.pop(f"c{number}", None)
        else:
            index.drop("one")
            model.clear()
    wanted = set(asked_tokens(" ".join(query)))
    expected = {i for i, stored in model.items() if wanted & set(stored_tokens(stored))}
    assert index.ids("one") == set(model)
    assert set(found(index, " ".join(query), limit=50)) == expected
