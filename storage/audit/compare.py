"""The audit: looks at the four places and changes nothing.

It may run beside a worker. So an index is read first, then the chunks announced to it, then
those that answer: whatever a worker brings in meanwhile is in one of the later two.
"""

from dataclasses import dataclass, replace

from storage.audit.report import AuditReport, CollectionAudit, IndexAudit, Mention, sentences_of
from storage.catalogue import Catalogue
from storage.errors import StoreUnavailable
from storage.files import FileStore
from storage.keyword import KeywordIndex
from storage.records import Collection
from storage.vectors import VectorIndex

SAMPLE = 50
"""Stored vectors of a collection that must find themselves: some damage to a nearest-neighbour
graph leaves every count right (Chroma's #7758)."""
SURE = 0.999
"""Cosine that a vector has with itself, rounding allowed for."""

Index = VectorIndex | KeywordIndex


def audit(
    catalogue: Catalogue, vectors: VectorIndex, keywords: KeywordIndex, files: FileStore
) -> AuditReport:
    """Compare catalogue, indexes and files.

    Raises StoreUnavailable when the catalogue or the files cannot be read; an index that
    cannot be read is part of the report.
    """
    spaces = _spaces(vectors) | _spaces(keywords)
    collections = catalogue.collections.list()
    with files.in_step:
        stored = files.hashes()
        used = catalogue.census.hashes()
        live = catalogue.census.live()
    look = _Look(catalogue, vectors, keywords)
    report = AuditReport(
        collections=tuple(look.at(collection) for collection in collections),
        files=len(stored),
        stray_collections=tuple(sorted(spaces - {collection.id for collection in collections})),
        incomplete_documents=tuple(map(Mention.of, catalogue.census.incomplete())),
        stuck_documents=tuple(map(Mention.of, catalogue.census.stuck())),
        missing_files=tuple(Mention.of(doc) for doc in live if doc.sha256 not in stored),
        orphan_files=tuple(sorted(stored - used)),
    )
    return replace(report, sentences=sentences_of(report))


@dataclass(frozen=True, slots=True)
class _Look:
    """Looks at one collection after the other."""

    catalogue: Catalogue
    vectors: VectorIndex
    keywords: KeywordIndex

    def at(self, collection: Collection) -> CollectionAudit:
        """Compare the collection's two indexes with its chunks in the catalogue."""
        by_vector = self._compare("vector", self.vectors, collection.id)
        if by_vector.fault is None:
            by_vector = self._find_themselves(collection.id, by_vector)
        return CollectionAudit(
            id=collection.id,
            name=collection.name,
            documents=collection.documents,
            chunks=len(self.catalogue.chunks.ids(collection.id)),
            vectors=by_vector,
            keywords=self._compare("keyword", self.keywords, collection.id),
        )

    def _compare(self, name: str, index: Index, collection_id: str) -> IndexAudit:
        try:
            present = index.ids(collection_id)
            announced = self.catalogue.census.staged(collection_id)
            expected = self.catalogue.chunks.ids(collection_id)
            missing = expected - present
            if missing:  # or published since the index was read
                missing -= index.ids(collection_id)
        except StoreUnavailable as error:
            return IndexAudit(name, fault=str(error))
        extra = present - announced - expected
        return IndexAudit(name, missing=tuple(sorted(missing)), extra=tuple(sorted(extra)))

    def _find_themselves(self, collection_id: str, audited: IndexAudit) -> IndexAudit:
        """Search a sample of stored vectors: each must find one equal to itself."""
        ids = sorted(self.catalogue.chunks.ids(collection_id) - set(audited.missing))
        sample = ids[:: max(1, len(ids) // SAMPLE)][:SAMPLE]
        unreachable = []
        try:
            for chunk_id, vector in self.catalogue.chunks.vectors_of(sample).items():
                hits = self.vectors.search(collection_id, vector, 1)
                if vector.any() and (not hits or hits[0].score < SURE):
                    unreachable.append(chunk_id)
        except StoreUnavailable as error:
            return replace(audited, fault=str(error))
        return replace(audited, unreachable=tuple(unreachable))


def _spaces(index: Index) -> set[str]:
    try:
        return index.collections()
    except StoreUnavailable:  # reported with each collection
        return set()
