"""Every kind of damage is named, and repaired without embedding anything again."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from storage.catalogue import Catalogue
from storage.files import FileStore
from storage.fts5 import Fts5Index
from storage.memory import MemoryIndex
from storage.records import Document, JobState
from tests.fixtures.store import Store, chunks_of, unit_vectors


@pytest.fixture
def document(store: Store) -> Document:
    return store.ingest("notes.txt", "pump warranty\nfilter change\n保修期两年", seed=1)


def test_a_sound_store_is_ok(store: Store, document: Document) -> None:
    store.catalogue.collections.create("empty")
    report = store.audit()
    assert report.ok
    assert report.sentences == ()
    assert [(c.name, c.documents, c.chunks) for c in report.collections] == [
        ("default", 1, 3),
        ("empty", 0, 0),
    ]
    assert report.files == 1
    assert store.repair() == report


def drop_vectors(store: Store, document: Document) -> None:
    store.vectors.drop(document.collection_id)


def lose_a_vector(store: Store, document: Document) -> None:
    store.vectors.delete(document.collection_id, [f"{document.id}-1"])


def add_a_ghost_vector(store: Store, document: Document) -> None:
    store.vectors.upsert(document.collection_id, ["ghost"], ["gone"], unit_vectors(1, seed=7))


def drop_keywords(store: Store, document: Document) -> None:
    store.keywords.drop(document.collection_id)


def lose_a_keyword_row(store: Store, document: Document) -> None:
    store.keywords.delete(document.collection_id, [f"{document.id}-0"])


def add_a_ghost_keyword_row(store: Store, document: Document) -> None:
    ghost = chunks_of(document, "a\nb\nc\nghost")[3]
    store.keywords.add(document.collection_id, [ghost])


def leave_an_unknown_collection(store: Store, document: Document) -> None:
    store.vectors.upsert("unknown-collection", ["x"], ["d"], unit_vectors(1))
    store.keywords.add("another-unknown", chunks_of(document, "stray"))


def leave_an_orphan_file(store: Store, document: Document) -> None:
    with store.files.incoming() as incoming:
        incoming.write(b"of nobody")
        incoming.finish()


def change_a_vector(store: Store, document: Document) -> None:
    """Leave every count right, but one chunk's vector not what the catalogue has."""
    wrong = -unit_vectors(2, seed=1)[1:]
    store.vectors.upsert(document.collection_id, [f"{document.id}-1"], [document.id], wrong)


DAMAGE: list[tuple[Callable[[Store, Document], None], str]] = [
    (drop_vectors, "3 chunks missing from the vector index of “default”"),
    (lose_a_vector, "1 chunk missing from the vector index"),
    (add_a_ghost_vector, "1 chunk of no document in the vector index"),
    (change_a_vector, "1 chunk cannot be reached in the vector index"),
    (drop_keywords, "3 chunks missing from the keyword index"),
    (lose_a_keyword_row, "1 chunk missing from the keyword index"),
    (add_a_ghost_keyword_row, "1 chunk of no document in the keyword index"),
    (leave_an_unknown_collection, "2 unknown collections"),
    (leave_an_orphan_file, "1 original file of no document"),
]


@pytest.mark.parametrize(
    ("damage", "sentence"), DAMAGE, ids=lambda part: getattr(part, "__name__", "")
)
def test_damage_is_named_and_repaired(
    store: Store,
    document: Document,
    damage: Callable[[Store, Document], None],
    sentence: str,
) -> None:
    damage(store, document)
    found = store.audit()
    assert not found.ok
    assert [s for s in found.sentences if sentence in s] == list(found.sentences)
    assert store.audit() == found  # looking changed nothing
    repaired = store.repair()
    assert repaired.ok
    assert repaired == store.audit()
    assert store.answers(document, seed=1)
    assert store.files.path(document.sha256).exists()


def test_all_damage_at_once_is_repaired(store: Store, document: Document) -> None:
    for damage, _ in DAMAGE:
        damage(store, document)
    assert store.repair().ok
    assert store.answers(document, seed=1)


def test_rebuilt_vectors_are_those_that_were_stored(store: Store, document: Document) -> None:
    store.vectors.drop(document.collection_id)
    store.repair()
    for n, vector in enumerate(unit_vectors(3, seed=1)):
        (hit,) = store.vectors.search(document.collection_id, vector, 1)
        assert (hit.chunk_id, round(hit.score, 4)) == (f"{document.id}-{n}", 1.0)


def test_a_missing_original_stays_in_the_report(store: Store, document: Document) -> None:
    store.files.delete(document.sha256)
    report = store.repair()
    assert [mention.id for mention in report.missing_files] == [document.id]
    assert "upload it again" in report.sentences[0]
    assert store.answers(document, seed=1)


def test_a_document_without_its_chunks_stays_in_the_report(
    store: Store, document: Document
) -> None:
    store.sql("DELETE FROM chunks WHERE ordinal = 1")
    report = store.repair()
    assert [mention.name for mention in report.incomplete_documents] == ["notes.txt"]
    assert f"{document.id}-1" not in store.vectors.ids(document.collection_id)
    store.sql("DELETE FROM chunks")
    store.sql("UPDATE documents SET chunks = 0")
    assert len(store.repair().incomplete_documents) == 1


def test_a_document_that_waits_for_nothing_gets_a_job(store: Store) -> None:
    waiting = store.take_in("waiting.txt", "waiting")
    assert store.audit().ok
    store.sql("DELETE FROM jobs")
    assert [mention.id for mention in store.audit().stuck_documents] == [waiting.id]
    assert store.repair().ok
    (job,) = store.catalogue.jobs.list()
    assert (job.document_id, job.state) == (waiting.id, JobState.QUEUED)


def test_chunks_on_their_way_in_are_not_damage(store: Store, document: Document) -> None:
    coming = store.take_in("coming.txt", "new words")
    store.index(coming, "new words", seed=5)
    assert store.audit().ok
    store.vectors.delete(document.collection_id, [f"{document.id}-1"])
    assert store.repair().ok
    assert f"{coming.id}-0" in store.vectors.ids(document.collection_id)


def test_the_files_of_failed_documents_are_not_orphans(store: Store) -> None:
    failed = store.take_in("bad.txt", "bad")
    store.catalogue.jobs.cancel(str(failed.job_id))
    assert store.audit().ok
    store.files.delete(failed.sha256)
    assert store.audit().ok


def test_the_report_is_plain_values(store: Store, document: Document) -> None:
    drop_vectors(store, document)
    value = asdict(store.audit())
    assert value["collections"][0]["vectors"]["missing"] == tuple(
        f"{document.id}-{n}" for n in range(3)
    )
    assert isinstance(value["sentences"], tuple)


def test_an_index_that_cannot_be_read_is_part_of_the_report(
    tmp_path: Path, catalogue: Catalogue, catalogue_url: str
) -> None:
    path = tmp_path / "keyword.sqlite3"
    keywords = Fts5Index(path)
    files = FileStore(tmp_path / "files")
    store = Store(catalogue, MemoryIndex(), keywords, files, catalogue_url)
    document = store.ingest("notes.txt", "pump warranty")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TABLE entries")
    report = store.audit()
    assert report.collections[0].keywords.fault is not None
    assert "keyword.sqlite3" in report.sentences[0]
    keywords.close()
    path.unlink()
    store.keywords = Fts5Index(path)
    assert store.repair().ok
    assert store.answers(document)
    store.keywords.close()
