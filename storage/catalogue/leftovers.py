"""Leftovers: what may stand in an index and must not answer, until it is swept away.

The catalogue and the indexes cannot change in one transaction. So whoever fills an index
writes the chunk ids down first (`stage`); publishing strikes them out in its own transaction;
deleting and replacing write down what went. Whatever is written down after a kill -9 is
removed from the indexes at the next start, and nothing stands there twice or for ever.
"""

from collections.abc import Sequence

from sqlalchemy import delete, select

from storage.catalogue.database import Database
from storage.catalogue.publish import ROWS_AT_ONCE, remember_leftovers
from storage.catalogue.tables import chunks, dropped_collections, leftovers


class Leftovers:
    """The chunk ids and collections that indexes have still to forget."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stage(self, collection_id: str, document_id: str, chunk_ids: Sequence[str]) -> None:
        """Announce chunks that are about to enter the indexes, before they do.

        They are struck out when their document is published, and swept when it fails, is
        cancelled or deleted, or at the next start.
        """
        with self._database.writing() as connection:
            remember_leftovers(connection, collection_id, document_id, list(chunk_ids), staged=True)

    def chunks(self, include_staged: bool = False) -> dict[str, list[str]]:
        """Return the chunk ids to remove, by collection id.

        `include_staged` adds those of documents under way: only right while no worker runs.
        Chunks that answer are never among them.
        """
        query = select(leftovers.c.collection_id, leftovers.c.chunk_id).where(
            ~select(chunks.c.id).where(chunks.c.id == leftovers.c.chunk_id).exists()
        )
        if not include_staged:
            query = query.where(~leftovers.c.staged)
        found: dict[str, list[str]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query):
                found.setdefault(row.collection_id, []).append(row.chunk_id)
        return found

    def collections(self) -> list[str]:
        """Return the ids of deleted collections that the indexes have still to drop."""
        with self._database.reading() as connection:
            return list(connection.scalars(select(dropped_collections.c.id)))

    def forget(self, chunk_ids: Sequence[str]) -> None:
        """Strike out chunks that every index has forgotten."""
        with self._database.writing() as connection:
            for first in range(0, len(chunk_ids), ROWS_AT_ONCE):
                batch = chunk_ids[first : first + ROWS_AT_ONCE]
                connection.execute(delete(leftovers).where(leftovers.c.chunk_id.in_(batch)))

    def forget_collection(self, collection_id: str) -> None:
        """Strike out a collection that every index has dropped."""
        with self._database.writing() as connection:
            connection.execute(
                delete(dropped_collections).where(dropped_collections.c.id == collection_id)
            )
            connection.execute(delete(leftovers).where(leftovers.c.collection_id == collection_id))
