"""Jobs: one document's way through ingestion, as the catalogue remembers it."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from storage.catalogue.database import Database
from storage.catalogue.rows import fault_columns, select_jobs, to_job
from storage.catalogue.tables import documents, jobs
from storage.catalogue.underway import OPEN, UNDERWAY, fail_underway, insert_job
from storage.errors import UnknownDocument, UnknownJob
from storage.ids import new_id
from storage.records import DocumentStatus, Fault, Job, JobStage, JobState

JobList = list[Job]  # inside the class `list` is the method
CANCELLED = Fault("cancelled", "The job was cancelled; upload the document again to start anew.")


class Jobs:
    """The jobs of the catalogue; each change of state is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, job_id: str) -> Job:
        """Return a job. Raises UnknownJob (also when its document was deleted)."""
        with self._database.reading() as connection:
            return _job(connection, job_id)

    def unfinished(self) -> JobList:
        """Return the jobs that are queued or were running, oldest first."""
        query = select_jobs().where(jobs.c.state.in_(OPEN))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(jobs.c.created_at, jobs.c.id)).mappings()
            return [to_job(row) for row in rows]

    def add(self, document_id: str) -> Job:
        """Queue a new job for a document under way whose job was lost.

        Raises UnknownDocument when no document of that id is under way.
        """
        job_id, now = new_id(), datetime.now(UTC)
        with self._database.writing() as connection:
            changed = connection.execute(
                update(documents)
                .where(documents.c.id == document_id, documents.c.status.in_(UNDERWAY))
                .values(status=DocumentStatus.PENDING, job_id=job_id)
            )
            if not changed.rowcount:
                raise UnknownDocument(f"No document {document_id[:64]} is under way.")
            insert_job(connection, job_id, document_id, now)
            return _job(connection, job_id)

    def start(self, job_id: str) -> Job:
        """Begin (again) a job that is queued or was interrupted; counts one more attempt.

        A job that has ended is returned as it is: look at `state`. Raises UnknownJob.
        """
        with self._database.writing() as connection:
            job = _job(connection, job_id)
            if job.state not in OPEN:
                return job
            _set_document(connection, job, DocumentStatus.PROCESSING)
            started = {"state": JobState.RUNNING, "stage": JobStage.WAITING, "done": 0, "total": 0}
            return _change(connection, job, **started, attempts=job.attempts + 1)

    def progress(self, job_id: str, stage: JobStage, done: int, total: int) -> None:
        """Write how far a running job is; a job that has ended or is gone is left alone."""
        change = update(jobs).where(jobs.c.id == job_id, jobs.c.state == JobState.RUNNING)
        values = {"stage": stage, "done": done, "total": total, "updated_at": datetime.now(UTC)}
        with self._database.writing() as connection:
            connection.execute(change.values(**values))

    def finish(self, job_id: str) -> Job:
        """Mark an open job succeeded; one that has ended stays as it is. Raises UnknownJob."""
        with self._database.writing() as connection:
            job = _job(connection, job_id)
            if job.state not in OPEN:
                return job
            return _succeed(connection, job)

    def fail(self, job_id: str, fault: Fault, retry: bool) -> Job:
        """Put a job back into the queue (`retry`), or fail it and its document for good.

        A job that has ended stays as it is. Raises UnknownJob.
        """
        with self._database.writing() as connection:
            job = _job(connection, job_id)
            if job.state not in OPEN:
                return job
            if retry:
                _set_document(connection, job, DocumentStatus.PENDING)
                queued = {"state": JobState.QUEUED, "stage": JobStage.WAITING}
                return _change(connection, job, **queued, **fault_columns(fault))
            return _end(connection, job, fault, JobState.FAILED)

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that has not ended; its document fails. Raises UnknownJob.

        A job whose document is published already is past cancelling and succeeds.
        """
        with self._database.writing() as connection:
            job = _job(connection, job_id)
            if job.state not in OPEN:
                return job
            return _end(connection, job, CANCELLED, JobState.CANCELLED)

    def cancelled(self, job_id: str) -> bool:
        """Return whether work on the job should stop: it was cancelled, or is gone."""
        with self._database.reading() as connection:
            state = connection.scalar(select(jobs.c.state).where(jobs.c.id == job_id))
        return state is None or state == JobState.CANCELLED

    def list(self, state: JobState | None = None, limit: int = 50) -> JobList:
        """Return up to `limit` jobs, newest first."""
        query = select_jobs().order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(jobs.c.state == state)
        with self._database.reading() as connection:
            return [to_job(row) for row in connection.execute(query).mappings()]


def _job(connection: Connection, job_id: str) -> Job:
    row = connection.execute(select_jobs().where(jobs.c.id == job_id)).mappings().one_or_none()
    if row is None:
        raise UnknownJob(f"There is no job {job_id[:64]}; its document may have been deleted.")
    return to_job(row)


def _change(connection: Connection, job: Job, **values: Any) -> Job:
    connection.execute(
        update(jobs).where(jobs.c.id == job.id).values(updated_at=datetime.now(UTC), **values)
    )
    return _job(connection, job.id)


def _succeed(connection: Connection, job: Job) -> Job:
    ended = {"state": JobState.SUCCEEDED, "stage": JobStage.DONE}
    return _change(connection, job, **ended, done=job.total, **fault_columns(None))


def _end(connection: Connection, job: Job, fault: Fault, state: JobState) -> Job:
    if not fail_underway(connection, job.document_id, fault, state):
        return _succeed(connection, job)
    return _job(connection, job.id)


def _set_document(connection: Connection, job: Job, status: DocumentStatus) -> None:
    """Move a document that is under way; a completed one is not taken back."""
    connection.execute(
        update(documents)
        .where(
            documents.c.id == job.document_id,
            documents.c.status.in_(UNDERWAY),
        )
        .values(status=status)
    )
