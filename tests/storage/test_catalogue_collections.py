import threading
import unicodedata

import pytest

from storage.catalogue import DEFAULT_COLLECTION, Catalogue
from storage.errors import (
    CollectionExists,
    EmbeddingMismatch,
    InvalidName,
    UnknownCollection,
    UnknownDocument,
    UnknownJob,
)
from storage.records import Collection, EmbeddingIdentity
from tests.fixtures.store import add_document, completed_document

MINI = EmbeddingIdentity("mini", 8, "a" * 64, 256, ("en",))


def test_the_default_collection_is_there_from_the_start_and_made_once(
    catalogue: Catalogue, catalogue_url: str
) -> None:
    first = catalogue.collections.get(DEFAULT_COLLECTION)
    again = Catalogue(catalogue_url)
    assert again.collections.list() == [first]
    again.close()


def test_a_collection_is_made_read_and_listed_by_name(catalogue: Catalogue) -> None:
    made = catalogue.collections.create("手册", "Manuals")
    assert catalogue.collections.get("手册") == made
    assert (made.description, made.embedding, made.documents) == ("Manuals", None, 0)
    assert [c.name for c in catalogue.collections.list()] == ["default", "手册"]
    with pytest.raises(CollectionExists, match="手册"):
        catalogue.collections.create("手册")


def test_composed_and_decomposed_accents_are_one_name(catalogue: Catalogue) -> None:
    catalogue.collections.create(unicodedata.normalize("NFD", "café"))
    found = catalogue.collections.get(unicodedata.normalize("NFC", "café"))
    decomposed = unicodedata.normalize("NFD", "café")
    assert found == catalogue.collections.get(decomposed)
    document = add_document(catalogue, collection=decomposed)
    assert catalogue.documents.get(decomposed, document.id) == document
    assert catalogue.documents.list(decomposed)[0] == [document]


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "-a", "_a", ".", "../a", "a/b", "a" * 64, "a\n", "a\0", "😀", "a%"]
)
def test_a_name_that_breaks_the_rules_is_refused(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(InvalidName, match="1 to 63"):
        catalogue.collections.create(name)


@pytest.mark.parametrize("name", ["a", "9", "A.b-c_d", "a" * 63, "知识库-1", "Übung"])
def test_a_name_that_keeps_them_is_taken(catalogue: Catalogue, name: str) -> None:
    assert catalogue.collections.create(name).name == name


def test_only_completed_documents_are_counted(catalogue: Catalogue) -> None:
    completed_document(catalogue)
    add_document(catalogue, "pending.txt", "pending")
    assert catalogue.collections.get("default").documents == 1
    assert [c.documents for c in catalogue.collections.list()] == [1]


def test_deleting_takes_everything_along_and_remembers_the_indexes(catalogue: Catalogue) -> None:
    made = catalogue.collections.create("doomed")
    done = completed_document(catalogue, collection="doomed")
    waiting = add_document(catalogue, "waiting.txt", "waiting", "doomed")
    other = completed_document(catalogue)
    assert catalogue.collections.hashes(made.id) == {done.sha256, waiting.sha256}
    assert catalogue.collections.delete("doomed").id == made.id
    with pytest.raises(UnknownCollection):
        catalogue.collections.get("doomed")
    for document in (done, waiting):
        with pytest.raises(UnknownDocument):
            catalogue.documents.by_id(document.id)
        with pytest.raises(UnknownJob):
            catalogue.jobs.get(str(document.job_id))
    assert catalogue.chunks.passages([f"{done.id}-0"]) == {}
    assert catalogue.leftovers.collections() == [made.id]
    assert catalogue.documents.by_id(other.id) == other
    with pytest.raises(UnknownCollection):
        catalogue.collections.delete("doomed")


def test_a_document_cannot_be_added_to_a_deleted_collection(catalogue: Catalogue) -> None:
    made = catalogue.collections.create("doomed")
    catalogue.collections.delete("doomed")
    with pytest.raises(UnknownCollection, match="meanwhile"):
        catalogue.documents.add(made, "a.txt", "text/plain", 1, "0" * 64)
    with pytest.raises(UnknownCollection):
        catalogue.collections.set_embedding(made.id, MINI)


def test_the_embedding_model_is_remembered(catalogue: Catalogue, collection: Collection) -> None:
    catalogue.collections.set_embedding(collection.id, MINI)
    catalogue.collections.set_embedding(collection.id, MINI)
    assert catalogue.collections.get("default").embedding == MINI
    moved = EmbeddingIdentity("/models/mini", 8, MINI.content_hash, 256)
    catalogue.collections.set_embedding(collection.id, moved)
    assert catalogue.collections.get("default").embedding == MINI


@pytest.mark.parametrize(
    "other",
    [EmbeddingIdentity("mini", 8, "b" * 64, 256), EmbeddingIdentity("mini", 9, "a" * 64, 256)],
)
def test_another_embedding_model_is_refused_with_both_names(
    catalogue: Catalogue, collection: Collection, other: EmbeddingIdentity
) -> None:
    catalogue.collections.set_embedding(collection.id, MINI)
    with pytest.raises(EmbeddingMismatch) as refused:
        catalogue.collections.set_embedding(collection.id, other)
    for part in ("default", "mini", other.content_hash[:12], "RAGSTONE_EMBEDDING_MODEL"):
        assert part in str(refused.value)
    assert catalogue.collections.get("default").embedding == MINI


def test_racing_threads_make_a_name_once(catalogue: Catalogue) -> None:
    outcomes: list[str] = []
    together = threading.Barrier(6)

    def make() -> None:
        together.wait()
        try:
            outcomes.append(catalogue.collections.create("race").id)
        except CollectionExists:
            outcomes.append("exists")

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("exists") == 5
