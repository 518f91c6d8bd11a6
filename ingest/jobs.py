"""Jobs in the background: huey carries job ids, the catalogue says what is true. Knows huey.

A message that is lost or comes twice does no harm: at its start the worker asks the catalogue
for every unfinished job, and a job that has ended is not run again.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huey import Huey, RedisHuey, SqliteHuey, crontab
from huey.consumer import Consumer

from ingest.errors import IngestCancelled, IngestError
from ingest.pipeline import Pipeline
from ingest.removal import Removal
from storage.catalogue import Catalogue
from storage.errors import EmbeddingMismatch, UnknownDocument, UnknownJob
from storage.records import Fault, Job, JobStage, JobState

log = logging.getLogger("ragstone.jobs")

THREADS = 2
"""One document can be read while another is embedded; more would only share the same cores."""
POLL_SECONDS = 0.25
STOP_SECONDS = 2.0
RESTARTS_PER_ATTEMPT = 10
"""A service that is killed is rarely the document's fault: reading happens in a child of its
own. So a job may be begun again ten times as often as its own errors may repeat."""
LONGEST_DELAY_SECONDS = 300


class Interrupted(Exception):
    """The worker stops; the job stays unfinished and goes on at the next start."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Where the queue lies, and how often a job is tried."""

    folder: Path
    url: str | None = None
    attempts: int = 3


class Worker:
    """Runs jobs in threads of this process."""

    def __init__(self, pipeline: Pipeline, settings: QueueSettings) -> None:
        self._pipeline = pipeline
        self._catalogue = pipeline.stores.catalogue
        self._attempts = settings.attempts
        self._stopping = threading.Event()
        self._known: set[str] = set()
        self._running: set[str] = set()
        self._lock = threading.Lock()
        self._consumer: Consumer | None = None
        self.huey = _open_queue(settings)
        self._task = self.huey.task(name="ingest")(self._work)

    @property
    def alive(self) -> bool:
        """Whether jobs are being run."""
        return self._consumer is not None and not self._stopping.is_set()

    def start(self) -> None:
        """Sweep what a crash left, put every unfinished job into the queue, and begin."""
        removal = Removal(self._pipeline.stores)
        removal.sweep(include_staged=True)
        removal.unused_files()
        self.huey.flush()
        self._known.clear()
        self._stopping.clear()
        self.recover()
        self._consumer = _QuietConsumer(
            self.huey,
            workers=THREADS,
            initial_delay=POLL_SECONDS / 5,
            max_delay=POLL_SECONDS,
            check_worker_health=False,
            shutdown_timeout=STOP_SECONDS,
        )
        self._consumer.start()

    def stop(self) -> None:
        """Stop within two seconds; what was under way goes on at the next start."""
        self._stopping.set()
        if self._consumer is not None:
            self._consumer.stop(graceful=True)
            self._consumer = None
        self._pipeline.readers.close()
        self.huey.storage.close()

    def enqueue(self, job_id: str) -> None:
        """Put a job into the queue; one that is there, or runs, is not put there again."""
        with self._lock:
            if job_id in self._known:
                return
            self._known.add(job_id)
        self._task(job_id)

    def recover(self) -> None:
        """Put every unfinished job into the queue that is not there, as after a repair."""
        for job in self._catalogue.jobs.unfinished():
            self.enqueue(job.id)

    def schedule(self, name: str, cron: str, function: Callable[[], None]) -> None:
        """Call `function` at the times (local time) of a crontab line, in a thread of its own.

        Raises ValueError for a line that is not five crontab fields.
        """
        fields = cron.split()
        if len(fields) != 5:
            raise ValueError(
                f"“{cron}” is not a crontab line: it needs minute, hour, day, month and weekday."
            )

        def begin() -> None:
            threading.Thread(target=function, name=name, daemon=True).start()

        names = ("minute", "hour", "day", "month", "day_of_week")
        due = crontab(**dict(zip(names, fields, strict=True)), strict=True)
        self.huey.periodic_task(due, name=name)(begin)

    def _work(self, job_id: str, failures: int = 0) -> None:
        """Run one job; `failures` counts how often it broke off unexpectedly before."""
        with self._lock:
            if job_id in self._running:
                return
            self._running.add(job_id)
        comes_again = False
        try:
            comes_again = self._run(job_id, failures)
        except Interrupted:
            log.info("job %s interrupted, goes on at the next start", job_id)
        except UnknownJob:
            log.info("job %s is gone with its document", job_id)
        finally:
            with self._lock:
                self._running.discard(job_id)
                if not comes_again:
                    self._known.discard(job_id)

    def _run(self, job_id: str, failures: int) -> bool:
        """Take a job through; return whether it will be tried again."""
        job = self._catalogue.jobs.start(job_id)
        if job.state is not JobState.RUNNING:
            return False
        if job.attempts > self._attempts * RESTARTS_PER_ATTEMPT:
            self._fail(job, _given_up(job.attempts - 1, None))
            return False
        try:
            document = self._catalogue.documents.by_id(job.document_id)
            self._pipeline.ingest(document, JobReporter(self._catalogue, job, self._stopping))
        except (IngestCancelled, UnknownDocument) as error:
            log.info("job %s stopped: %s", job_id, error)
        except IngestError as error:
            self._fail(job, Fault(error.code, str(error)))
        except EmbeddingMismatch as error:
            self._fail(job, Fault("embedding_mismatch", str(error)))
        except Interrupted:
            raise
        except Exception as error:  # a full disk, a lost server, a bug: worth another try
            log.exception("job %s broke off", job_id)
            return self._retry(job, failures + 1, error)
        else:
            self._catalogue.jobs.finish(job_id)
        return False

    def _fail(self, job: Job, fault: Fault) -> None:
        self._catalogue.jobs.fail(job.id, fault, retry=False)
        Removal(self._pipeline.stores).sweep()

    def _retry(self, job: Job, failures: int, error: Exception) -> bool:
        if failures >= self._attempts:
            self._fail(job, _given_up(failures, error))
            return False
        fault = Fault("retrying", f"Attempt {failures} broke off: {error}")
        self._catalogue.jobs.fail(job.id, fault, retry=True)
        delay = min(2**failures, LONGEST_DELAY_SECONDS)
        self._task.schedule(args=(job.id, failures), delay=delay)
        return True


