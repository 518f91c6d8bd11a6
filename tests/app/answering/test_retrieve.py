"""Retrieval on a real catalogue and FTS5."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from app.answering.errors import UnknownStrategy
from app.answering.retrieve import MODES, Retriever
from app.answering.similarity import SentenceVectors
from ingest.fake_embed import HashingEmbedder
from storage.errors import EmbeddingMismatch, UnknownCollection
from storage.records import Document, DocumentFilter, Vectors
from tests.app.answering.conftest import HANDBOOK, MANUAL_ZH, Library

QUESTION = "How many days of annual leave?"


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_finds_the_passage(retriever: Retriever, handbook: Document, mode: str) -> None:
    found = retriever.search("default", QUESTION, 2, mode)
    assert "25 days" in found[0].chunk.text
    assert set(found[0].ranks) == ({"dense", "keyword"} if mode == "hybrid" else {mode})
    assert (found[0].similarity is None) is (mode == "keyword")


def test_chinese(retriever: Retriever, library: Library) -> None:
    library.add("手册.txt", MANUAL_ZH)
    assert "水箱" in retriever.search("default", "水箱的容量是多少？", 1)[0].chunk.text


def test_near_duplicates_are_dropped_and_named(retriever: Retriever, library: Library) -> None:
    library.add("handbook.txt", HANDBOOK)
    library.add("copy.txt", HANDBOOK + " ")
    found = retriever.retrieve("default", QUESTION, 6)
    texts = [passage.chunk.text.strip() for passage in found.passages]
    assert len(texts) == len(set(texts))
    assert any(dropped.n == 1 and "repeats" in dropped.reason for dropped in found.dropped)


def test_filters(retriever: Retriever, library: Library, handbook: Document) -> None:
    library.add("notes.md", "Annual leave of the crew is 40 days, says the notice board.")
    only = DocumentFilter(document_ids=[handbook.id])
    assert {p.document_name for p in retriever.search("default", QUESTION, 6, None, only)} == {
        "handbook.txt"
    }
    nothing = DocumentFilter(uploaded_after=datetime.now(UTC) + timedelta(days=1))
    assert retriever.search("default", QUESTION, 6, None, nothing) == []


def test_what_the_catalogue_no_longer_has_is_not_shown(
    retriever: Retriever, library: Library, handbook: Document
) -> None:
    library.catalogue.documents.delete(handbook.id)
    assert retriever.search("default", QUESTION, 6) == []


def test_unknown_names(retriever: Retriever) -> None:
    with pytest.raises(UnknownCollection):
        retriever.search("nowhere", QUESTION, 6)
    with pytest.raises(UnknownStrategy):
        retriever.search("default", QUESTION, 6, "psychic")


def test_another_embedding_model_is_refused_but_words_still_work(
    library: Library, handbook: Document
) -> None:
    other = Retriever(library.catalogue, library.vectors, library.keywords, HashingEmbedder(32))
    with pytest.raises(EmbeddingMismatch, match="RAGSTONE_EMBEDDING_MODEL"):
        other.search("default", QUESTION, 6)
    assert other.search("default", QUESTION, 6, "keyword")
    other.close()


class Counting(HashingEmbedder):
    """Counts what it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def embed_passages(self, texts: list[str], *, background: bool = False) -> Vectors:  # type: ignore[override]
        self.seen += len(texts)
        return super().embed_passages(texts)


def test_sentences_are_embedded_once_and_forgotten_in_order() -> None:
    embedder = Counting()
    vectors = SentenceVectors(embedder, kept=3)
    assert vectors.cosines("a b", ["a b", "c d"]) == pytest.approx([1.0, 0.0], abs=0.3)
    vectors.cosines("a b", ["c d"])
    assert embedder.seen == 2
    vectors.cosines("e", ["f", "g"])
    vectors.cosines("a b", [])
    vectors.cosines(embedder.embed_query("x"), ["g"])
    assert embedder.seen == 5


def test_sentence_vectors_are_safe_for_threads() -> None:
    vectors = SentenceVectors(HashingEmbedder(), kept=2)
    threads = [
        threading.Thread(
            target=vectors.cosines, args=(f"text {i}", [f"other {j}" for j in range(5)])
        )
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(vectors._vectors) == 2
