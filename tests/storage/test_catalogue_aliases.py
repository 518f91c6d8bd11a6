"""The same bytes under several names: kept once, and kept as long as one name needs them."""

import pytest

from storage.catalogue import Catalogue
from storage.errors import DuplicateDocument
from storage.records import Collection, Document, DocumentStatus
from tests.fixtures.store import publish_document

X, Y, Z = (letter * 64 for letter in "abc")


@pytest.fixture
def default(catalogue: Catalogue) -> Collection:
    return catalogue.collections.get("default")


def send(catalogue: Catalogue, default: Collection, name: str, sha256: str) -> Document:
    try:
        return catalogue.documents.add(default, name, "text/plain", 1, sha256)
    except DuplicateDocument as duplicate:
        return duplicate.document


def names(catalogue: Catalogue) -> dict[str, str]:
    found, _ = catalogue.documents.list("default", limit=50)
    return {d.name: d.sha256 for d in found if d.status is not DocumentStatus.FAILED}


def test_new_bytes_for_the_first_name_leave_the_second_its_own(
    catalogue: Catalogue, default: Collection
) -> None:
    first = send(catalogue, default, "a.txt", X)
    publish_document(catalogue, first, "old words")
    assert send(catalogue, default, "b.txt", X).id == first.id
    newer = send(catalogue, default, "a.txt", Y)
    publish_document(catalogue, newer, "new words")
    assert names(catalogue) == {"a.txt": Y, "b.txt": X}
    assert catalogue.documents.by_id(first.id).chunks == 1


def test_the_same_while_the_first_is_still_under_way(
    catalogue: Catalogue, default: Collection
) -> None:
    first = send(catalogue, default, "a.txt", X)
    assert send(catalogue, default, "b.txt", X).id == first.id
    send(catalogue, default, "a.txt", Y)
    assert names(catalogue) == {"a.txt": Y, "b.txt": X}


def test_new_bytes_for_the_second_name_touch_only_that(
    catalogue: Catalogue, default: Collection
) -> None:
    first = send(catalogue, default, "a.txt", X)
    publish_document(catalogue, first, "old words")
    send(catalogue, default, "b.txt", X)
    publish_document(catalogue, send(catalogue, default, "b.txt", Z), "other words")
    assert names(catalogue) == {"a.txt": X, "b.txt": Z}
    publish_document(catalogue, send(catalogue, default, "a.txt", Y), "new words")
    assert names(catalogue) == {"a.txt": Y, "b.txt": Z}, "nothing needs the first bytes any more"


def test_known_bytes_still_replace_the_document_whose_name_they_take(
    catalogue: Catalogue, default: Collection
) -> None:
    publish_document(catalogue, send(catalogue, default, "a.txt", X), "some words")
    publish_document(catalogue, send(catalogue, default, "b.txt", Z), "other words")
    moved = send(catalogue, default, "b.txt", X)
    publish_document(catalogue, moved, "some words")
    assert names(catalogue) == {"a.txt": X, "b.txt": X}
    assert send(catalogue, default, "b.txt", X).id == moved.id


def test_a_deleted_document_takes_its_further_names_along(
    catalogue: Catalogue, default: Collection
) -> None:
    first = send(catalogue, default, "a.txt", X)
    publish_document(catalogue, first, "old words")
    send(catalogue, default, "b.txt", X)
    catalogue.documents.delete(first.id)
    assert names(catalogue) == {}
    assert send(catalogue, default, "b.txt", X).status is DocumentStatus.PENDING