class JobReporter:
    """Writes progress into the catalogue, and ends the work when the job was cancelled."""

    LOOK_SECONDS = 0.5

    def __init__(self, catalogue: Catalogue, job: Job, stopping: threading.Event) -> None:
        self._catalogue = catalogue
        self._job = job
        self._stopping = stopping
        self._looked = 0.0

    def report(self, stage: JobStage, done: int, total: int) -> None:
        """Write how far the job is. Raises as `check` does."""
        self._looked = 0.0
        self.check()
        self._catalogue.jobs.progress(self._job.id, stage, done, total)

    def check(self) -> None:
        """Raise Interrupted when the worker stops, IngestCancelled when the job was cancelled."""
        if self._stopping.is_set():
            raise Interrupted
        now = time.monotonic()
        if now - self._looked < self.LOOK_SECONDS:
            return
        self._looked = now
        if self._catalogue.jobs.cancelled(self._job.id):
            raise IngestCancelled("The job was cancelled, or its document deleted.")


class _QuietConsumer(Consumer):  # type: ignore[misc]  # huey ships no types
    """A consumer that lives in somebody else's process and leaves its signals alone."""

    def _set_signal_handlers(self) -> None:
        pass


def _open_queue(settings: QueueSettings) -> Huey:
    options: dict[str, Any] = {"results": False, "utc": False}
    if settings.url:
        return RedisHuey("ragstone", url=settings.url, **options)
    settings.folder.mkdir(parents=True, exist_ok=True)
    return SqliteHuey("ragstone", filename=str(settings.folder / "queue.sqlite3"), **options)


def _given_up(attempts: int, error: Exception | None) -> Fault:
    why = f": {error}" if error else ", each ended by the end of the service"
    return Fault("gave_up", f"Given up after {attempts} attempts{why}. Upload the document again.")
