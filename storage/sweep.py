"""Removes from the indexes what the catalogue says must not answer."""

from storage.catalogue import Catalogue
from storage.keyword import KeywordIndex
from storage.vectors import VectorIndex


def sweep(
    catalogue: Catalogue,
    vectors: VectorIndex,
    keywords: KeywordIndex,
    include_staged: bool = False,
) -> int:
    """Remove deleted, replaced and given-up chunks from both indexes; return how many.

    Call it after a document or collection was deleted, replaced, failed or cancelled. At
    start, before any worker runs, call it with `include_staged`: then chunks of documents
    that a killed process was indexing go too, and collections that the catalogue never knew.
    Interrupted, it is simply called again. Raises StoreUnavailable.
    """
    gone = set(catalogue.leftovers.collections())
    if include_staged:
        spaces = vectors.collections() | keywords.collections()
        gone |= spaces - {collection.id for collection in catalogue.collections.list()}
    for collection_id in gone:
        vectors.drop(collection_id)
        keywords.drop(collection_id)
        catalogue.leftovers.forget_collection(collection_id)
    removed = 0
    for collection_id, chunk_ids in catalogue.leftovers.chunks(include_staged).items():
        vectors.delete(collection_id, chunk_ids)
        keywords.delete(collection_id, chunk_ids)
        catalogue.leftovers.forget(chunk_ids)
        removed += len(chunk_ids)
    return removed
