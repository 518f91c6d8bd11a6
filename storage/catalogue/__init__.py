"""The catalogue: the truth about collections, documents, chunks, jobs and evaluation runs."""

from storage.catalogue.census import Census
from storage.catalogue.chunks import Chunks
from storage.catalogue.collections import DEFAULT_COLLECTION, Collections
from storage.catalogue.counts import Counts
from storage.catalogue.database import Database
from storage.catalogue.documents import Documents
from storage.catalogue.eval_runs import EvalRuns
from storage.catalogue.jobs import Jobs
from storage.catalogue.leftovers import Leftovers

__all__ = ["DEFAULT_COLLECTION", "Catalogue"]


class Catalogue:
    """One SQL database, safe to share between threads; the indexes are derived from it.

    Every method of its parts may raise StoreUnavailable besides what it names.
    """

    def __init__(self, url: str) -> None:
        """Open the database at SQLAlchemy's `url`, for example sqlite:////data/catalogue.sqlite3.

        Makes its tables and the collection `default` where they are missing. Raises
        StoreUnavailable when it cannot be opened or another version of Ragstone wrote it.
        """
        self._database = Database(url)
        self.collections = Collections(self._database)
        self.documents = Documents(self._database)
        self.chunks = Chunks(self._database)
        self.jobs = Jobs(self._database)
        self.leftovers = Leftovers(self._database)
        self.census = Census(self._database)
        self.eval_runs = EvalRuns(self._database)
        self.counts = Counts(self._database)
        self.collections.ensure(DEFAULT_COLLECTION)

    def close(self) -> None:
        """Close every connection; the catalogue is not to be used afterwards."""
        self._database.close()
