"""The worker: real huey on SQLite, real threads."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from ingest.fake_embed import HashingEmbedder
from ingest.jobs import QueueSettings, Worker
from storage.records import DocumentStatus, JobState, Vectors
from tests.ingest.conftest import Room

WAIT = 30.0


class Gate(HashingEmbedder):
    """An embedder that waits at a gate, or breaks as often as told."""

    def __init__(self, *, is_open: bool = True, failures: int = 0) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.open = threading.Event()
        self.failures = failures
        if is_open:
            self.open.set()

    def embed_passages(self, texts: Sequence[str], *, background: bool = False) -> Vectors:
        self.entered.set()
        assert self.open.wait(WAIT)
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is full")
        return super().embed_passages(texts, background=background)


@contextmanager
def working(
    room: Room, embedder: HashingEmbedder | None = None, attempts: int = 3
) -> Iterator[Worker]:
    pipeline = room.with_embedder(embedder or HashingEmbedder())
    worker = Worker(pipeline, QueueSettings(room.folder, None, attempts))
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    ticks = threading.Event()
    for _ in range(int(WAIT / 0.02)):
        if condition():
            return
        ticks.wait(0.02)
    raise AssertionError("it did not happen in time")


def ended(room: Room, job_id: str) -> Callable[[], bool]:
    open_states = (JobState.QUEUED, JobState.RUNNING)
    return lambda: room.catalogue.jobs.get(job_id).state not in open_states


def test_a_job_in_the_queue_is_done(room: Room) -> None:
    with working(room) as worker:
        accepted = room.accept("Some words.")
        worker.enqueue(str(accepted.job_id))
        worker.enqueue(str(accepted.job_id))
        wait_for(ended(room, str(accepted.job_id)))
    job = room.catalogue.jobs.get(str(accepted.job_id))
    assert (job.state, job.attempts) == (JobState.SUCCEEDED, 1)
    assert room.found("words") == ["Some words."]


def test_unfinished_jobs_go_on_at_the_next_start(room: Room) -> None:
    waiting = str(room.accept("Never started.", "a.txt").job_id)
    broken = str(room.accept("Broken off.", "b.txt").job_id)
    room.catalogue.jobs.start(broken)
    with working(room):
        wait_for(ended(room, waiting))
        wait_for(ended(room, broken))
    assert room.catalogue.jobs.get(broken).attempts == 2
    assert room.complaints() == []


def test_debris_of_a_crash_is_swept_at_the_start(room: Room) -> None:
    orphan = room.stores.files.incoming()
    orphan.write(b"bytes without a row")
    orphan.finish()
    collection = room.catalogue.collections.get("default")
    room.catalogue.leftovers.stage(collection.id, "ghost", ["ghost-0"])
    room.stores.vectors.upsert(
        collection.id, ["ghost-0"], ["ghost"], HashingEmbedder().embed_passages(["x"])
    )
    with working(room):
        assert room.complaints() == []
        assert room.stores.files.hashes() == set()


def test_a_stop_interrupts_and_loses_nothing(room: Room) -> None:
    gate = Gate(is_open=False)
    job_id = str(room.accept("Some words. " * 400).job_id)
    with working(room, gate):
        assert gate.entered.wait(WAIT)
        threading.Timer(0.1, gate.open.set).start()
    assert room.catalogue.jobs.get(job_id).state is JobState.RUNNING
    with working(room):
        wait_for(ended(room, job_id))
    assert room.catalogue.jobs.get(job_id).state is JobState.SUCCEEDED
    assert room.complaints() == []


def test_a_cancelled_job_ends_without_traces(room: Room) -> None:
    gate = Gate(is_open=False)
    accepted = room.accept("Some words. " * 400)
    with working(room, gate) as worker:
        assert gate.entered.wait(WAIT)
        room.catalogue.jobs.cancel(str(accepted.job_id))
        gate.open.set()
        other = str(room.accept("Other words.", "other.txt").job_id)
        worker.enqueue(other)
        wait_for(ended(room, other))
    document = room.catalogue.documents.by_id(accepted.document.id)
    assert document.status is DocumentStatus.FAILED
    assert document.error
    assert document.error.code == "cancelled"
    assert room.found("words") == ["Other words."]
    assert room.complaints() == []


def test_a_bad_document_fails_at_once_and_the_others_go_on(room: Room) -> None:
    bad = str(room.accept(b"%PDF-1.4 broken", "bad.pdf").job_id)
    good = str(room.accept("Good words.", "good.txt").job_id)
    with working(room):
        wait_for(ended(room, bad))
        wait_for(ended(room, good))
    job = room.catalogue.jobs.get(bad)
    assert job.error
    assert (job.state, job.error.code, job.attempts) == (JobState.FAILED, "unreadable", 1)
    assert room.catalogue.jobs.get(good).state is JobState.SUCCEEDED


@pytest.mark.parametrize(("failures", "state"), [(1, JobState.SUCCEEDED), (2, JobState.FAILED)])
def test_an_unexpected_error_is_tried_again(room: Room, failures: int, state: JobState) -> None:
    job_id = str(room.accept("Some words.").job_id)
    with working(room, Gate(failures=failures), attempts=2):
        wait_for(ended(room, job_id))
    job = room.catalogue.jobs.get(job_id)
    assert job.state is state
    if state is JobState.FAILED:
        assert job.error
        assert job.error.code == "gave_up"
        assert "the disk is full" in job.error.message
    assert room.complaints() == []


def test_a_job_that_ends_the_service_each_time_is_given_up(room: Room) -> None:
    job_id = str(room.accept("Poison.").job_id)
    for _ in range(10):
        room.catalogue.jobs.start(job_id)
    with working(room, attempts=1):
        wait_for(ended(room, job_id))
    job = room.catalogue.jobs.get(job_id)
    assert job.error
    assert (job.state, job.error.code) == (JobState.FAILED, "gave_up")


def test_another_embedding_model_fails_with_the_way_out(room: Room) -> None:
    room.ingest("Made with one model.")
    job_id = str(room.accept("Made with another.", "other.txt").job_id)
    with working(room, HashingEmbedder(dimensions=32)):
        wait_for(ended(room, job_id))
    job = room.catalogue.jobs.get(job_id)
    assert job.error
    assert job.error.code == "embedding_mismatch"


def test_a_crontab_line_is_checked_and_due(room: Room) -> None:
    ran = threading.Event()
    with working(room) as worker:
        for line in ("30 2 * *", "61 * * * *", "nightly"):
            with pytest.raises(ValueError):
                worker.schedule("wrong", line, ran.set)
        worker.schedule("always", "* * * * *", ran.set)
        for task in worker.huey.read_periodic(None):
            worker.huey.enqueue(task)
        assert ran.wait(WAIT)
