"""A vector index in memory: exact, for tests and for collections that need not last."""

import threading
from collections.abc import Collection, Sequence

import numpy as np

from storage.records import Hit, Vector, Vectors


class MemoryIndex:
    """Exact cosine search over vectors held in memory; safe to share between threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._vectors: dict[str, dict[str, tuple[str, Vector]]] = {}

    def upsert(
        self,
        collection_id: str,
        chunk_ids: Sequence[str],
        document_ids: Sequence[str],
        vectors: Vectors,
    ) -> None:
        """Add or overwrite vectors; `vectors` has one row per chunk id."""
        entries = zip(chunk_ids, document_ids, vectors, strict=True)
        with self._guard:
            space = self._vectors.setdefault(collection_id, {})
            for chunk_id, document_id, vector in entries:
                space[chunk_id] = (document_id, np.array(vector, dtype=np.float32))

    def delete(self, collection_id: str, chunk_ids: Sequence[str]) -> None:
        """Remove these chunks; unknown ids are ignored."""
        with self._guard:
            space = self._vectors.get(collection_id, {})
            for chunk_id in chunk_ids:
                space.pop(chunk_id, None)

    def search(
        self,
        collection_id: str,
        vector: Vector,
        limit: int,
        document_ids: Collection[str] | None = None,
    ) -> list[Hit]:
        """Return up to `limit` nearest chunks, score = cosine similarity, best first."""
        wanted = None if document_ids is None else frozenset(document_ids)
        with self._guard:
            entries = [
                (chunk_id, row)
                for chunk_id, (document_id, row) in self._vectors.get(collection_id, {}).items()
                if wanted is None or document_id in wanted
            ]
        if not entries or limit < 1:
            return []
        ids = [chunk_id for chunk_id, _ in entries]
        scores = cosine(np.stack([row for _, row in entries]), vector)
        best = sorted(zip(-scores, ids, strict=True))[:limit]
        return [Hit(chunk_id, -float(negative)) for negative, chunk_id in best]

    def ids(self, collection_id: str) -> set[str]:
        """Return all chunk ids of the collection, for the audit."""
        with self._guard:
            return set(self._vectors.get(collection_id, {}))

    def drop(self, collection_id: str) -> None:
        """Forget the collection; one that is unknown is ignored."""
        with self._guard:
            self._vectors.pop(collection_id, None)

    def collections(self) -> set[str]:
        """Return the ids of the collections that hold anything, for the audit."""
        with self._guard:
            return {collection_id for collection_id, space in self._vectors.items() if space}

    def close(self) -> None:
        """Nothing to close."""


def cosine(rows: Vectors, vector: Vector) -> Vector:
    """Return the cosine similarity of every row with the vector, shape (rows,)."""
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(vector)
    scores: Vector = (rows @ vector) / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scores
