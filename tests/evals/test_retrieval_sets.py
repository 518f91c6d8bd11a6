import gzip
import json
from pathlib import Path

import pytest

from app.client import Client
from evals.errors import DatasetError, EvalError
from evals.retrieval_run import RetrievalOptions, retrieval_run
from evals.retrieval_sets import fill, load, rank_documents, score, twins, write_run
from evals.terminal import Quiet
from tests.evals.fake_service import Shelf

DOCUMENTS = [
    {"id": "a/1", "title": "Bees", "text": "honey is made by bees"},
    {"id": "b", "title": "", "text": "wax burns"},
    {"id": "twin", "text": "wax burns"},
    {"id": "c", "title": "Ants", "text": "ants walk"},
]
QUERIES = [
    {"id": "q1", "text": "bees honey"},
    {"id": "q2", "text": "wax"},
    {"id": "not judged", "text": "ants"},
]
QRELS = "query_id\tdoc_id\tscore\nq1\ta/1\t1\nq2\ttwin\t2\nq2\tc\t0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "insects"
    found.mkdir()
    for name, rows in (("corpus", DOCUMENTS), ("queries", QUERIES)):
        with gzip.open(found / f"{name}.jsonl.gz", "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in rows)
    (found / "qrels.tsv").write_text(QRELS, encoding="utf-8")
    return found


def test_loads_title_and_text_and_judged_queries(folder: Path):
    data = load(folder)
    assert data.name == "insects"
    assert data.documents["a/1"] == "Bees\n\nhoney is made by bees"
    assert data.documents["twin"] == "wax burns"
    assert list(data.queries) == ["q1", "q2"]
    assert data.judgements["q2"] == {"twin": 2.0, "c": 0.0}


@pytest.mark.parametrize("missing", ["corpus.jsonl.gz", "queries.jsonl.gz", "qrels.tsv"])
def test_a_missing_file_is_named(folder: Path, missing: str):
    (folder / missing).unlink()
    with pytest.raises(DatasetError, match=missing):
        load(folder)


@pytest.mark.parametrize("content", ["wrong\theader\n1\t2\n", "query_id\tdoc_id\tscore\nq\td\tx\n"])
def test_malformed_judgements_are_refused(folder: Path, content: str):
    (folder / "qrels.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match="no retrieval set"):
        load(folder)


def test_no_judged_query_is_refused(folder: Path):
    (folder / "qrels.tsv").write_text("query_id\tdoc_id\tscore\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="no query with a judgement"):
        load(folder)


def test_equal_texts_are_twins():
    assert twins({"a": "x", "b": "y", "c": "x"}) == {"a": ["a", "c"], "b": ["b"]}


def test_a_document_scores_as_its_best_passage():
    passages = [
        {"document_name": "b.txt", "score": 0.4},
        {"document_name": "a%2F1.txt", "score": 0.9},
        {"document_name": "b.txt", "score": 0.95},
        {"document_name": "c.txt", "score": 0.4},
    ]
    assert rank_documents(passages) == [("b", 0.95), ("a/1", 0.9), ("c", 0.4)]


def test_ties_keep_the_order_of_the_passages():
    passages = [{"document_name": f"{n}.txt", "score": 1.0} for n in "zma"]
    assert [doc for doc, _ in rank_documents(passages)] == ["z", "m", "a"]


def test_scores_are_means_over_queries():
    run = {"q1": [("a", 1.0)], "q2": [("x", 1.0), ("b", 0.5)]}
    found = score(run, {"q1": {"a": 1.0}, "q2": {"b": 1.0, "gone": 1.0}})
    assert found["MRR"].mean == pytest.approx(0.75)
    assert found["R@100"].mean == pytest.approx(0.75)
    assert found["nDCG@10"].n == 2
    assert found["MRR"].stderr == pytest.approx(0.25)


def test_run_files_are_trec_and_without_ties(tmp_path: Path):
    write_run({"q1": [("a", 0.5), ("b", 0.5)]}, "ragstone-dense", tmp_path / "out" / "r.trec")
    assert (tmp_path / "out" / "r.trec").read_text(encoding="utf-8").splitlines() == [
        "q1 Q0 a 1 2 ragstone-dense",
        "q1 Q0 b 2 1 ragstone-dense",
    ]


def test_only_missing_documents_are_uploaded(client: Client, shelf: Shelf, folder: Path):
    data = load(folder)
    fill(client, "c", data.documents, lambda *_: None)
    assert set(shelf.collections["c"]) == {"a%2F1.txt", "b.txt", "c.txt"}  # the twin needs no copy
    assert shelf.uploads == 1
    fill(client, "c", data.documents, lambda *_: None)
    assert shelf.uploads == 1


def test_a_whole_evaluation_over_http(url: str, shelf: Shelf, folder: Path, tmp_path: Path):
    options = RetrievalOptions(folder, ("dense", "keyword"), tmp_path / "run.trec", url)
    found = retrieval_run(options, Quiet())
    assert found["dense"]["nDCG@10"].mean == pytest.approx((1 + 0.6309) / 2, abs=1e-4)
    assert found["keyword"]["R@100"].mean == 1.0
    lines = (tmp_path / "run.dense.trec").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("q1 Q0 a/1 1 ")
    assert [line.split()[2] for line in lines if line.startswith("q2")] == ["b", "twin"]
    assert (tmp_path / "run.keyword.trec").exists()
    assert shelf.collections == {}  # thrown away


def test_the_collection_can_be_kept(url: str, shelf: Shelf, folder: Path):
    retrieval_run(RetrievalOptions(folder, ("hybrid",), None, url, keep=True), Quiet())
    assert list(shelf.collections) == ["eval-retrieval-insects"]


def test_the_collection_goes_when_a_search_fails(url: str, shelf: Shelf, folder: Path):
    shelf.unreadable = "b.txt"
    with pytest.raises(EvalError, match="could not be taken in"):
        retrieval_run(RetrievalOptions(folder, ("dense",), None, url), Quiet())
    assert shelf.collections == {}


def test_unknown_modes_are_refused_before_any_work(folder: Path):
    with pytest.raises(EvalError, match="dense, keyword, hybrid"):
        retrieval_run(RetrievalOptions(folder, ("sparse",)), Quiet())
