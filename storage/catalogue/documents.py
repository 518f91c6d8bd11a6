"""Documents: taken in, published whole, replaced in one step, deleted with all they brought."""

import unicodedata
from collections.abc import Sequence

from sqlalchemy import select, tuple_

from storage.catalogue.aliases import remember_alias
from storage.catalogue.cursor import decode_cursor, encode_cursor
from storage.catalogue.database import Database
from storage.catalogue.intake import (
    Upload,
    insert_document,
    lock_collection,
    same_bytes,
    same_bytes_elsewhere,
    supersede,
)
from storage.catalogue.matching import matching_documents
from storage.catalogue.publish import Publication, publish, withdraw
from storage.catalogue.rows import select_documents, to_document
from storage.catalogue.tables import collections, documents
from storage.catalogue.underway import fail_underway
from storage.errors import DuplicateDocument, UnknownCollection, UnknownDocument
from storage.records import (
    Chunk,
    Collection,
    Document,
    DocumentFilter,
    DocumentStatus,
    Fault,
    JobState,
    PageSpan,
    Vectors,
)

DocumentPage = tuple[list[Document], str | None]  # inside the class `list` is the method
ChunkIds = list[str]


class Documents:
    """The documents of the catalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        collection: Collection,
        name: str,
        media_type: str,
        size_bytes: int,
        sha256: str,
        status: DocumentStatus = DocumentStatus.PENDING,
        error: Fault | None = None,
        replaces: str | None = None,
    ) -> Document:
        """Take a document in; a pending one gets its job in the same transaction.

        Uploads of one collection are let in one at a time, so two that race with the same
        bytes never both get in: the second raises DuplicateDocument, which holds the first.
        A pending document of the same name with other bytes is given up (fault `superseded`):
        the newest upload wins. Bytes that came under several names are kept as long as one of
        the names has no newer ones. `replaces` is found by the name where it is not given.
        Raises UnknownCollection when the collection was deleted meanwhile.
        """
        upload = Upload(name, media_type, size_bytes, sha256, status, error, replaces)
        with self._database.writing() as connection:
            lock_collection(connection, collection)
            duplicate = None
            if status is DocumentStatus.PENDING:
                duplicate = same_bytes_elsewhere(connection, collection.id, upload)
                if duplicate is None or duplicate.name == name:
                    supersede(connection, collection.id, name, keep=duplicate)
                else:
                    remember_alias(connection, duplicate, name)
            if duplicate is None:
                return insert_document(connection, collection, upload)
        # raised after the transaction, so that what was superseded stays so
        raise DuplicateDocument(duplicate)

    def get(self, collection_name: str, document_id: str) -> Document:
        """Return a document of that collection. Raises UnknownDocument."""
        document = self._one(document_id)
        collection_name = unicodedata.normalize("NFC", collection_name)
        if document is None or document.collection != collection_name:
            raise UnknownDocument(
                f"There is no document {document_id[:64]} in collection “{collection_name}”."
            )
        return document

    def by_id(self, document_id: str) -> Document:
        """Return a document of whatever collection. Raises UnknownDocument."""
        document = self._one(document_id)
        if document is None:
            raise UnknownDocument(f"There is no document {document_id[:64]}.")
        return document

    def find_by_hash(self, collection_id: str, sha256: str) -> Document | None:
        """Return the live document with these bytes: completed, pending or being processed.

        One that a pending upload is about to replace does not count: its bytes will be gone.
        """
        with self._database.reading() as connection:
            return same_bytes(connection, collection_id, sha256)

    def find_by_name(self, collection_id: str, name: str) -> Document | None:
        """Return the completed document of that name, None where there is none."""
        query = select_documents().where(
            documents.c.collection_id == collection_id,
            documents.c.name == name,
            documents.c.status == DocumentStatus.COMPLETED,
        )
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return to_document(row) if row else None

    def matching(self, collection_id: str, wanted: DocumentFilter) -> set[str]:
        """Return the ids of the completed documents that fulfil every condition."""
        with self._database.reading() as connection:
            return matching_documents(connection, collection_id, wanted)

    def uses(self, sha256: str) -> int:
        """Return how many documents, failed ones included, hold these bytes."""
        with self._database.reading() as connection:
            query = select(documents.c.id).where(documents.c.sha256 == sha256)
            return len(connection.scalars(query).all())

    def fail(self, document_id: str, fault: Fault) -> None:
        """Mark a document failed, and its open job with it; a completed one stays as it is.

        Raises UnknownDocument.
        """
        with self._database.writing() as connection:
            if not fail_underway(connection, document_id, fault, JobState.FAILED):
                query = select(documents.c.id).where(documents.c.id == document_id)
                if connection.scalar(query) is None:
                    raise UnknownDocument(f"There is no document {document_id[:64]}.")

    def delete(self, document_id: str) -> ChunkIds:
        """Delete a document with its text, chunks and jobs; return the ids of its chunks.

        The ids are remembered until `storage.sweep` has removed them from the indexes too.
        Raises UnknownDocument.
        """
        with self._database.writing() as connection:
            document = connection.execute(
                select_documents().where(documents.c.id == document_id)
            ).one_or_none()
            if document is None:
                raise UnknownDocument(f"There is no document {document_id[:64]}.")
            return withdraw(connection, document_id, document.collection_id)

    def publish(
        self,
        document_id: str,
        text: str,
        pages: Sequence[PageSpan],
        chunks: Sequence[Chunk],
        vectors: Vectors,
        page_count: int | None,
    ) -> ChunkIds:
        """Make a document answer, and the one it replaces go, in one transaction.

        Writes text, page spans and chunks with their vectors, shape (len(chunks), dimensions).
        Publishing the same document again (after a crash) leaves what the last call said.
        Returns the ids of the chunks that no longer answer, for the indexes.
        Raises UnknownDocument when it was deleted, cancelled or superseded meanwhile, and
        EmbeddingMismatch when the vectors have other dimensions than the collection's.
        """
        publication = Publication(text, tuple(pages), tuple(chunks), vectors, page_count)
        publication.check(document_id)
        with self._database.writing() as connection:
            return publish(connection, document_id, publication)

    def list(
        self,
        collection_name: str,
        status: DocumentStatus | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> DocumentPage:
        """Return up to `limit` documents in order of upload, and the cursor of the next page.

        Raises UnknownCollection, or InvalidCursor.
        """
        collection_name = unicodedata.normalize("NFC", collection_name)
        query = select_documents().where(collections.c.name == collection_name)
        if status is not None:
            query = query.where(documents.c.status == status)
        if cursor is not None:
            query = query.where(
                tuple_(documents.c.created_at, documents.c.id) > decode_cursor(cursor)
            )
        query = query.order_by(documents.c.created_at, documents.c.id).limit(limit + 1)
        with self._database.reading() as connection:
            known = select(collections.c.id).where(collections.c.name == collection_name)
            if connection.scalar(known) is None:
                raise UnknownCollection(f"There is no collection named “{collection_name}”.")
            found = [to_document(row) for row in connection.execute(query).mappings()]
        page = found[:limit]
        more = len(found) > limit
        return page, encode_cursor(page[-1].created_at, page[-1].id) if more and page else None

    def _one(self, document_id: str) -> Document | None:
        with self._database.reading() as connection:
            query = select_documents().where(documents.c.id == document_id)
            row = connection.execute(query).mappings().one_or_none()
        return to_document(row) if row else None
