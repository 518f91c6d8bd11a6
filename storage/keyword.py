"""Protocol of a keyword index: derived from the catalogue, incremental, CJK-capable."""

from collections.abc import Collection, Sequence
from typing import Protocol

from storage.records import Chunk, Hit


class KeywordIndex(Protocol):
    """Ranked word search. Implementation: storage.fts5."""

    def add(self, collection_id: str, chunks: Sequence[Chunk]) -> None:
        """Index these chunks in one transaction; a chunk already there is overwritten."""
        ...

    def delete(self, collection_id: str, chunk_ids: Sequence[str]) -> None:
        """Remove these chunks; unknown ids are ignored."""
        ...

    def search(
        self,
        collection_id: str,
        query: str,
        limit: int,
        document_ids: Collection[str] | None = None,
    ) -> list[Hit]:
        """Return up to `limit` best chunks by BM25 (score higher is better), best first."""
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
