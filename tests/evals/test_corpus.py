from pathlib import Path

import pytest

from app.client import Client
from evals.corpus import collection_of, documents, ensure
from evals.dataset import load
from evals.errors import CorpusError
from tests.evals.fake_service import Shelf


def test_documents_are_loaded_once(client: Client, shelf: Shelf, dataset_folder: Path):
    data = load(str(dataset_folder))
    heard: list[tuple[int, int]] = []
    name = ensure(client, data, lambda done, total: heard.append((done, total)))
    assert name == collection_of(data) == f"eval-tiny-{data.corpus_version[:8]}"
    assert sorted(shelf.collections[name]) == ["mill.md", "staff.md", "zh.md"]
    assert heard[-1] == (3, 3)
    assert shelf.uploads == 1
    assert ensure(client, data, lambda *_: None) == name
    assert shelf.uploads == 1


def test_only_missing_documents_are_sent(client: Client, shelf: Shelf, dataset_folder: Path):
    data = load(str(dataset_folder))
    shelf.collections[collection_of(data)] = {"mill.md": "kept"}
    name = ensure(client, data, lambda *_: None)
    assert shelf.collections[name]["mill.md"] == "kept"
    assert len(shelf.collections[name]) == 3


def test_other_documents_make_another_collection(client: Client, dataset_folder: Path):
    first = ensure(client, load(str(dataset_folder)), lambda *_: None)
    (dataset_folder / "corpus" / "mill.md").write_text("new", encoding="utf-8")
    assert ensure(client, load(str(dataset_folder)), lambda *_: None) != first


def test_a_document_that_fails_ends_the_run(client: Client, shelf: Shelf, dataset_folder: Path):
    shelf.unreadable = "staff.md"
    with pytest.raises(CorpusError, match=r"staff\.md could not be taken in: It is damaged"):
        ensure(client, load(str(dataset_folder)), lambda *_: None)


def test_documents_follow_the_cursor(client: Client, shelf: Shelf):
    shelf.collections["many"] = {f"{n}.md": "x" for n in range(5)}
    assert [d["name"] for d in documents(client, "many")] == [f"{n}.md" for n in range(5)]
