"""The command line against the whole service over real HTTP: real stores, fake models."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app import cli
from app.answering.errors import BackendFailed
from app.answering.fake_chat import Broken
from app.client import Client, ServiceError
from tests.app.conftest import HANDBOOK, LEAVE

ROOT = Path(__file__).resolve().parent.parent.parent


def test_help_lists_every_command_and_starts_fast():
    started = time.monotonic()
    shown = subprocess.run(
        [sys.executable, "-m", "app", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for word in (
        *("serve", "backend", "worker", "add", "ask", "search", "docs", "rm"),
        *("collections", "jobs", "eval", "doctor", "config"),
    ):
        assert f" {word} " in shown.stdout
    assert time.monotonic() - started < 10  # 0.25 s on a quiet machine


@pytest.mark.parametrize(
    "command",
    [
        ("ask", "why?"),
        ("search", "x"),
        ("docs",),
        ("rm", "x"),
        ("jobs",),
        ("jobs", "follow", "x"),
        ("collections",),
        ("doctor", "--port", "9"),
    ],
)
def test_without_a_service_each_command_says_how_to_start_one(run, monkeypatch, command):
    monkeypatch.setenv("RAGSTONE_PORT", "9")
    code, out, error = run(*command)
    assert (code, out) == (1, "")
    assert "no Ragstone service at http://127.0.0.1:9: start one with `make run`" in error


def test_errors_are_json_too_for_programs(run):
    code, out, error = run("docs", "--port", "9", "--json")
    assert code == 1
    assert json.loads(out)["error"]["code"] == "service_unavailable"
    assert "no Ragstone service" in error


def test_add_uploads_waits_and_says_what_became_of_each(ragstone, handbook, tmp_path):
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("# Travel\n\nTrains are booked by the front desk.\n")
    (folder / "sub" / "empty.txt").write_text("")
    (folder / "sub" / "copy.txt").write_text(HANDBOOK)
    (folder / ".hidden.txt").write_text("not meant")

    code, out, _ = ragstone("add", "-c", handbook, str(folder))
    assert code == 1
    lines = out.splitlines()
    assert any(line.startswith("✓ a.md") for line in lines)
    assert any(line.startswith("✗ empty.txt") and "(empty)" in line for line in lines)
    assert any(line.startswith("= ") and "same bytes" in line for line in lines)
    assert ".hidden" not in out


def test_add_as_json_has_a_document_for_each_file(ragstone, handbook, tmp_path):
    (tmp_path / "b.md").write_text("# Keys\n\nThe key cabinet stands in hall 2.\n")
    code, out, _ = ragstone("add", "-c", handbook, "--json", str(tmp_path / "*.md"))
    assert code == 0
    (document,) = json.loads(out)
    assert (document["name"], document["status"]) == ("b.md", "completed")


def test_add_without_waiting_names_the_job(ragstone, handbook, tmp_path):
    (tmp_path / "c.md").write_text("# Doors\n\nThe gate closes at nine.\n")
    code, out, _ = ragstone("add", "-c", handbook, "--no-wait", "--json", str(tmp_path / "c.md"))
    assert code == 0
    job_id = json.loads(out)[0]["job_id"]
    code, out, _ = ragstone("jobs", "follow", job_id, "--json")
    assert code == 0
    assert json.loads(out.splitlines()[-1])["state"] == "succeeded"


def test_add_of_a_missing_file_uploads_nothing(ragstone, handbook, tmp_path):
    code, _, error = ragstone("add", "-c", handbook, str(tmp_path / "handbook.txt"), "gone.pdf")
    assert code == 2
    assert "there is no file gone.pdf; nothing was added" in error


def test_ask_streams_then_shows_verdicts_and_sources(ragstone, handbook):
    code, out, _ = ragstone("ask", "-c", handbook, *LEAVE.split())
    assert code == 0
    assert "25 days" in out
    assert "[1] handbook.txt" in out
    assert "“Full-time employees receive 25 days of annual leave per year.”" in out
    assert "supported" in out


def test_ask_reads_the_question_from_standard_input(ragstone, handbook):
    code, out, _ = ragstone("ask", "-c", handbook, "--json", stdin=f"{LEAVE}\n")
    assert code == 0
    assert json.loads(out)["question"] == LEAVE


def test_ask_without_a_question_is_wrong_use(ragstone):
    code, _, error = ragstone("ask", stdin="")
    assert code == 2
    assert "ask something" in error


def test_ask_what_is_not_there_shows_the_closest_passages(ragstone, handbook):
    code, out, _ = ragstone("ask", "-c", handbook, "Who won the 1998 World Cup?")
    assert code == 0
    assert "Closest passages:" in out
    assert "no model was asked" in out
    code, out, _ = ragstone("ask", "-c", handbook, LEAVE, "--document", "*.pdf")
    assert code == 0
    assert "No passage that was searched" in out
    assert "Closest passages:" not in out


def test_ask_of_a_model_that_breaks_off_fails_with_its_sentence(ragstone, handbook, chat):
    chat.replies.append(Broken("25", BackendFailed("the model child died")))
    code, _, error = ragstone("ask", "-c", handbook, LEAVE)
    assert code == 1
    assert "the model child died" in error


def test_a_filter_limits_what_is_asked(ragstone, handbook):
    code, out, _ = ragstone("search", "-c", handbook, "--json", "leave", "--document", "*.pdf")
    assert (code, json.loads(out)) == (0, [])
    code, out, _ = ragstone("search", "-c", handbook, "--json", "leave", "--after", "2020-01-01")
    assert json.loads(out)[0]["document_name"] == "handbook.txt"
    code, _, error = ragstone("search", "-c", handbook, "leave", "--after", "yesterday")
    assert code == 2
    assert "is no date" in error


def test_search_shows_passages(ragstone, handbook):
    code, out, _ = ragstone("search", "-c", handbook, "annual", "leave", "--mode", "keyword")
    assert code == 0
    assert "handbook.txt" in out
    assert "25 days" in out


def test_docs_and_rm(ragstone, handbook):
    code, out, _ = ragstone("docs", "-c", handbook)
    assert code == 0
    assert "handbook.txt" in out
    assert "completed" in out
    code, _, error = ragstone("rm", "-c", handbook, "handbook.txt", "nothing")
    assert code == 1
    assert "has no document nothing" in error
    assert "Nothing was removed" in error
    code, out, _ = ragstone("rm", "-c", handbook, "handbook.txt")
    assert code == 0
    assert out.startswith("removed handbook.txt")
    code, out, _ = ragstone("docs", "-c", handbook)
    assert "holds no documents" in out


def test_an_unknown_collection_is_named(ragstone):
    code, _, error = ragstone("ask", "-c", "nowhere", "why?")
    assert code == 1
    assert "nowhere" in error


def test_collections_are_made_listed_and_removed(ragstone, service):
    assert ragstone("collections", "create", "manuals", "--description", "All of them")[0] == 0
    assert "manuals" in ragstone("collections")[1]
    assert ragstone("collections", "create", "manuals")[0] == 1
    assert ragstone("collections", "rm", "manuals", "--yes")[0] == 0
    with Client(f"http://127.0.0.1:{service}") as client, pytest.raises(ServiceError):
        client.collection("manuals")


def test_jobs_are_listed_and_a_final_one_stays_as_it_is(ragstone, handbook):
    code, out, _ = ragstone("jobs", "--json", "--limit", "1")
    assert code == 0
    (job,) = json.loads(out)
    assert job["document_name"] in ragstone("jobs", "--limit", "1")[1]
    assert job["state"] in ragstone("jobs", "cancel", job["id"])[1]


def test_doctor_asks_the_service_that_owns_the_folder(ragstone, handbook, data_dir):
    code, out, _ = ragstone("doctor", "--data-dir", str(data_dir))
    assert code == 0
    assert f"{handbook}: 1 document, 1 passage\n" in out
    assert "agree" in out
    assert json.loads(ragstone("doctor", "--fix", "--json")[1])["ok"] is True


def test_doctor_without_a_service_examines_the_folder_itself(run, tmp_path, monkeypatch):
    monkeypatch.setenv("RAGSTONE_PORT", "9")
    code, _, error = run("doctor", "--data-dir", str(tmp_path / "none"))
    assert code == 1
    assert "there is no data folder" in error
    (tmp_path / "data").mkdir()
    code, out, _ = run("doctor", "--data-dir", str(tmp_path / "data"))
    assert code == 0
    assert "agree" in out


def test_doctor_names_the_owner_of_a_folder_it_cannot_have(run, service, data_dir, monkeypatch):
    monkeypatch.setenv("RAGSTONE_PORT", "9")
    code, _, error = run("doctor", "--data-dir", str(data_dir))
    assert code == 1
    assert f"in use by process {os.getpid()}" in error


def test_a_port_in_use_names_who_has_it(run, service, tmp_path, monkeypatch):
    (tmp_path / "models" / "embedding").mkdir(parents=True)
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(tmp_path / "models"))
    code, _, error = run("serve", "--port", str(service), "--data-dir", str(tmp_path / "d"))
    assert code == 1
    assert f"Port {service} is taken by a Ragstone that runs already" in error
    assert "ragstone serve --port" in error
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, _, error = run("serve", "--port", port, "--data-dir", str(tmp_path / "d"))
    assert code == 1
    assert f"Port {port} is taken by another program" in error


def test_missing_models_are_told_before_anything_starts(run, tmp_path):
    code, _, error = run("serve", "--port", "0", "--models-dir", str(tmp_path / "none"))
    assert code == 1
    assert "Put them in place with `make setup`" in error


def test_an_invalid_setting_is_named(run, monkeypatch):
    monkeypatch.setenv("RAGSTONE_PORT", "high")
    code, _, error = run("docs")
    assert code == 1
    assert "setting RAGSTONE_PORT" in error
    assert "'high'" in error


def test_the_evaluation_has_its_own_help_behind_eval(run):
    code, out, _ = run("eval", "--help")
    assert code == 0
    assert "compare" in out


def test_an_unforeseen_error_keeps_its_traceback(monkeypatch):
    def broken(**_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        cli.main()
