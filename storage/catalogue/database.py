"""The catalogue's connection: transactions, SQLite settings, schema version, clear errors."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

# sqlalchemy loads its ORM at the first query; with two threads at that moment one of them finds
# it half loaded (seen: /health/ready while the embedding model loads), so it is loaded here
import sqlalchemy.orm  # noqa: F401
from sqlalchemy import Connection, create_engine, event, insert, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage.catalogue.tables import SCHEMA_VERSION, metadata, schema_version
from storage.errors import StoreUnavailable

BUSY_SECONDS = 15
"""How long SQLite waits for another process (a backup, `sqlite3` at a prompt) to let go."""

_CURES = (
    ("disk is full", "The disk is full: free some space there, then try again."),
    (
        "disk i/o error",
        "The disk reports an error: check that it is mounted, healthy and not full.",
    ),
    ("locked", "Another program holds the database: close it, then try again."),
    ("readonly", "The database cannot be written: check the permissions of its folder."),
    ("unable to open", "Check that its folder exists and may be written (RAGSTONE_DATA_DIR)."),
    ("not a database", "The file is not an SQLite database: restore it from a backup."),
    ("malformed", "The file is damaged: restore it from a backup."),
    ("connection", "Check that the database server runs and RAGSTONE_DATABASE_URL points at it."),
)


class Database:
    """Opens transactions on the catalogue's SQL database; safe to share between threads."""

    def __init__(self, url: str) -> None:
        """Open `url` (SQLAlchemy's form) and make or check its tables.

        Raises StoreUnavailable when it cannot be opened or has another schema version.
        """
        try:
            parsed = make_url(url)
            self._engine = create_engine(parsed, pool_pre_ping=_is_remote(parsed))
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise StoreUnavailable(
                f"The catalogue's address is not usable ({error}). "
                "Set RAGSTONE_DATABASE_URL to something like sqlite:////path/catalogue.sqlite3."
            ) from error
        self._where = parsed.database or parsed.render_as_string(hide_password=True)
        self._one_writer: Any = nullcontext()
        if parsed.get_backend_name() == "sqlite":
            # SQLite lets one writer in at a time and makes the others sleep up to 100 ms between
            # tries; a lock hands over at once and in turn
            self._one_writer = threading.Lock()
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        try:
            self._ensure_schema()
        except StoreUnavailable:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads: one consistent view, never waits for writers."""
        with self._translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes: all of it is kept, or nothing. Not to be nested."""
        with self._translated(), self._one_writer, self._engine.connect() as connection:
            writer = connection.execution_options(ragstone_writes=True)
            with writer.begin():
                yield writer

    def close(self) -> None:
        """Close every connection; SQLite then folds its write-ahead log into the file."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn a driver's failure into a sentence; broken constraints stay what they are."""
        try:
            yield
        except IntegrityError:
            raise
        except (DBAPIError, PoolTimeout) as error:
            reason = str(error.orig) if isinstance(error, DBAPIError) else str(error)
            cure = next((c for sign, c in _CURES if sign in reason.lower()), "Try again.")
            raise StoreUnavailable(
                f"The catalogue {self._where} does not answer: {reason}. {cure}"
            ) from error

    def _ensure_schema(self) -> None:
        with self.writing() as connection:
            present = set(inspect(connection).get_table_names())
            if schema_version.name in present:
                version = connection.scalar(select(schema_version.c.version))
                self._check_version(version)
            elif present & set(metadata.tables):
                raise StoreUnavailable(
                    f"{self._where} holds tables that are not Ragstone's. "
                    "Point RAGSTONE_DATA_DIR or RAGSTONE_DATABASE_URL at an empty place."
                )
            else:
                metadata.create_all(connection)
                connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))

    def _check_version(self, version: int | None) -> None:
        if version == SCHEMA_VERSION:
            return
        newer = version is not None and version > SCHEMA_VERSION
        cure = (
            "Update Ragstone, or point RAGSTONE_DATA_DIR at another folder."
            if newer
            else "Use the Ragstone that wrote it, or a new RAGSTONE_DATA_DIR and upload again."
        )
        raise StoreUnavailable(
            f"The catalogue {self._where} has schema version {version}; "
            f"this Ragstone reads version {SCHEMA_VERSION}. {cure}"
        )


def _is_remote(url: URL) -> bool:
    return url.get_backend_name() != "sqlite"


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Set a fresh SQLite connection up.

    synchronous=FULL flushes the log at every commit: what was acknowledged survives a power
    cut, not only kill -9 (NORMAL is enough for that). isolation_level=None leaves BEGIN to us.
    """
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        for pragma in (
            f"busy_timeout = {BUSY_SECONDS * 1000}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "cache_size = -16000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Begin; writers take the write lock at once, for a reader that turns writer can be refused."""
    writes = connection.get_execution_options().get("ragstone_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
