import threading
from datetime import UTC, datetime, timedelta

import pytest

from storage.catalogue import Catalogue
from storage.errors import (
    DuplicateDocument,
    UnknownDocument,
)
from storage.records import (
    Collection,
    DocumentStatus,
    Fault,
    JobState,
)
from tests.fixtures.store import (
    add_document,
    completed_document,
    publish_document,
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
