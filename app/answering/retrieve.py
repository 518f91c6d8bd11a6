"""Question to passages: word search and embedding search side by side, fused, filtered."""

from collections.abc import Collection as Group
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from app.answering.dedupe import drop_near_duplicates
from app.answering.errors import UnknownStrategy
from app.answering.fuse import FUSIONS, Rankings, weights_for
from app.answering.records import Dropped
from app.answering.words import is_cjk
from ingest.embed import Embedder
from storage.catalogue import Catalogue
from storage.errors import EmbeddingMismatch
from storage.keyword import KeywordIndex
from storage.records import Collection, DocumentFilter, Hit, Passage, StoredChunk, Vector
from storage.vectors import VectorIndex

MODES = ("hybrid", "dense", "keyword")
DEPTH = 50
"""Hits asked of each index at least: fusion needs more than are shown."""
SPARE = 2
"""Passages read for each one shown, so that near-duplicates can be dropped."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Passages best first, what was left out, and the question's vector where one was made."""

    passages: tuple[Passage, ...]
    dropped: tuple[Dropped, ...] = ()
    vector: Vector | None = None


class Retriever:
    """Searches one collection. Blocking: call it from a thread."""

    def __init__(
        self,
        catalogue: Catalogue,
        vectors: VectorIndex,
        keywords: KeywordIndex,
        embedder: Embedder,
        fusion: str = "convex",
    ) -> None:
        self._catalogue = catalogue
        self._vectors = vectors
        self._keywords = keywords
        self._embedder = embedder
        self._fuse = FUSIONS[fusion]
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="keyword-search")

    def search(
        self,
        collection: str,
        query: str,
        top_k: int,
        mode: str | None = None,
        filters: DocumentFilter | None = None,
    ) -> list[Passage]:
        """Return up to `top_k` passages, best first.

        Raises:
            UnknownCollection: no collection of that name.
            UnknownStrategy: no search mode of that name.
            EmbeddingMismatch: the collection was filled by another embedding model.
        """
        return list(self.retrieve(collection, query, top_k, mode, filters).passages)

    def retrieve(
        self,
        collection: str,
        query: str,
        top_k: int,
        mode: str | None = None,
        filters: DocumentFilter | None = None,
    ) -> Retrieved:
        """Do as `search` does, and say what was dropped."""
        mode = mode or MODES[0]
        if mode not in MODES:
            raise UnknownStrategy(f"No search mode {mode!r}; known: {', '.join(MODES)}.")
        space = self._catalogue.collections.get(collection)
        if mode != "keyword":
            self._check_embedding(space)
        within = self._catalogue.documents.matching(space.id, filters) if filters else None
        if within is not None and not within:
            return Retrieved(())
        rankings, vector = self._rank(space.id, query, max(DEPTH, SPARE * top_k), mode, within)
        weights = weights_for(is_cjk(query), self._embedder.identity.languages)
        fused = self._fuse(rankings, weights)[: SPARE * top_k + 4]
        found = self._passages(fused, rankings)
        unique = drop_near_duplicates(found)
        shown = unique.kept[:top_k]
        return Retrieved(tuple(shown), _dropped(shown, unique.repeated), vector)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _rank(
        self, space: str, query: str, limit: int, mode: str, within: Group[str] | None
    ) -> tuple[Rankings, Vector | None]:
        """Ask both indexes at once; the embedding runs here, the word search in a thread."""
        rankings: dict[str, list[Hit]] = {}
        vector = None
        by_word = None
        if mode != "dense":
            by_word = self._threads.submit(self._keywords.search, space, query, limit, within)
        if mode != "keyword":
            vector = self._embedder.embed_query(query)
            rankings["dense"] = self._vectors.search(space, vector, limit, within)
        if by_word is not None:
            rankings["keyword"] = by_word.result()
        return rankings, vector

    def _passages(self, hits: Sequence[Hit], rankings: Rankings) -> list[Passage]:
        stored = self._catalogue.chunks.passages([hit.chunk_id for hit in hits])
        ranks = {
            name: {hit.chunk_id: rank for rank, hit in enumerate(found, start=1)}
            for name, found in rankings.items()
        }
        cosines = {hit.chunk_id: hit.score for hit in rankings.get("dense", ())}
        return [
            replace(
                _passage(stored[hit.chunk_id], hit.score),
                ranks={name: at[hit.chunk_id] for name, at in ranks.items() if hit.chunk_id in at},
                similarity=cosines.get(hit.chunk_id),
            )
            for hit in hits
            if hit.chunk_id in stored
        ]

    def _check_embedding(self, space: Collection) -> None:
        ours = self._embedder.identity
        theirs = space.embedding
        if theirs is not None and theirs.content_hash != ours.content_hash:
            raise EmbeddingMismatch(
                f"Collection {space.name} was embedded with {theirs.model}, the service runs "
                f"{ours.model}. Set RAGSTONE_EMBEDDING_MODEL back, or search with mode keyword."
            )


def _passage(stored: StoredChunk, score: float) -> Passage:
    document = stored.document
    return Passage(
        chunk=stored.chunk,
        document_name=document.name,
        media_type=document.media_type,
        uploaded_at=document.created_at,
        score=score,
    )


def _dropped(
    shown: Sequence[Passage], repeated: Sequence[tuple[Passage, str]]
) -> tuple[Dropped, ...]:
    """Say of each passage left out as a repetition which source it repeats."""
    number = {passage.chunk.id: n for n, passage in enumerate(shown, start=1)}
    return tuple(
        Dropped(f"a passage of {passage.document_name} repeats this source", number[original])
        for passage, original in repeated
        if original in number
    )
