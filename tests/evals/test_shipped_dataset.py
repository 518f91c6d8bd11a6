"""The shipped dataset is sound: enough of each kind, and every gold quote really stands there."""

from collections import Counter
from contextlib import closing

import pytest

from evals.dataset import Dataset, load
from evals.normalise import holds as holds_tokens
from evals.normalise import squeezed, tokens


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("ragstone")


@pytest.fixture(scope="module")
def texts(data: Dataset) -> dict[str, dict[int | None, str]]:
    """Document name to page number (None: the whole) to text, through the real loaders."""
    from ingest.media_type import detect
    from ingest.readers import Readers

    found: dict[str, dict[int | None, str]] = {}
    with closing(Readers()) as readers:
        for path in data.corpus:
            loaded = readers.read(path, detect(path, path.name))
            found[path.name] = {None: loaded.text} | {
                page.number: loaded.text[page.start : page.end] for page in loaded.pages
            }
    return found


def test_there_is_enough_of_each_kind(data: Dataset):
    unanswerable = [case for case in data.cases if not case.answerable]
    chinese = [case for case in data.cases if case.language == "zh"]
    assert len(data.cases) >= 48
    assert len(unanswerable) >= len(data.cases) / 4
    assert len(chinese) >= 12
    assert any(case.language == "zh" for case in unanswerable)


def test_every_document_is_asked_about(data: Dataset):
    asked = {source.document for case in data.cases for source in case.sources}
    assert asked == {path.name for path in data.corpus}


def test_every_answerable_case_has_an_answer_and_a_quote(data: Dataset):
    for case in data.cases:
        if case.answerable:
            assert case.answers, case.id
            assert all(source.quote for source in case.sources), case.id


def test_every_quote_stands_in_its_document_and_page(
    data: Dataset, texts: dict[str, dict[int | None, str]]
):
    for case in data.cases:
        for source in case.sources:
            assert source.quote
            text = texts[source.document][source.page]
            assert squeezed(source.quote) in squeezed(text), (case.id, source)


def test_some_answer_stands_in_the_document(data: Dataset, texts: dict[str, dict[int | None, str]]):
    for case in data.cases:
        for source in case.sources:
            text = tokens(texts[source.document][source.page])
            assert any(holds_tokens(text, tokens(answer)) for answer in case.answers), case.id


def test_a_quote_stands_in_one_document_only(
    data: Dataset, texts: dict[str, dict[int | None, str]]
):
    for case in data.cases:
        for source in case.sources:
            quote = squeezed(source.quote or "")
            holders = [name for name, pages in texts.items() if quote in squeezed(pages[None])]
            assert holders == [source.document], case.id


def test_questions_are_not_asked_twice(data: Dataset):
    assert max(Counter(case.question for case in data.cases).values()) == 1
