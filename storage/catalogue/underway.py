"""Documents on their way: which states those are, and how the way ends early."""

from datetime import UTC, datetime

from sqlalchemy import insert, update
from sqlalchemy.engine import Connection

from storage.catalogue.rows import fault_columns
from storage.catalogue.tables import documents, jobs, leftovers
from storage.records import DocumentStatus, Fault, JobStage, JobState

UNDERWAY = (DocumentStatus.PENDING, DocumentStatus.PROCESSING)
LIVE = (*UNDERWAY, DocumentStatus.COMPLETED)
OPEN = (JobState.QUEUED, JobState.RUNNING)


def fail_underway(connection: Connection, document_id: str, fault: Fault, state: JobState) -> bool:
    """End a document that is under way, its open jobs (as `state`) and its staged chunks.

    Returns False, and changes nothing, when it is not under way.
    """
    columns = fault_columns(fault)
    changed = connection.execute(
        update(documents)
        .where(documents.c.id == document_id, documents.c.status.in_(UNDERWAY))
        .values(status=DocumentStatus.FAILED, **columns)
    )
    if not changed.rowcount:
        return False
    connection.execute(
        update(jobs)
        .where(jobs.c.document_id == document_id, jobs.c.state.in_(OPEN))
        .values(state=state, updated_at=datetime.now(UTC), **columns)
    )
    connection.execute(
        update(leftovers).where(leftovers.c.document_id == document_id).values(staged=False)
    )
    return True


def insert_job(connection: Connection, job_id: str, document_id: str, created_at: datetime) -> None:
    """Queue a job for the document."""
    connection.execute(
        insert(jobs).values(
            id=job_id,
            document_id=document_id,
            state=JobState.QUEUED,
            stage=JobStage.WAITING,
            created_at=created_at,
            updated_at=created_at,
        )
    )
