import hashlib

import pytest

from ingest.errors import FileTooLarge
from ingest.intake import Intake
from ingest.names import clean_name
from storage.records import DocumentStatus, JobState
from tests.fixtures import files
from tests.ingest.conftest import Room


def test_an_accepted_file_is_kept_queued_and_typed(room: Room) -> None:
    accepted = room.accept("# Hello", "notes.md")
    document = accepted.document
    assert (document.name, document.media_type, document.size_bytes) == (
        "notes.md",
        "text/markdown",
        7,
    )
    assert document.status is DocumentStatus.PENDING
    assert room.stores.files.path(document.sha256).read_bytes() == b"# Hello"
    assert document.sha256 == hashlib.sha256(b"# Hello").hexdigest()
    assert room.queued == [accepted.job_id]
    assert accepted.duplicate_of is accepted.replaces is None


def test_the_same_bytes_are_not_kept_twice(room: Room) -> None:
    first = room.ingest("same words", "a.txt")
    again = room.accept("same words", "b.txt")
    assert (again.duplicate_of, again.document.id, again.name) == (first.id, first.id, "b.txt")
    assert len(room.catalogue.documents.list("default")[0]) == 1
    assert len(room.stores.files.hashes()) == 1


def test_a_duplicate_of_one_still_waiting_names_its_job(room: Room) -> None:
    first = room.accept("same words", "a.txt")
    again = room.accept("same words", "a.txt")
    assert (again.duplicate_of, again.job_id) == (first.document.id, first.job_id)


def test_the_same_bytes_in_another_collection_are_another_document(room: Room) -> None:
    first = room.ingest("same words")
    other = room.catalogue.collections.create("other")
    intake = Intake(room.catalogue, room.stores.files, room.queued.append)
    incoming = intake.incoming()
    incoming.write(b"same words")
    accepted = intake.accept(other, "notes.txt", incoming)
    assert accepted.duplicate_of is None
    assert accepted.document.id != first.id
    assert len(room.stores.files.hashes()) == 1


def test_a_new_version_says_what_it_replaces(room: Room) -> None:
    first = room.ingest("old words")
    assert room.accept("new words").replaces == first.id


def test_a_failed_upload_can_be_sent_again(room: Room) -> None:
    accepted = room.accept("some words")
    assert accepted.job_id
    room.catalogue.jobs.cancel(accepted.job_id)
    again = room.accept("some words")
    assert again.duplicate_of is None
    assert again.document.id != accepted.document.id


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "a.txt", "empty"),
        (b"words", "a.pdf", "unreadable"),
        (b"\x89PNG\r\n\x1a\n", "a.png", "unsupported_type"),
    ],
)
def test_what_cannot_be_read_is_a_failed_document(
    room: Room, content: bytes, name: str, code: str
) -> None:
    document = room.accept(content, name).document
    assert document.status is DocumentStatus.FAILED
    assert document.error
    assert document.error.code == code
    assert document.job_id is None
    assert room.queued == []
    assert room.complaints() == []


def test_too_large_leaves_a_row_and_no_bytes(room: Room) -> None:
    intake = Intake(room.catalogue, room.stores.files, room.queued.append)
    collection = room.catalogue.collections.get("default")
    document = intake.refuse(collection, "../big.pdf", FileTooLarge("Too much."), 10**9).document
    assert (document.name, document.size_bytes) == ("big.pdf", 10**9)
    assert document.error
    assert (document.error.code, document.error.message) == ("too_large", "Too much.")
    assert room.complaints() == []


def test_jobs_begin_queued(room: Room) -> None:
    accepted = room.accept(files.pdf(["x"]), "a.pdf")
    assert accepted.job_id
    assert room.catalogue.jobs.get(accepted.job_id).state is JobState.QUEUED


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\plan.docx", "plan.docx"),
        ("/", "document"),
        ("..", "document"),
        ("a\x00b\nc.txt", "abc.txt"),
        ("exe.\u202egnp", "exe.gnp"),
        ("报告 2024.pdf", "报告 2024.pdf"),
        ("e\u0301.txt", "é.txt"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("报" * 100 + ".pdf", "报" * 83 + ".pdf"),
        ("x" * 300, "x" * 255),
    ],
)
def test_names_are_made_harmless(sent: str, kept: str) -> None:
    assert clean_name(sent) == kept
    assert len(clean_name(sent).encode()) <= 255
