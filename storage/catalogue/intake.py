"""How a document gets in: one upload at a time, no bytes twice, the newest name wins."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from storage.catalogue.aliases import lives_on
from storage.catalogue.rows import fault_columns, select_documents, to_document
from storage.catalogue.tables import collections, documents
from storage.catalogue.underway import LIVE, UNDERWAY, fail_underway, insert_job
from storage.errors import UnknownCollection
from storage.ids import new_id
from storage.records import Collection, Document, DocumentStatus, Fault, JobState

SUPERSEDED = Fault(
    "superseded", "A newer upload of the same name took this one's place before it was ready."
)


@dataclass(frozen=True, slots=True)
class Upload:
    """What is known of a document when it is taken in."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    status: DocumentStatus
    error: Fault | None
    replaces: str | None


def lock_collection(connection: Connection, collection: Collection) -> None:
    """Hold the collection's row, so that its uploads come one at a time (PostgreSQL too)."""
    query = select(collections.c.id).where(collections.c.id == collection.id).with_for_update()
    if connection.scalar(query) is None:
        raise UnknownCollection(f"Collection “{collection.name}” has been deleted meanwhile.")


def same_bytes(
    connection: Connection, collection_id: str, sha256: str, name: str | None = None
) -> Document | None:
    """Return the live document of these bytes that no upload under way replaces.

    The one of that `name` comes first, then the oldest.

    An upload under the same `name` is no threat to it: `add` gives that one up.
    """
    rival = documents.alias()
    replaced = select(rival.c.id).where(
        rival.c.collection_id == collection_id,
        rival.c.name == documents.c.name,
        rival.c.id != documents.c.id,
        rival.c.status.in_(UNDERWAY),
        rival.c.sha256 != sha256,
    )
    if name is not None:
        replaced = replaced.where(rival.c.name != name)
    query = select_documents().where(
        documents.c.collection_id == collection_id,
        documents.c.sha256 == sha256,
        documents.c.status.in_(LIVE),
        ~replaced.exists(),
    )
    query = query.order_by(documents.c.name != (name or ""), documents.c.created_at, documents.c.id)
    row = connection.execute(query.limit(1)).mappings().one_or_none()
    return to_document(row) if row else None


def same_bytes_elsewhere(
    connection: Connection, collection_id: str, upload: Upload
) -> Document | None:
    """Return the live document that makes this upload a duplicate, None where it is none.

    Bytes that are there under another name are still needed under this one where the name
    belongs to a document of other bytes, which they are to replace.
    """
    found = same_bytes(connection, collection_id, upload.sha256, upload.name)
    if found is None or found.name == upload.name:
        return found
    taken = select(documents.c.id).where(
        documents.c.collection_id == collection_id,
        documents.c.name == upload.name,
        documents.c.status.in_(LIVE),
        documents.c.sha256 != upload.sha256,
    )
    return found if connection.scalar(taken.limit(1)) is None else None


def supersede(connection: Connection, collection_id: str, name: str, keep: Document | None) -> None:
    """Give up the uploads under way of that name, but for `keep`."""
    query = select(documents.c.id).where(
        documents.c.collection_id == collection_id,
        documents.c.name == name,
        documents.c.status.in_(UNDERWAY),
    )
    for document_id in connection.scalars(query).all():
        if (keep is None or document_id != keep.id) and not lives_on(connection, document_id):
            fail_underway(connection, document_id, SUPERSEDED, JobState.CANCELLED)


def insert_document(connection: Connection, collection: Collection, upload: Upload) -> Document:
    """Write the document, and its job where it is pending."""
    now = datetime.now(UTC)
    document_id = new_id()
    pending = upload.status is DocumentStatus.PENDING
    job_id = new_id() if pending else None
    replaces = upload.replaces
    if pending and replaces is None:
        replaces = connection.scalar(
            select(documents.c.id).where(
                documents.c.collection_id == collection.id,
                documents.c.name == upload.name,
                documents.c.status == DocumentStatus.COMPLETED,
            )
        )
    row = {
        "id": document_id,
        "collection_id": collection.id,
        "name": upload.name,
        "media_type": upload.media_type,
        "size_bytes": upload.size_bytes,
        "sha256": upload.sha256,
        "status": upload.status,
        "created_at": now,
        "job_id": job_id,
        "replaces": replaces,
        **fault_columns(upload.error),
    }
    connection.execute(insert(documents).values(row))
    if job_id is not None:
        insert_job(connection, job_id, document_id, now)
    query = select_documents().where(documents.c.id == document_id)
    return to_document(connection.execute(query).mappings().one())
