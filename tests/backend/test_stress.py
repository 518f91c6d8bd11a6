"""A small storm over real runners: clients that leave, runners killed, nothing lost or left."""

import sys
from pathlib import Path

import pytest

from benchmarks.stress_backend import Plan, Report, scratch_store, storm


@pytest.mark.model
@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_every_request_ends_and_nothing_is_left(ollama_models: Path, tmp_path: Path) -> None:
    models = scratch_store(ollama_models, tmp_path)
    plan = Plan(clients=12, seconds=6.0, kill=1.5, longest_patience=4.0)
    report = storm(plan, models, tmp_path)
    assert report.bad == {}
    assert report.outcomes["answer"] > 0
    assert report.outcomes["left by the client"] > 0
    assert report.kills >= 2
    assert {name: count for name, count in report.left.items() if count > 0} == {}


def test_only_answers_typed_errors_and_leaving_count_as_fine() -> None:
    report = Report()
    report.outcomes.update(
        ["answer", "left by the client", "error 503: server busy", "HANGS", "CONNECTION ReadError"]
    )
    assert report.bad == {"HANGS": 1, "CONNECTION ReadError": 1}
