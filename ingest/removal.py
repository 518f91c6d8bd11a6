"""Takes documents away: rows first, then what indexes and disk still hold of them.

Once the rows are gone nothing answers from them; the catalogue remembers what is left to
sweep, so a crash in between leaves work for the next start and no debris.
"""

from collections.abc import Sequence

from ingest.stores import Stores
from storage.sweep import sweep


class Removal:
    """Deletes documents and collections from every place they are in."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def document(self, collection_name: str, document_id: str) -> None:
        """Delete a document: rows, job, chunks, vectors, keyword rows, and its file if unshared.

        Raises UnknownDocument.
        """
        document = self._stores.catalogue.documents.get(collection_name, document_id)
        self._stores.catalogue.documents.delete(document.id)
        self.sweep()
        self.file(document.sha256)

    def collection(self, name: str) -> None:
        """Delete a collection with everything in it. Raises UnknownCollection."""
        collections = self._stores.catalogue.collections
        hashes = collections.hashes(collections.get(name).id)
        collections.delete(name)
        self.sweep()
        for sha256 in hashes:
            self.file(sha256)

    def sweep(self, *, include_staged: bool = False) -> None:
        """Remove from the indexes what the catalogue says is left over.

        `include_staged`: also what a killed process had announced; only while no worker runs.
        """
        stores = self._stores
        sweep(stores.catalogue, stores.vectors, stores.keywords, include_staged)

    def forget(self, collection_id: str, chunk_ids: Sequence[str]) -> None:
        """Remove chunks from both indexes, then from the list of leftovers."""
        self._stores.vectors.delete(collection_id, chunk_ids)
        self._stores.keywords.delete(collection_id, chunk_ids)
        self._stores.catalogue.leftovers.forget(chunk_ids)

    def file(self, sha256: str) -> None:
        """Remove an original that no document has any more."""
        with self._stores.files.in_step:
            if not self._stores.catalogue.documents.uses(sha256):
                self._stores.files.delete(sha256)

    def unused_files(self) -> None:
        """Remove every original that no document has: what a crash left behind."""
        for sha256 in self._stores.files.hashes() - self._stores.catalogue.census.hashes():
            self.file(sha256)
