"""What was deleted, replaced or given up leaves the indexes, also after a kill."""

import numpy as np
import pytest

from storage.records import Document, DocumentStatus
from tests.fixtures.store import Store, chunks_of, unit_vectors


@pytest.fixture
def document(store: Store) -> Document:
    return store.ingest("notes.txt", "pump warranty\nfilter change\n保修期两年", seed=1)


def leave_an_unknown_collection(store: Store, document: Document) -> None:
    store.vectors.upsert("unknown-collection", ["x"], ["d"], unit_vectors(1))
    store.keywords.add("another-unknown", chunks_of(document, "stray"))


def test_sweeping_removes_what_was_deleted_or_replaced(store: Store, document: Document) -> None:
    new = store.ingest("notes.txt", "newer words", seed=2)
    assert store.sweep() == 3
    assert store.vectors.ids(new.collection_id) == {f"{new.id}-0"}
    store.catalogue.documents.delete(new.id)
    assert store.sweep() == 1
    assert store.keywords.ids(new.collection_id) == set()
    assert store.sweep() == 0


def test_sweeping_drops_deleted_collections(store: Store) -> None:
    store.catalogue.collections.create("doomed")
    doomed = store.ingest("a.txt", "words", "doomed")
    store.catalogue.collections.delete("doomed")
    store.sweep()
    assert doomed.collection_id not in store.vectors.collections() | store.keywords.collections()
    assert store.catalogue.leftovers.collections() == []


def test_what_a_killed_process_had_indexed_is_swept_at_the_next_start(store: Store) -> None:
    coming = store.take_in("coming.txt", "new words")
    (chunk_id,) = store.index(coming, "new words")
    leave_an_unknown_collection(store, coming)
    assert store.sweep() == 0
    assert store.vectors.ids(coming.collection_id) == {chunk_id}
    assert store.sweep(include_staged=True) == 1
    assert store.vectors.ids(coming.collection_id) == set()
    assert store.keywords.ids(coming.collection_id) == set()
    assert store.vectors.collections() <= {coming.collection_id}
    assert store.keywords.collections() <= {coming.collection_id}


@pytest.mark.parametrize("how", ["fail", "cancel", "delete"])
def test_what_was_given_up_is_swept_at_once(store: Store, how: str) -> None:
    coming = store.take_in("coming.txt", "new words")
    store.index(coming, "new words")
    if how == "delete":
        store.catalogue.documents.delete(coming.id)
    elif how == "cancel":
        store.catalogue.jobs.cancel(str(coming.job_id))
    else:
        store.take_in("coming.txt", "newer words")
        assert store.catalogue.documents.by_id(coming.id).status is DocumentStatus.FAILED
    assert store.sweep() == 1
    assert store.vectors.ids(coming.collection_id) == set()


def test_sweeping_never_takes_what_answers(store: Store, document: Document) -> None:
    store.sql(
        "INSERT INTO leftovers (chunk_id, collection_id, document_id, staged) VALUES (?, ?, ?, 0)",
        f"{document.id}-0", document.collection_id, document.id,
    )  # fmt: skip
    assert store.sweep(include_staged=True) == 0
    assert store.answers(document, seed=1)
    assert np.isclose(
        store.vectors.search(document.collection_id, unit_vectors(1, seed=1)[0], 1)[0].score, 1.0
    )
