"""Puts right what the audit found, from the catalogue: nothing is embedded again."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from storage.audit.compare import audit
from storage.audit.report import AuditReport, IndexAudit
from storage.catalogue import Catalogue
from storage.files import FileStore
from storage.keyword import KeywordIndex
from storage.records import Chunk, Vector
from storage.sweep import sweep
from storage.vectors import VectorIndex

CHUNKS_AT_ONCE = 500


def repair(
    catalogue: Catalogue, vectors: VectorIndex, keywords: KeywordIndex, files: FileStore
) -> AuditReport:
    """Audit, put right what can be, and return the audit of what is left.

    Fills the indexes from stored texts and vectors, removes what no document owns, queues
    lost jobs anew (the worker finds them at its next start). Originals that are gone and
    documents that lost their text stay in the report. Raises StoreUnavailable.
    """
    sweep(catalogue, vectors, keywords)
    report = audit(catalogue, vectors, keywords, files)
    if report.ok:
        return report
    for collection_id in report.stray_collections:
        vectors.drop(collection_id)
        keywords.drop(collection_id)
    for collection in report.collections:
        _repair_vectors(catalogue, vectors, collection.id, collection.vectors)
        _repair_keywords(catalogue, keywords, collection.id, collection.keywords)
    for document in report.stuck_documents:
        catalogue.jobs.add(document.id)
    with files.in_step:
        for sha256 in set(report.orphan_files) - catalogue.census.hashes():
            files.delete(sha256)
    return audit(catalogue, vectors, keywords, files)


def _repair_vectors(
    catalogue: Catalogue, vectors: VectorIndex, collection_id: str, found: IndexAudit
) -> None:
    """Add what is missing and remove what is extra; an index that does not work is made anew."""
    anew = bool(found.fault or found.unreachable)
    if anew:
        vectors.drop(collection_id)
    elif found.extra:
        vectors.delete(collection_id, found.extra)
    for batch in _batches(catalogue, collection_id, found, anew=anew):
        vectors.upsert(
            collection_id,
            [chunk.id for chunk, _ in batch],
            [chunk.document_id for chunk, _ in batch],
            np.stack([vector for _, vector in batch]),
        )


def _repair_keywords(
    catalogue: Catalogue, keywords: KeywordIndex, collection_id: str, found: IndexAudit
) -> None:
    """Do the same for the keyword index."""
    anew = found.fault is not None
    if anew:
        keywords.drop(collection_id)
    elif found.extra:
        keywords.delete(collection_id, found.extra)
    for batch in _batches(catalogue, collection_id, found, anew=anew):
        keywords.add(collection_id, [chunk for chunk, _ in batch])


def _batches(
    catalogue: Catalogue, collection_id: str, found: IndexAudit, *, anew: bool
) -> Iterator[list[tuple[Chunk, Vector]]]:
    """Yield the missing chunks (or all) with their stored vectors, some hundreds at a time."""
    if not (anew or found.missing):
        return
    missing = frozenset(found.missing)
    stored = catalogue.chunks.vectors(collection_id)
    chosen = (pair for pair in stored if anew or pair[0].id in missing)
    while batch := list(islice(chosen, CHUNKS_AT_ONCE)):
        yield batch
