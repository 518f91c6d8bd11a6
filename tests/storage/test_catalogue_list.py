from datetime import UTC, datetime, timedelta

import pytest

from storage.catalogue import Catalogue
from storage.errors import (
    InvalidCursor,
    UnknownCollection,
    UnknownDocument,
)
from storage.records import (
    Collection,
    DocumentFilter,
    DocumentStatus,
)
from tests.fixtures.store import (
    add_document,
    completed_document,
)


def test_a_document_is_only_seen_in_its_own_collection(catalogue: Catalogue) -> None:
    catalogue.collections.create("other")
    document = add_document(catalogue)
    with pytest.raises(UnknownDocument):
        catalogue.documents.get("other", document.id)
    assert catalogue.documents.list("other") == ([], None)
    with pytest.raises(UnknownCollection):
        catalogue.documents.list("nowhere")


def test_pages_of_the_list_hold_every_document_once(catalogue: Catalogue) -> None:
    added = [add_document(catalogue, f"{n}.txt", f"text {n}").id for n in range(7)]
    seen, cursor = [], None
    while True:
        page, cursor = catalogue.documents.list("default", limit=3, cursor=cursor)
        seen += [document.id for document in page]
        assert len(page) <= 3
        if cursor is None:
            break
    assert seen == added


def test_a_full_last_page_has_no_cursor(catalogue: Catalogue) -> None:
    for n in range(4):
        add_document(catalogue, f"{n}.txt", f"text {n}")
    _, cursor = catalogue.documents.list("default", limit=2)
    page, last = catalogue.documents.list("default", limit=2, cursor=cursor)
    assert (len(page), last) == (2, None)


@pytest.mark.parametrize("cursor", ["", "x", "!!", "bm90IGEgZGF0ZXxpZA", "é", "//8"])
def test_an_invented_cursor_is_refused(catalogue: Catalogue, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        catalogue.documents.list("default", cursor=cursor)


def test_the_list_can_be_of_one_status(catalogue: Catalogue) -> None:
    done = completed_document(catalogue, "done.txt", "done")
    waiting = add_document(catalogue, "waiting.txt", "waiting")
    assert catalogue.documents.list("default", DocumentStatus.COMPLETED)[0] == [done]
    assert catalogue.documents.list("default", DocumentStatus.PENDING)[0] == [waiting]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (DocumentFilter(), {"a.pdf", "b[1].txt", "说明.pdf"}),
        (DocumentFilter(names=["*.pdf"]), {"a.pdf", "说明.pdf"}),
        (DocumentFilter(names=["b[1].txt"]), {"b[1].txt"}),
        (DocumentFilter(names=["说*", "a.pdf"]), {"a.pdf", "说明.pdf"}),
        (DocumentFilter(names=[]), set()),
        (DocumentFilter(media_types=["text/plain"]), {"a.pdf", "b[1].txt", "说明.pdf"}),
        (DocumentFilter(media_types=["image/*"]), set()),
        (DocumentFilter(document_ids=["nobody"]), set()),
        (DocumentFilter(uploaded_after=datetime(2100, 1, 1, tzinfo=UTC)), set()),
        (
            DocumentFilter(uploaded_before=datetime(2100, 1, 1, tzinfo=UTC), names=["a*"]),
            {"a.pdf"},
        ),
    ],
)
def test_a_filter_lets_through_what_fulfils_every_condition(
    catalogue: Catalogue, collection: Collection, wanted: DocumentFilter, names: set[str]
) -> None:
    for name in ("a.pdf", "b[1].txt", "说明.pdf"):
        completed_document(catalogue, name, name)
    add_document(catalogue, "c.pdf", "not completed")
    ids = catalogue.documents.matching(collection.id, wanted)
    assert {catalogue.documents.by_id(i).name for i in ids} == names


def test_dates_of_a_filter_include_the_first_moment_and_exclude_the_last(
    catalogue: Catalogue, collection: Collection
) -> None:
    document = completed_document(catalogue)
    moment = document.created_at
    matching = catalogue.documents.matching
    assert matching(collection.id, DocumentFilter(uploaded_after=moment)) == {document.id}
    assert matching(collection.id, DocumentFilter(uploaded_before=moment)) == set()
    later = moment + timedelta(microseconds=1)
    assert matching(collection.id, DocumentFilter(uploaded_before=later)) == {document.id}
    assert matching(collection.id, DocumentFilter(uploaded_after=later)) == set()
