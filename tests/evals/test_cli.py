import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.result_file import save
from tests.evals.conftest import write_cases
from tests.evals.fake_service import Shelf
from tests.evals.made import result

runner = CliRunner()
CHECKOUT = Path(__file__).resolve().parents[2]


def test_run_writes_result_and_report(url: str, dataset_folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    ran = runner.invoke(
        app, ["run", "--dataset", str(dataset_folder), "--url", url, "--out", str(out)]
    )
    assert ran.exit_code == 0, ran.output
    assert "quoted_contains" in ran.stdout
    assert "documents" in ran.stderr
    assert json.loads((out / "result.json").read_text(encoding="utf-8"))["dataset"] == "tiny"
    assert "年假" in (out / "report.html").read_text(encoding="utf-8")


def test_run_has_a_folder_of_its_own_by_default(
    url: str, dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert (
        runner.invoke(app, ["run", "--dataset", str(dataset_folder), "--url", url]).exit_code == 0
    )
    (found,) = (tmp_path / "eval-results").iterdir()
    assert found.name.startswith("tiny-20")
    assert {path.name for path in found.iterdir()} == {"result.json", "report.html"}


def test_run_prints_json_only(url: str, dataset_folder: Path):
    ran = runner.invoke(app, ["run", "--dataset", str(dataset_folder), "--url", url, "--json"])
    assert json.loads(ran.stdout)["metrics"]["mrr"]["mean"] == 1.0


def test_a_failed_case_is_exit_code_1_and_the_result_is_there(
    url: str, dataset_folder: Path, tmp_path: Path
):
    write_cases(dataset_folder / "cases.jsonl", [
        {"id": "boom", "question": "crash?", "answers": ["x"]}])  # fmt: skip
    ran = runner.invoke(
        app, ["run", "--dataset", str(dataset_folder), "--url", url, "--out", str(tmp_path / "o")]
    )
    assert ran.exit_code == 1
    assert "1 cases had a failure" in ran.stderr
    assert (tmp_path / "o" / "result.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--dataset", "none-such"], "neither a shipped dataset"),
        (["run", "--url", "http://127.0.0.1:1"], "no Ragstone service"),
        (["compare", "none.json", "none.json"], "not the result"),
        (["retrieval", "none-such"], "no retrieval set"),
        (["report", "none.json"], "not the result"),
    ],
)
def test_errors_are_a_sentence_and_exit_code_2(arguments: list[str], message: str):
    ran = runner.invoke(app, arguments)
    assert ran.exit_code == 2
    assert message in ran.stderr
    assert "Traceback" not in ran.output


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """A run, and one that is worse by 0.25 in mrr."""
    save(result({"a": {"mrr": 1.0}, "b": {"mrr": 0.5}}), tmp_path / "before.json")
    save(result({"a": {"mrr": 0.5}, "b": {"mrr": 0.5}}), tmp_path / "after.json")
    return str(tmp_path / "before.json"), str(tmp_path / "after.json")


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ([], 1),  # over the default limit
        (["--max-drop", "mrr=0.25"], 0),
        (["--max-drop", "mrr=0.24"], 1),
        (["--max-drop", "mrr=40%"], 0),
        (["--max-drop", "mrr"], 2),
        (["--max-drop", "none=1"], 2),
    ],
)
def test_compare_exits_by_its_limits(two: tuple[str, str], flags: list[str], code: int):
    ran = runner.invoke(app, ["compare", *two, *flags])
    assert ran.exit_code == code, ran.output
    assert ("worse than allowed: mrr" in ran.stderr) is (code == 1)


def test_compare_prints_json(two: tuple[str, str]):
    ran = runner.invoke(app, ["compare", *two, "--json"])
    found = json.loads(ran.stdout)
    assert found["regressed"] == ["mrr"]
    assert found["differences"][0]["change"] == -0.25


def test_different_datasets_are_compared_only_when_told(two: tuple[str, str], tmp_path: Path):
    save(result({"a": {"mrr": 1.0}}, dataset="other"), tmp_path / "other.json")
    arguments = ["compare", two[0], str(tmp_path / "other.json")]
    ran = runner.invoke(app, arguments)
    assert ran.exit_code == 2
    assert "different datasets" in ran.stderr
    assert runner.invoke(app, [*arguments, "--other-dataset"]).exit_code == 0


def test_report_is_written_beside_the_result(tmp_path: Path):
    save(result({"a": {"mrr": 1.0}}), tmp_path / "result.json")
    ran = runner.invoke(app, ["report", str(tmp_path)])
    assert ran.stdout.strip() == str(tmp_path / "report.html")
    assert "What is a?" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_datasets_are_listed():
    assert runner.invoke(app, ["datasets"]).stdout.startswith("ragstone ")
    (row,) = json.loads(runner.invoke(app, ["datasets", "--json"]).stdout)
    assert row["unanswerable"] >= row["cases"] / 4


def test_json_progress_as_the_service_reads_it(url: str, dataset_folder: Path, shelf: Shelf):
    command = [sys.executable, "-m", "evals", "run", "--json-progress", "--url", url]
    ran = subprocess.run(
        [*command, "--dataset", str(dataset_folder)],
        cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    progress = [(e["done"], e["total"]) for e in events if e["event"] == "progress"]
    assert progress == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert events[-1]["event"] == "result"
    assert events[-1]["result"]["failures"] == 0


def test_json_progress_tells_errors_too():
    ran = runner.invoke(app, ["run", "--dataset", "none-such", "--json-progress"])
    assert ran.exit_code == 2
    assert json.loads(ran.stdout)["event"] == "error"
