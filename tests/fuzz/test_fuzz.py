"""The fuzzing itself: every target runs, and a broken promise is found, shrunk and told once."""

import importlib
import pkgutil
import time

import pytest
from hypothesis import strategies as st

from tests.fuzz import campaign, targets
from tests.fuzz.campaign import Campaign

TARGETS = [one.name for one in pkgutil.iter_modules(targets.__path__)]


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_runs_and_finds_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(f"tests.fuzz.targets.{name}")
    found = Campaign(module.CASES, module.check, 1)
    monkeypatch.setattr(campaign, "BATCH", 50)
    found.run(1.0)
    assert found.executions > 20
    assert found.findings == {}


def test_a_broken_promise_is_told_once_and_made_small() -> None:
    def check(number: int) -> None:
        assert number < 1000

    found = Campaign(st.integers(), check, 1)
    found.run(0.5)
    (finding,) = found.findings.values()
    assert finding.startswith("AssertionError")
    assert finding.endswith("\n  1000")


def test_what_never_ends_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "CASE_SECONDS", 0.05)

    def check(number: int) -> None:
        while number:
            time.sleep(0)

    found = Campaign(st.sampled_from([0, 1]), check, 1)
    found.run(1.0)
    (finding,) = found.findings.values()
    assert "longer than" in finding
