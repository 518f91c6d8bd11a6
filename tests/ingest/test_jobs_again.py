"""Jobs that are cancelled while they wait for another try, or found again by `recover`."""

from storage.records import DocumentStatus, JobState
from tests.ingest.conftest import Room
from tests.ingest.test_jobs import WAIT, Gate, ended, wait_for, working


def test_a_job_cancelled_while_it_waits_for_another_try_is_not_tried(room: Room) -> None:
    job_id = str(room.accept("Some words.").job_id)
    gate = Gate(failures=1)
    with working(room, gate, attempts=3):
        wait_for(lambda: room.catalogue.jobs.get(job_id).error is not None)
        waiting = room.catalogue.jobs.get(job_id)
        assert waiting.error
        assert (waiting.state, waiting.error.code) == (JobState.QUEUED, "retrying")
        assert "the disk is full" in waiting.error.message
        room.catalogue.jobs.cancel(job_id)
        other = str(room.accept("Other words.", "other.txt").job_id)
    assert room.catalogue.jobs.get(job_id).state is JobState.CANCELLED
    with working(room):
        wait_for(ended(room, other))
    assert room.catalogue.jobs.get(job_id).state is JobState.CANCELLED
    assert room.found("words") == ["Other words."]
    assert room.complaints() == []


def test_a_lost_message_is_found_again(room: Room) -> None:
    with working(room) as worker:
        lost = str(room.accept("Lost and found.").job_id)
        assert room.catalogue.jobs.get(lost).state is JobState.QUEUED
        worker.recover()
        worker.recover()
        wait_for(ended(room, lost))
    job = room.catalogue.jobs.get(lost)
    assert (job.state, job.attempts) == (JobState.SUCCEEDED, 1)


def test_a_job_of_a_deleted_document_harms_nothing(room: Room) -> None:
    gate = Gate(is_open=False)
    doomed = room.accept("Doomed words. " * 300)
    with working(room, gate) as worker:
        assert gate.entered.wait(WAIT)
        room.catalogue.documents.delete(doomed.document.id)
        gate.open.set()
        after = str(room.accept("Words after.", "after.txt").job_id)
        worker.enqueue("a job that never was")
        worker.enqueue(after)
        wait_for(ended(room, after))
        assert worker.alive
    assert room.found("words") == ["Words after."]


def test_the_old_version_answers_until_the_new_one_is_published(room: Room) -> None:
    old = room.ingest("Leave is 25 days.", "rules.txt")
    gate = Gate(is_open=False)
    new = room.accept("Leave is 28 days.", "rules.txt")
    assert new.replaces == old.id
    with working(room, gate):
        assert gate.entered.wait(WAIT)
        assert room.found("leave") == ["Leave is 25 days."]
        gate.open.set()
        wait_for(ended(room, str(new.job_id)))
    assert room.found("leave") == ["Leave is 28 days."]
    assert room.catalogue.documents.by_id(new.document.id).status is DocumentStatus.COMPLETED
    assert room.complaints() == []
