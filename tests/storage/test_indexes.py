"""One suite for every vector index: the real Chroma and the one in memory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.chroma import ChromaIndex
from storage.memory import MemoryIndex
from storage.vectors import VectorIndex
from tests.fixtures.store import unit_vectors


@pytest.fixture(params=["memory", "chroma"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorIndex]:
    opened: VectorIndex = (
        MemoryIndex() if request.param == "memory" else ChromaIndex(tmp_path / "chroma")
    )
    yield opened
    opened.close()


def fill(index: VectorIndex, count: int, collection: str = "one", seed: int = 0) -> np.ndarray:
    vectors = unit_vectors(count, seed)
    ids = [f"chunk-{n}" for n in range(count)]
    index.upsert(collection, ids, [f"document-{n // 3}" for n in range(count)], vectors)
    return vectors


def test_what_is_unknown_is_empty(index: VectorIndex) -> None:
    assert index.search("nowhere", unit_vectors(1)[0], 5) == []
    assert index.ids("nowhere") == set()
    assert index.collections() == set()
    index.delete("nowhere", ["chunk"])
    index.drop("nowhere")
    index.upsert("nowhere", [], [], unit_vectors(0))
    assert index.collections() == set()


def test_the_nearest_come_first_with_their_cosine(index: VectorIndex) -> None:
    vectors = fill(index, 40)
    question = unit_vectors(1, seed=9)[0]
    cosines = vectors @ question
    hits = index.search("one", question, 7)
    assert [hit.chunk_id for hit in hits] == [f"chunk-{n}" for n in np.argsort(-cosines)[:7]]
    assert [hit.score for hit in hits] == pytest.approx(sorted(cosines, reverse=True)[:7], abs=1e-5)


def test_a_vector_finds_itself_with_score_one(index: VectorIndex) -> None:
    vectors = fill(index, 10)
    (hit,) = index.search("one", vectors[4], 1)
    assert hit.chunk_id == "chunk-4"
    assert hit.score == pytest.approx(1.0, abs=1e-5)


def test_more_than_there_is_gives_all(index: VectorIndex) -> None:
    vectors = fill(index, 5)
    assert len(index.search("one", vectors[0], 50)) == 5
    assert index.search("one", vectors[0], 0) == []


def test_a_search_may_be_kept_to_some_documents(index: VectorIndex) -> None:
    vectors = fill(index, 30)
    hits = index.search("one", vectors[0], 10, {"document-3", "document-7", "unknown"})
    assert {hit.chunk_id for hit in hits} == {f"chunk-{n}" for n in (9, 10, 11, 21, 22, 23)}
    assert index.search("one", vectors[0], 10, []) == []
    assert index.search("one", vectors[0], 10, ["unknown"]) == []


def test_adding_again_overwrites(index: VectorIndex) -> None:
    fill(index, 6)
    moved = unit_vectors(1, seed=5)
    index.upsert("one", ["chunk-2"], ["document-99"], moved)
    assert len(index.ids("one")) == 6
    (hit,) = index.search("one", moved[0], 1)
    assert hit.chunk_id == "chunk-2"
    assert hit.score == pytest.approx(1.0, abs=1e-5)
    assert [h.chunk_id for h in index.search("one", moved[0], 9, ["document-99"])] == ["chunk-2"]


def test_what_is_deleted_is_not_found(index: VectorIndex) -> None:
    vectors = fill(index, 6)
    index.delete("one", ["chunk-0", "chunk-3", "unknown"])
    assert index.ids("one") == {"chunk-1", "chunk-2", "chunk-4", "chunk-5"}
    assert "chunk-0" not in {hit.chunk_id for hit in index.search("one", vectors[0], 6)}


def test_collections_do_not_see_each_other(index: VectorIndex) -> None:
    fill(index, 4, "one")
    fill(index, 2, "two", seed=1)
    assert index.collections() == {"one", "two"}
    index.drop("one")
    assert (index.ids("one"), len(index.ids("two"))) == (set(), 2)
    assert index.search("one", unit_vectors(1)[0], 3) == []
    fill(index, 3, "one", seed=2)
    assert len(index.ids("one")) == 3


def test_lists_of_unequal_length_are_refused(index: VectorIndex) -> None:
    with pytest.raises(ValueError):
        index.upsert("one", ["a", "b"], ["d"], unit_vectors(2))


def test_threads_may_write_and_search_at_once(index: VectorIndex) -> None:
    vectors = unit_vectors(80)

    def write(first: int) -> None:
        for n in range(first, first + 20, 5):
            ids = [f"c{i}" for i in range(n, n + 5)]
            index.upsert("one", ids, ["d"] * 5, vectors[n : n + 5])

    def search(first: int) -> None:
        for vector in vectors[first : first + 20]:
            index.search("one", vector, 5)

    with ThreadPoolExecutor(6) as threads:
        work = [threads.submit(write, first) for first in (0, 20, 40, 60)]
        work += [threads.submit(search, first) for first in (0, 20)]
        for done in work:
            done.result()
    assert index.ids("one") == {f"c{i}" for i in range(80)}
    for n in range(80):
        assert index.search("one", vectors[n], 1)[0].chunk_id == f"c{n}"


steps = st.lists(
    st.tuples(
        st.sampled_from(["upsert", "delete", "drop"]),
        st.lists(st.integers(0, 11), min_size=1, max_size=6, unique=True),
        st.integers(0, 3),
    ),
    max_size=12,
)


@given(steps=steps, question=st.integers(0, 50), limit=st.integers(1, 15))
@settings(max_examples=40, deadline=None)
def test_the_index_in_memory_agrees_with_sorting_by_hand(
    steps: list[tuple[str, list[int], int]], question: int, limit: int
) -> None:
    agree(MemoryIndex(), steps, question, limit)


@given(steps=steps, question=st.integers(0, 50), limit=st.integers(1, 15))
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_chroma_agrees_with_sorting_by_hand(
    tmp_path: Path, steps: list[tuple[str, list[int], int]], question: int, limit: int
) -> None:
    index = ChromaIndex(tmp_path / "chroma")
    index.drop("one")
    agree(index, steps, question, limit)
    index.close()


def agree(
    index: VectorIndex, steps: list[tuple[str, list[int], int]], question: int, limit: int
) -> None:
    """Do the steps to the index and to a dict, then compare every answer."""
    model: dict[str, tuple[str, np.ndarray]] = {}
    for number, (step, chunks, document) in enumerate(steps):
        ids = [f"c{n}" for n in chunks]
        vectors = unit_vectors(len(ids), seed=100 + number)
        if step == "upsert":
            index.upsert("one", ids, [f"d{document}"] * len(ids), vectors)
            model.update({i: (f"d{document}", v) for i, v in zip(ids, vectors, strict=True)})
        elif step == "delete":
            index.delete("one", ids)
            for chunk_id in ids:
                model.pop(chunk_id, None)
        else:
            index.drop("one")
            model.clear()
    asked = unit_vectors(1, seed=question)[0]
    assert index.ids("one") == set(model)
    for among in (None, ["d0", "d2"]):
        allowed = {i: v for i, (d, v) in model.items() if among is None or d in among}
        ranked = sorted(allowed, key=lambda i: -float(allowed[i] @ asked))[:limit]
        found = index.search("one", asked, limit, among)
        assert [hit.chunk_id for hit in found] == ranked
        expected = [float(allowed[i] @ asked) for i in ranked]
        assert [hit.score for hit in found] == pytest.approx(expected, abs=1e-5)
