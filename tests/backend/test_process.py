"""`python -m backend` as a process: the line it prints, its exit, its end with its parent."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from backend.__main__ import main
from backend.models.store import ModelStore
from tests.backend.processes import READY, backend_process, environment


def test_it_says_where_it_listens(store: ModelStore) -> None:
    with backend_process(store.folder) as (_, url):
        assert httpx.get(url).text == "Ollama is running"
        assert len(httpx.get(f"{url}/api/tags").json()["models"]) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_told(store: ModelStore, sent: signal.Signals) -> None:
    with backend_process(store.folder) as (process, _):
        process.send_signal(sent)
        assert process.wait(10) in (0, -sent, 130)


def test_it_stops_when_its_parent_lets_go_of_the_pipe(store: ModelStore) -> None:
    with backend_process(store.folder, "--exit-with-parent") as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_taken_port_says_what_to_do(store: ModelStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = subprocess.run(
            [sys.executable, "-m", "backend"],
            env=environment(store.folder, OLLAMA_HOST=address),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert ended.returncode == 1
    assert "is taken" in ended.stderr
    assert "OLLAMA_HOST=" in ended.stderr


def test_an_address_of_another_machine_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "203.0.113.1:9")  # reserved for documentation (RFC 5737)
    assert main([]) == 1
    assert capsys.readouterr().err.startswith("Error: cannot listen on 203.0.113.1:9: ")


GRANDPARENT = """
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "backend", "--exit-with-parent"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_it_goes_when_its_parent_is_killed(store: ModelStore, tmp_path: Path) -> None:
    import psutil

    ended = subprocess.run(
        [sys.executable, "-c", GRANDPARENT],
        env=environment(store.folder),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    pid, _, line = ended.stdout.strip().partition(" ")
    assert line.startswith(READY)
    if psutil.pid_exists(int(pid)):
        psutil.wait_procs([psutil.Process(int(pid))], timeout=10)
    assert not psutil.pid_exists(int(pid)) or (
        psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE
    )
