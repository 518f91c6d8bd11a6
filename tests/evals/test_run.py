import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.client import Client
from evals import corpus
from evals.ask import AskOptions
from evals.dataset import Dataset, load
from evals.errors import ResultError
from evals.records import Case, CaseResult, RunResult
from evals.result_file import by_tag, read, save, to_json
from evals.run import RunOptions, evaluate
from evals.scorers import standard


@pytest.fixture
def data(dataset_folder: Path) -> Dataset:
    return load(str(dataset_folder))


def ask_all(client: Client, data: Dataset, concurrency: int = 1) -> RunResult:
    collection = corpus.ensure(client, data, lambda *_: None)
    options = RunOptions(AskOptions(collection), concurrency)
    return evaluate(client, data, standard(), options, lambda *_: None)


def test_a_run_scores_what_comes_back(client: Client, data: Dataset):
    result = to_json(ask_all(client, data))
    assert result["failures"] == 0
    assert result["metrics"]["hit@1"]["mean"] == 1.0
    assert result["metrics"]["quoted_contains"]["mean"] == 1.0
    assert result["metrics"]["model_contains"]["mean"] == 0.0  # the fake's own words are no use
    assert result["metrics"]["right_abstention"] == {
        "mean": 1.0, "stderr": None, "n": 1, "unscored": 3}  # fmt: skip
    assert result["metrics"]["wrong_abstention"]["mean"] == 0.0
    assert result["metrics"]["total_ms"]["p95"] == 5.0
    assert result["metrics"]["search_ms"]["max"] > 0


def test_a_result_says_what_was_measured(client: Client, data: Dataset):
    result = to_json(ask_all(client, data))
    assert result["dataset_version"] == data.version
    assert result["provenance"]["service"]["model"] == "fake"
    assert result["provenance"]["options"]["concurrency"] == 1
    assert result["provenance"]["options"]["collection"].startswith("eval-tiny-")
    assert result["provenance"]["machine"]["cores"] >= 1
    assert set(result["scorers"]) == {scorer.name for scorer in standard()}


def test_every_case_keeps_its_exchange(client: Client, data: Dataset):
    cases = {case["id"]: case for case in to_json(ask_all(client, data))["cases"]}
    leave = cases["leave"]
    assert leave["exchange"]["answer"] == "There are 28 days of leave a year. [1]"
    assert leave["exchange"]["sources"][0]["cited"]
    assert leave["exchange"]["passages"][0]["document"] == "staff.md"
    assert leave["scores"]["right_abstention"] is None
    assert leave["unscored"]["right_abstention"] == "the case is answerable"
    assert cases["moon"]["exchange"]["abstained"]


def test_a_case_that_crashes_is_a_failure_and_the_rest_goes_on(client: Client, data: Dataset):
    crash = Case("boom", "Will it crash?", answers=("no",))
    result = ask_all(client, replace(data, cases=(crash, *data.cases)))
    failed = result.cases[0]
    assert failed.exchange is None
    assert [(f.where, f.error) for f in failed.failures] == [("ask", "ServiceError")]
    assert "the child died" in failed.failures[0].message
    assert all(not case.failures for case in result.cases[1:])
    summary = to_json(result)
    assert summary["failures"] == 1
    assert summary["metrics"]["mrr"]["unscored"] == 2  # the crash and the unanswerable
    assert summary["metrics"]["mrr"]["mean"] == 1.0  # a crash is no zero


def test_concurrency_keeps_the_order(client: Client, data: Dataset):
    heard: list[tuple[int, int, str]] = []

    def hear(done: int, total: int, case: CaseResult) -> None:
        heard.append((done, total, case.case.id))

    collection = corpus.ensure(client, data, lambda *_: None)
    evaluate(client, data, standard(), RunOptions(AskOptions(collection), 3), hear)
    assert heard == [(1, 4, "leave"), (2, 4, "oil"), (3, 4, "zh"), (4, 4, "moon")]


def test_options_reach_the_service():
    assert AskOptions("c", top_k=3, mode="dense", strategy="s", model="m").query() == {
        "collection": "c", "top_k": 3, "mode": "dense", "strategy": "s", "model": "m"}  # fmt: skip
    assert AskOptions("c").query() == {"collection": "c"}


def test_a_result_is_read_back(client: Client, data: Dataset, tmp_path: Path):
    result = to_json(ask_all(client, data))
    save(result, tmp_path / "deep" / "result.json")
    assert read(tmp_path / "deep" / "result.json") == json.loads(json.dumps(result))
    assert read(tmp_path / "deep")["dataset"] == "tiny"
    assert "年假" in (tmp_path / "deep" / "result.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ["", "[]", '{"format": 0}', "{}"])
def test_what_is_no_result_is_refused(tmp_path: Path, content: str):
    path = tmp_path / "x.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ResultError, match="not the result"):
        read(path)


def test_a_missing_result_is_refused(tmp_path: Path):
    with pytest.raises(ResultError, match="not the result"):
        read(tmp_path / "none.json")


def test_by_tag_leaves_out_what_is_unscored():
    cases = [
        {"tags": ["a"], "scores": {"mrr": 1.0}},
        {"tags": ["a", "b"], "scores": {"mrr": 0.0}},
        {"tags": ["b"], "scores": {"mrr": None}},
        {"tags": ["c"], "scores": {}},
    ]
    assert by_tag(cases, ["mrr"]) == {
        "a": {"cases": 2, "mrr": 0.5},
        "b": {"cases": 2, "mrr": 0.0},
        "c": {"cases": 1, "mrr": None},
    }
