"""What the audit asks of the catalogue: documents that are not as they should be."""

from typing import Any

from sqlalchemy import func, or_, select

from storage.catalogue.database import Database
from storage.catalogue.rows import select_documents, to_document
from storage.catalogue.tables import chunks, document_texts, documents, jobs, leftovers
from storage.catalogue.underway import LIVE, OPEN, UNDERWAY
from storage.records import Document, DocumentStatus


class Census:
    """Counts over the whole catalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def incomplete(self) -> list[Document]:
        """Return completed documents without text, without chunks, or with too few of them."""
        stored = (
            select(func.count()).where(chunks.c.document_id == documents.c.id).scalar_subquery()
        )
        text = select(document_texts.c.document_id)
        return self._documents(
            documents.c.status == DocumentStatus.COMPLETED,
            or_(
                stored == 0,
                stored != documents.c.chunks,
                ~text.where(document_texts.c.document_id == documents.c.id).exists(),
            ),
        )

    def stuck(self) -> list[Document]:
        """Return documents under way that no open job works on."""
        job = select(jobs.c.id).where(jobs.c.document_id == documents.c.id, jobs.c.state.in_(OPEN))
        return self._documents(documents.c.status.in_(UNDERWAY), ~job.exists())

    def live(self) -> list[Document]:
        """Return the documents that need their original file: all but the failed ones."""
        return self._documents(documents.c.status.in_(LIVE))

    def hashes(self) -> set[str]:
        """Return the sha256 of every document's bytes, failed ones included."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(documents.c.sha256).distinct()))

    def staged(self, collection_id: str) -> set[str]:
        """Return the chunk ids that may rightly stand in an index before they answer."""
        query = select(leftovers.c.chunk_id).where(leftovers.c.collection_id == collection_id)
        with self._database.reading() as connection:
            return set(connection.scalars(query.where(leftovers.c.staged)))

    def _documents(self, *conditions: Any) -> list[Document]:
        query = select_documents().where(*conditions)
        query = query.order_by(documents.c.created_at, documents.c.id)
        with self._database.reading() as connection:
            return [to_document(row) for row in connection.execute(query).mappings()]
