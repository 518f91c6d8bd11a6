"""Protocol of a vector index: derived from the catalogue, one space per collection."""

from collections.abc import Collection, Sequence
from typing import Protocol

from storage.records import Hit, Vector, Vectors


class VectorIndex(Protocol):
    """Nearest neighbours by cosine. Implementations: storage.chroma, storage.memory."""

    def upsert(
        self,
        collection_id: str,
        chunk_ids: Sequence[str],
        document_ids: Sequence[str],
        vectors: Vectors,
    ) -> None:
        """Add or overwrite vectors; `vectors` has one row per chunk id."""
        ...

    def delete(self, collection_id: str, chunk_ids: Sequence[str]) -> None:
        """Remove these chunks; unknown ids are ignored."""
        ...

    def search(
        self,
        collection_id: str,
        vector: Vector,
        limit: int,
        document_ids: Collection[str] | None = None,
    ) -> list[Hit]:
        """Return up to `limit` nearest chunks, score = cosine similarity, best first.

        `document_ids` restricts the search to those documents.
        """
        ...

    def ids(self, collection_id: str) -> set[str]:
        """Return all chunk ids of the collection, for the audit."""
        ...

    def drop(self, collection_id: str) -> None:
        """Forget the collection; one that is unknown is ignored."""
        ...

    def collections(self) -> set[str]:
        """Return the ids of the collections that stand here, for the audit."""
        ...

    def close(self) -> None:
        """Let go of files and connections; the index is not to be used afterwards."""
        ...
