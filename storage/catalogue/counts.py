"""How many there are of what, for the metrics."""

from sqlalchemy import func, select

from storage.catalogue.database import Database
from storage.catalogue.tables import collections, documents, jobs


class Counts:
    """Numbers over the whole catalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def documents(self) -> dict[tuple[str, str], int]:
        """Return the number of documents by collection name and status."""
        query = (
            select(collections.c.name, documents.c.status, func.count())
            .join(documents, documents.c.collection_id == collections.c.id)
            .group_by(collections.c.name, documents.c.status)
        )
        with self._database.reading() as connection:
            return {(name, str(status)): count for name, status, count in connection.execute(query)}

    def jobs(self) -> dict[str, int]:
        """Return the number of jobs by state."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        with self._database.reading() as connection:
            return {str(state): count for state, count in connection.execute(query)}
