"""The bundled backend as a child: found or started, restarted, and gone when we are gone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from app.errors import BackendNotStarted
from app.ollama_choice import choose_ollama, has_model
from app.settings import Settings
from app.supervise import BackendChild

STARTS_A_CHILD_AND_WAITS = """
import sys, time, pathlib
from app.supervise import BackendChild
child = BackendChild(pathlib.Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def child(tmp_path: Path) -> Iterator[BackendChild]:
    started = BackendChild(tmp_path)
    started.start()
    yield started
    started.stop()


def gone(pid: int, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_the_child_answers_and_stops(child: BackendChild) -> None:
    assert httpx.get(child.url).text == "Ollama is running"
    pid = child.pid
    assert pid
    child.stop()
    assert gone(pid)


def test_a_killed_child_comes_back_at_the_same_address(child: BackendChild) -> None:
    first = child.pid
    assert first
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(child.url).text == "Ollama is running" and child.pid != first:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the backend did not come back")


def test_kill_9_of_the_parent_takes_the_child_down(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_A_CHILD_AND_WAITS, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
        parent.wait()
    assert gone(pid)


def test_a_child_that_does_not_come_up_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.supervise.START_SECONDS", 3.0)
    child = BackendChild(tmp_path, {"OLLAMA_KEEP_ALIVE": "5m", "PYTHONPATH": "/nowhere",
                                    "PYTHONHOME": "/nowhere"})  # fmt: skip
    with pytest.raises(BackendNotStarted, match="RAGSTONE_OLLAMA_URL"):
        child.start()


def test_a_url_that_is_set_is_used_as_it_is(settings: Settings) -> None:
    chosen = choose_ollama(settings.model_copy(update={"ollama_url": "http://box:11434/"}))
    assert (chosen.url, chosen.child) == ("http://box:11434", None)


@pytest.mark.parametrize(
    ("wanted", "there"), [("a", True), ("a:latest", True), ("b:1", True), ("b", False)]
)
def test_a_name_without_a_tag_means_latest(wanted: str, there: bool) -> None:
    assert has_model(["a:latest", "b:1"], wanted) is there


def test_an_ollama_on_its_port_is_used_only_with_the_model(
    settings: Settings, child: BackendChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ollama_choice.LOCAL_OLLAMA", child.url)
    chosen = choose_ollama(settings)
    try:
        assert chosen.child is not None
        assert "has no gemma3-base:270m" in chosen.reason
    finally:
        if chosen.child:
            chosen.child.stop()
