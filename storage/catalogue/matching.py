"""Which completed documents a filter lets through."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from sqlalchemy import select
from sqlalchemy.engine import Connection

from storage.catalogue.tables import documents
from storage.records import DocumentFilter, DocumentStatus


def matching_documents(
    connection: Connection, collection_id: str, wanted: DocumentFilter
) -> set[str]:
    """Return the ids of the collection's completed documents that fulfil every condition.

    `uploaded_after` includes its moment, `uploaded_before` does not. Names match exactly or
    as shell patterns; ids and patterns are compared here, for SQL limits the length of a list.
    """
    query = select(documents.c.id, documents.c.name, documents.c.media_type).where(
        documents.c.collection_id == collection_id,
        documents.c.status == DocumentStatus.COMPLETED,
    )
    if wanted.uploaded_after is not None:
        query = query.where(documents.c.created_at >= wanted.uploaded_after)
    if wanted.uploaded_before is not None:
        query = query.where(documents.c.created_at < wanted.uploaded_before)
    ids = None if wanted.document_ids is None else frozenset(wanted.document_ids)
    return {
        row.id
        for row in connection.execute(query)
        if (ids is None or row.id in ids)
        and _matches(row.name, wanted.names)
        and _matches(row.media_type, wanted.media_types)
    }


def _matches(value: str, patterns: Sequence[str] | None) -> bool:
    if patterns is None:
        return True
    return any(value == pattern or fnmatchcase(value, pattern) for pattern in patterns)
