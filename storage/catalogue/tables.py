"""The catalogue's tables, in SQL that SQLite and PostgreSQL both understand.

Times are stored as naive UTC and read back timezone-aware. Vectors are little-endian
float32 bytes beside the chunk they belong to, so that every index can be rebuilt.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)
from sqlalchemy import Boolean as SqlBoolean

SCHEMA_VERSION = 2
"""Raised by one with every change of these tables."""

metadata = MetaData()


class UtcTime(TypeDecorator[datetime]):
    """A point in time; SQLite has no time zones, so UTC is stored without one."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Drop the zone after moving to UTC; a naive time is taken as UTC already."""
        if value is None or value.tzinfo is None:
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Put UTC back."""
        return None if value is None else value.replace(tzinfo=UTC)


def _id() -> Column[str]:
    return Column("id", String(64), primary_key=True)


def _belongs_to(table: str, *, primary_key: bool = False) -> Column[str]:
    return Column(
        f"{table.removesuffix('s')}_id",
        String(64),
        ForeignKey(f"{table}.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


def _json(name: str) -> Column[Any]:
    return Column(name, JSON(none_as_null=True))


schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

collections = Table(
    "collections",
    metadata,
    _id(),
    Column("name", String(64), nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    _json("embedding"),
)

documents = Table(
    "documents",
    metadata,
    _id(),
    _belongs_to("collections"),
    Column("name", Text, nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("completed_at", UtcTime),
    Column("job_id", String(64)),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("pages", Integer),
    Column("chunks", Integer, nullable=False, default=0),
    Column("replaces", String(64)),
)
Index("documents_by_age", documents.c.collection_id, documents.c.created_at, documents.c.id)
Index("documents_by_hash", documents.c.collection_id, documents.c.sha256)
Index("documents_by_content", documents.c.sha256)
Index("documents_by_status", documents.c.collection_id, documents.c.status)
Index(
    # at most one answers under a name: the last line of defence against a second copy
    "documents_one_completed_per_name",
    documents.c.collection_id,
    documents.c.name,
    unique=True,
    sqlite_where=text("status = 'completed'"),
    postgresql_where=text("status = 'completed'"),
)

aliases = Table(
    # names under which a document's bytes came as well
    "aliases",
    metadata,
    _belongs_to("collections", primary_key=True),
    Column("name", Text, primary_key=True),
    _belongs_to("documents"),
)
Index("aliases_of_document", aliases.c.document_id)

document_texts = Table(
    "document_texts",
    metadata,
    _belongs_to("documents", primary_key=True),
    Column("text", Text, nullable=False),
    _json("page_spans"),
)

chunks = Table(
    "chunks",
    metadata,
    _id(),
    _belongs_to("documents"),
    Column("ordinal", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("page", Integer),
    _json("section"),
    Column("vector", LargeBinary, nullable=False),
)
Index("chunks_of_document", chunks.c.document_id, chunks.c.ordinal, unique=True)

leftovers = Table(
    # chunk ids that may stand in an index and must not: no foreign keys, they outlive their rows
    "leftovers",
    metadata,
    Column("chunk_id", String(96), primary_key=True),
    Column("collection_id", String(64), nullable=False),
    Column("document_id", String(64), nullable=False, index=True),
    Column("staged", SqlBoolean, nullable=False, server_default=false()),
)

dropped_collections = Table(
    "dropped_collections",
    metadata,
    _id(),
)

jobs = Table(
    "jobs",
    metadata,
    _id(),
    _belongs_to("documents"),
    Column("state", String(16), nullable=False, index=True),
    Column("stage", String(16), nullable=False),
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("error_code", String(64)),
    Column("error_message", Text),
)
Index("jobs_of_document", jobs.c.document_id)

eval_runs = Table(
    "eval_runs",
    metadata,
    _id(),
    Column("dataset", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0),
    Column("finished_at", UtcTime),
    Column("error_code", String(64)),
    Column("error_message", Text),
    _json("result"),
)
