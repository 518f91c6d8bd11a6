import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from storage.catalogue import Catalogue
from storage.errors import (
    DuplicateDocument,
    EmbeddingMismatch,
    InvalidCursor,
    UnknownCollection,
    UnknownDocument,
)
from storage.records import (
    Collection,
    DocumentFilter,
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


def test_a_document_comes_in_pending_with_a_queued_job(catalogue: Catalogue) -> None:
    document = add_document(catalogue)
    assert document.status is DocumentStatus.PENDING
    assert document.job_id is not None
    job = catalogue.jobs.get(document.job_id)
    assert (job.document_id, job.state) == (document.id, JobState.QUEUED)
    assert catalogue.documents.get("default", document.id) == document
    assert document.created_at.tzinfo is not None
    assert abs(datetime.now(UTC) - document.created_at) < timedelta(minutes=1)


def test_a_document_that_failed_at_the_door_has_no_job(
    catalogue: Catalogue, collection: Collection
) -> None:
    fault = Fault("empty", "There is nothing in it.")
    document = catalogue.documents.add(
        collection, "x.pdf", "application/pdf", 0, "0" * 64, DocumentStatus.FAILED, fault
    )
    assert document.error == fault
    assert document.job_id is None
    assert catalogue.jobs.list() == []


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


def test_two_racing_versions_of_a_name_end_as_the_newest(catalogue: Catalogue) -> None:
    first = add_document(catalogue, content="version one")
    second = add_document(catalogue, content="version two")
    superseded = catalogue.documents.by_id(first.id)
    assert superseded.error is not None
    assert superseded.error.code == "superseded"
    assert catalogue.jobs.get(str(first.job_id)).state is JobState.CANCELLED
    with pytest.raises(UnknownDocument, match="newer upload"):
        publish_document(catalogue, first, "version one")
    publish_document(catalogue, second, "version two")
    completed, _ = catalogue.documents.list("default", DocumentStatus.COMPLETED)
    assert [d.id for d in completed] == [second.id]


def test_the_same_bytes_are_refused_with_the_document_that_has_them(catalogue: Catalogue) -> None:
    pending = add_document(catalogue)
    with pytest.raises(DuplicateDocument) as refused:
        add_document(catalogue, name="other name.txt")
    assert refused.value.document == pending
    publish_document(catalogue, pending, "x")
    with pytest.raises(DuplicateDocument):
        add_document(catalogue)
    catalogue.collections.create("elsewhere")
    assert add_document(catalogue, collection="elsewhere").id != pending.id


def test_the_bytes_of_a_failed_document_may_come_again(catalogue: Catalogue) -> None:
    first = add_document(catalogue)
    catalogue.documents.fail(first.id, Fault("unreadable", "Damaged."))
    assert catalogue.documents.find_by_hash(first.collection_id, first.sha256) is None
    second = add_document(catalogue)
    assert catalogue.documents.uses(first.sha256) == 2
    found = catalogue.documents.find_by_hash(first.collection_id, first.sha256)
    assert found == second


def test_going_back_to_the_old_bytes_gives_up_the_version_under_way(catalogue: Catalogue) -> None:
    old = completed_document(catalogue, content="A")
    underway = add_document(catalogue, content="B")
    assert catalogue.documents.find_by_hash(old.collection_id, old.sha256) is None
    with pytest.raises(DuplicateDocument) as refused:
        add_document(catalogue, content="A")
    assert refused.value.document == old
    assert catalogue.documents.by_id(underway.id).status is DocumentStatus.FAILED


def test_bytes_about_to_be_replaced_are_taken_in_under_another_name(catalogue: Catalogue) -> None:
    old = completed_document(catalogue, name="a.txt", content="A")
    new = add_document(catalogue, name="a.txt", content="B")
    copy = add_document(catalogue, name="b.txt", content="A")
    publish_document(catalogue, new, "B")
    publish_document(catalogue, copy, "A")
    names = {d.name: d.sha256 for d in catalogue.documents.list("default")[0]}
    assert names == {"a.txt": new.sha256, "b.txt": old.sha256}


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


def test_a_document_is_only_seen_in_its_own_collection(catalogue: Catalogue) -> None:
    catalogue.collections.create("other")
    document = add_document(catalogue)
    with pytest.raises(UnknownDocument):
        catalogue.documents.get("other", document.id)
    assert catalogue.documents.list("other") == ([], None)
    with pytest.raises(UnknownCollection):
        catalogue.documents.list("nowhere")


def test_pages_of_the_list_hold_every_document_once(catalogue: Catalogue) -> None:
    added = [add_document(catalogue, f"{n}.txt", f"text {n}").id for n in range(7)]
    seen, cursor = [], None
    while True:
        page, cursor = catalogue.documents.list("default", limit=3, cursor=cursor)
        seen += [document.id for document in page]
        assert len(page) <= 3
        if cursor is None:
            break
    assert seen == added


def test_a_full_last_page_has_no_cursor(catalogue: Catalogue) -> None:
    for n in range(4):
        add_document(catalogue, f"{n}.txt", f"text {n}")
    _, cursor = catalogue.documents.list("default", limit=2)
    page, last = catalogue.documents.list("default", limit=2, cursor=cursor)
    assert (len(page), last) == (2, None)


@pytest.mark.parametrize("cursor", ["", "x", "!!", "bm90IGEgZGF0ZXxpZA", "é", "//8"])
def test_an_invented_cursor_is_refused(catalogue: Catalogue, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        catalogue.documents.list("default", cursor=cursor)


def test_the_list_can_be_of_one_status(catalogue: Catalogue) -> None:
    done = completed_document(catalogue, "done.txt", "done")
    waiting = add_document(catalogue, "waiting.txt", "waiting")
    assert catalogue.documents.list("default", DocumentStatus.COMPLETED)[0] == [done]
    assert catalogue.documents.list("default", DocumentStatus.PENDING)[0] == [waiting]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (DocumentFilter(), {"a.pdf", "b[1].txt", "说明.pdf"}),
        (DocumentFilter(names=["*.pdf"]), {"a.pdf", "说明.pdf"}),
        (DocumentFilter(names=["b[1].txt"]), {"b[1].txt"}),
        (DocumentFilter(names=["说*", "a.pdf"]), {"a.pdf", "说明.pdf"}),
        (DocumentFilter(names=[]), set()),
        (DocumentFilter(media_types=["text/plain"]), {"a.pdf", "b[1].txt", "说明.pdf"}),
        (DocumentFilter(media_types=["image/*"]), set()),
        (DocumentFilter(document_ids=["nobody"]), set()),
        (DocumentFilter(uploaded_after=datetime(2100, 1, 1, tzinfo=UTC)), set()),
        (
            DocumentFilter(uploaded_before=datetime(2100, 1, 1, tzinfo=UTC), names=["a*"]),
            {"a.pdf"},
        ),
    ],
)
def test_a_filter_lets_through_what_fulfils_every_condition(
    catalogue: Catalogue, collection: Collection, wanted: DocumentFilter, names: set[str]
) -> None:
    for name in ("a.pdf", "b[1].txt", "说明.pdf"):
        completed_document(catalogue, name, name)
    add_document(catalogue, "c.pdf", "not completed")
    ids = catalogue.documents.matching(collection.id, wanted)
    assert {catalogue.documents.by_id(i).name for i in ids} == names


def test_dates_of_a_filter_include_the_first_moment_and_exclude_the_last(
    catalogue: Catalogue, collection: Collection
) -> None:
    document = completed_document(catalogue)
    moment = document.created_at
    matching = catalogue.documents.matching
    assert matching(collection.id, DocumentFilter(uploaded_after=moment)) == {document.id}
    assert matching(collection.id, DocumentFilter(uploaded_before=moment)) == set()
    later = moment + timedelta(microseconds=1)
    assert matching(collection.id, DocumentFilter(uploaded_before=later)) == {document.id}
    assert matching(collection.id, DocumentFilter(uploaded_after=later)) == set()


def test_uploads_of_the_same_bytes_from_many_threads_make_one_document(
    catalogue: Catalogue,
) -> None:
    outcomes: list[str] = []
    together = threading.Barrier(8)

    def upload() -> None:
        together.wait()
        try:
            outcomes.append(add_document(catalogue).id)
        except DuplicateDocument as duplicate:
            outcomes.append(duplicate.document.id)

    threads = [threading.Thread(target=upload) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    documents, _ = catalogue.documents.list("default")
    assert len(documents) == 1
    assert outcomes == [documents[0].id] * 8


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
