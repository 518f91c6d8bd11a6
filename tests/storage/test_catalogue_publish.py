import threading
from dataclasses import replace

import numpy as np
import pytest

from storage.catalogue import Catalogue
from storage.errors import (
    EmbeddingMismatch,
    UnknownDocument,
)
from storage.records import (
    Collection,
    DocumentStatus,
    EmbeddingIdentity,
    Fault,
    JobState,
    PageSpan,
)
from tests.fixtures.store import (
    add_document,
    chunks_of,
    completed_document,
    publish_document,
    unit_vectors,
)


def test_publishing_makes_text_pages_chunks_and_vectors_readable(catalogue: Catalogue) -> None:
    content = "first words\nmore words"
    document = add_document(catalogue, content=content)
    assert catalogue.chunks.of_document(document.id) == []
    assert publish_document(catalogue, document, content, seed=3) == []

    published = catalogue.documents.by_id(document.id)
    assert published.status is DocumentStatus.COMPLETED
    assert (published.chunks, published.pages) == (2, 1)
    assert published.completed_at is not None
    assert published.completed_at >= published.created_at
    assert catalogue.chunks.text(document.id) == (content, (PageSpan(1, 0, len(content)),))
    expected = chunks_of(document, content)
    assert catalogue.chunks.of_document(document.id) == expected
    stored = list(catalogue.chunks.vectors(document.collection_id))
    assert [chunk for chunk, _ in stored] == expected
    vectors = unit_vectors(2, seed=3)
    assert np.array_equal(np.stack([vector for _, vector in stored]), vectors)
    found = catalogue.chunks.vectors_of([expected[1].id, "unknown"])
    assert list(found) == [expected[1].id]
    assert np.array_equal(found[expected[1].id], vectors[1])
    assert found[expected[1].id].dtype == np.float32


def test_publishing_twice_leaves_one_copy(catalogue: Catalogue) -> None:
    document = add_document(catalogue)
    publish_document(catalogue, document, "one\ntwo\nthree")
    stale = publish_document(catalogue, document, "one\ntwo")
    assert stale == [f"{document.id}-2"]
    assert [c.text for c in catalogue.chunks.of_document(document.id)] == ["one", "two"]
    assert catalogue.documents.by_id(document.id).chunks == 2
    assert catalogue.leftovers.chunks() == {document.collection_id: stale}


def test_the_old_answers_until_the_new_is_published(catalogue: Catalogue) -> None:
    old = completed_document(catalogue, content="old words")
    new = add_document(catalogue, content="new words")
    assert new.replaces == old.id
    assert catalogue.documents.find_by_name(old.collection_id, old.name) == old
    assert len(catalogue.chunks.passages([f"{old.id}-0"])) == 1

    assert publish_document(catalogue, new, "new words") == [f"{old.id}-0"]
    found = catalogue.chunks.passages([f"{old.id}-0", f"{new.id}-0"])
    assert [s.chunk.text for s in found.values()] == ["new words"]
    assert found[f"{new.id}-0"].document.id == new.id
    with pytest.raises(UnknownDocument):
        catalogue.documents.by_id(old.id)
    with pytest.raises(UnknownDocument):
        catalogue.chunks.text(old.id)


def test_a_document_deleted_meanwhile_is_not_published(catalogue: Catalogue) -> None:
    document = add_document(catalogue)
    assert catalogue.documents.delete(document.id) == []
    with pytest.raises(UnknownDocument, match="deleted meanwhile"):
        publish_document(catalogue, document, "text")
    assert catalogue.chunks.ids(document.collection_id) == set()


def test_deleting_takes_chunks_text_and_jobs_along(catalogue: Catalogue) -> None:
    document = completed_document(catalogue)
    expected = [f"{document.id}-0", f"{document.id}-1"]
    assert catalogue.documents.delete(document.id) == expected
    assert catalogue.chunks.passages(expected) == {}
    assert catalogue.jobs.list() == []
    assert catalogue.leftovers.chunks() == {document.collection_id: expected}
    with pytest.raises(UnknownDocument):
        catalogue.documents.delete(document.id)


def test_failing_marks_document_and_job_but_never_a_completed_one(catalogue: Catalogue) -> None:
    fault = Fault("unreadable", "Damaged.")
    document = add_document(catalogue)
    catalogue.documents.fail(document.id, fault)
    failed = catalogue.documents.by_id(document.id)
    assert (failed.status, failed.error) == (DocumentStatus.FAILED, fault)
    assert catalogue.jobs.get(str(document.job_id)).state is JobState.FAILED
    done = completed_document(catalogue, name="done.txt", content="done")
    catalogue.documents.fail(done.id, fault)
    assert catalogue.documents.by_id(done.id) == done
    with pytest.raises(UnknownDocument):
        catalogue.documents.fail("nobody", fault)


def test_parts_that_do_not_belong_together_are_refused(catalogue: Catalogue) -> None:
    document = add_document(catalogue)
    chunks = chunks_of(document, "a\nb")
    with pytest.raises(ValueError, match="2 chunks need as many"):
        catalogue.documents.publish(document.id, "a\nb", [], chunks, unit_vectors(3), None)
    strangers = [replace(chunk, document_id="other") for chunk in chunks]
    with pytest.raises(ValueError, match="other"):
        catalogue.documents.publish(document.id, "a\nb", [], strangers, unit_vectors(2), None)


def test_vectors_of_another_size_than_the_collections_are_refused(
    catalogue: Catalogue, collection: Collection
) -> None:
    catalogue.collections.set_embedding(collection.id, EmbeddingIdentity("m", 5, "hash", 256))
    document = add_document(catalogue)
    with pytest.raises(EmbeddingMismatch, match="8"):
        publish_document(catalogue, document, "text")
    assert catalogue.documents.by_id(document.id).status is DocumentStatus.PENDING


def test_readers_see_the_old_or_the_new_document_and_never_a_mixture(
    catalogue: Catalogue,
) -> None:
    versions = ["\n".join(f"version {n} line {i}" for i in range(20)) for n in range(12)]
    ids: list[str] = [completed_document(catalogue, content=versions[0]).id]
    problems: list[str] = []
    finished = threading.Event()

    def read() -> None:
        while not finished.is_set():
            wanted = [f"{document}-{i}" for document in list(ids) for i in range(20)]
            texts = [s.chunk.text for s in catalogue.chunks.passages(wanted).values()]
            seen = {text.split(" line")[0] for text in texts}
            if len(seen) > 1 or len(texts) not in (0, 20):
                problems.append(f"{len(texts)} chunks of {sorted(seen)}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for content in versions[1:]:
        document = add_document(catalogue, content=content)
        ids.append(document.id)
        publish_document(catalogue, document, content)
    finished.set()
    for reader in readers:
        reader.join()
    assert problems == []
