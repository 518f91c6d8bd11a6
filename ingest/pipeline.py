"""A document's way, the whole of it.

1. load     the file's text, in a child process                      ingest.readers
2. chunk    along its structure, within the model's window           ingest.chunk
3. embed    each chunk, after the collection agreed to the model     ingest.embed
4. store    announce, fill the indexes, publish in one transaction   storage
5. sweep    what the document replaced goes from indexes and disk    ingest.removal

Every step may run again: ids are made of document and position, indexes overwrite, and
publishing twice leaves one copy. Until step 4 has published, the document it replaces answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingest.chunk import ChunkDraft, ChunkSizes, split
from ingest.embed import Embedder
from ingest.embedding_text import embedding_text
from ingest.errors import EmptyDocument, IngestCancelled
from ingest.loaded import LoadedDocument
from ingest.readers import Readers
from ingest.removal import Removal
from ingest.reporter import Reporter
from ingest.stores import Stores
from storage.errors import UnknownCollection, UnknownDocument
from storage.records import Chunk, Document, DocumentStatus, JobStage, Vectors

EMBEDDED_AT_ONCE = 16
"""Chunks between two reports of progress and looks for a cancel: one to two seconds a core."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The steps with what they need. `sizes` bounds a chunk, the model's window does so too."""

    stores: Stores
    embedder: Embedder
    sizes: ChunkSizes
    readers: Readers

    def ingest(self, document: Document, reporter: Reporter) -> None:
        """Take a document the whole way; one that is published already only has to be swept.

        Raises IngestError, EmbeddingMismatch, StoreUnavailable, and what `reporter` raises.
        """
        removal = Removal(self.stores)
        replaced = self.stores.catalogue.documents.find_by_name(
            document.collection_id, document.name
        )
        if document.status is not DocumentStatus.COMPLETED:
            reporter.report(JobStage.LOADING, 0, 1)
            path = self.stores.files.path(document.sha256)
            loaded = self.readers.read(path, document.media_type, reporter.check)
            reporter.report(JobStage.CHUNKING, 0, 1)
            drafts = self._chunk(loaded)
            vectors = self._embed(document, drafts, reporter)
            reporter.report(JobStage.STORING, 0, 1)
            self._store(document, loaded, drafts, vectors)
        removal.sweep()
        if replaced:
            removal.file(replaced.sha256)

    def _chunk(self, loaded: LoadedDocument) -> list[ChunkDraft]:
        window = self.embedder.identity.max_tokens
        sizes = ChunkSizes(min(self.sizes.max_tokens, window), self.sizes.overlap_tokens)
        drafts = split(loaded, self.embedder.count_tokens, sizes)
        if not drafts:
            raise EmptyDocument("The document has no text in it.")
        return drafts

    def _embed(
        self, document: Document, drafts: Sequence[ChunkDraft], reporter: Reporter
    ) -> Vectors:
        identity, count = self.embedder.identity, self.embedder.count_tokens
        try:
            self.stores.catalogue.collections.set_embedding(document.collection_id, identity)
        except UnknownCollection as error:
            raise IngestCancelled(str(error)) from error
        vectors = np.zeros((len(drafts), identity.dimensions), dtype=np.float32)
        for first in range(0, len(drafts), EMBEDDED_AT_ONCE):
            reporter.report(JobStage.EMBEDDING, first, len(drafts))
            batch = drafts[first : first + EMBEDDED_AT_ONCE]
            texts = [embedding_text(draft, count, identity.max_tokens) for draft in batch]
            found = self.embedder.embed_passages(texts, background=True)
            vectors[first : first + len(batch)] = found
        reporter.report(JobStage.EMBEDDING, len(drafts), len(drafts))
        return vectors

    def _store(
        self,
        document: Document,
        loaded: LoadedDocument,
        drafts: Sequence[ChunkDraft],
        vectors: Vectors,
    ) -> None:
        chunks = [_chunk(document, ordinal, draft) for ordinal, draft in enumerate(drafts)]
        ids = [chunk.id for chunk in chunks]
        collection_id, stores = document.collection_id, self.stores
        stores.catalogue.leftovers.stage(collection_id, document.id, ids)
        stores.vectors.upsert(collection_id, ids, [document.id] * len(ids), vectors)
        stores.keywords.add(collection_id, chunks)
        pages = len(loaded.pages) or None
        try:
            stores.catalogue.documents.publish(
                document.id, loaded.text, loaded.pages, chunks, vectors, pages
            )
        except UnknownDocument as error:  # deleted, cancelled or superseded meanwhile
            Removal(stores).forget(collection_id, ids)
            raise IngestCancelled(str(error)) from error


def _chunk(document: Document, ordinal: int, draft: ChunkDraft) -> Chunk:
    return Chunk(
        id=f"{document.id}-{ordinal:06d}",
        document_id=document.id,
        ordinal=ordinal,
        text=draft.text,
        start=draft.start,
        end=draft.end,
        page=draft.page,
        section=draft.section,
    )
