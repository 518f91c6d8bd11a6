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
from tests.backend.processes import READY, ROOT, backend_process, environment


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


def test_the_start_imports_nothing_that_only_later_work_needs() -> None:
    late = ("httpx", "rich", "PIL", "gotpl", "jinja2", "cryptography", "prompt_toolkit",
            "xllamacpp", "ik_llama_cpp", "numpy")  # fmt: skip
    code = f"import sys, backend.__main__; print(*(m for m in {late!r} if m in sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == ""


def started_with(store: ModelStore, **more: str) -> str:
    """What the process says on standard error before it is told to stop."""
    with backend_process(store.folder, stderr=subprocess.PIPE, **more) as (process, _):
        process.terminate()
        return process.communicate(timeout=10)[1]


def test_notes_and_warnings_of_the_start_are_one_line_each(store: ModelStore) -> None:
    said = started_with(store, OLLAMA_SCHED_SPREAD="1", OLLAMA_NUM_PARALLEL="many")
    assert [line.partition(" ")[2].split("=")[0].split()[0] for line in said.splitlines()] == [
        "OLLAMA_NUM_PARALLEL",
        "OLLAMA_SCHED_SPREAD",
    ]
    assert started_with(store) == ""


def test_a_server_that_others_reach_warns(store: ModelStore) -> None:
    said = started_with(store, OLLAMA_HOST="0.0.0.0:0")
    assert "asks for no password" in said
    assert "RAGSTONE_BACKEND_TOKEN" in said
    guarded = started_with(store, OLLAMA_HOST="0.0.0.0:0", RAGSTONE_BACKEND_TOKEN="t")
    assert "without encryption" in guarded


def test_the_help_of_both_commands_has_the_table() -> None:
    for command in (
        ["-m", "backend", "--help"],
        ["-c", "import app.cli; app.cli.main()", "backend", "--help"],
    ):
        ended = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert "OLLAMA_KV_CACHE_TYPE" in ended.stdout
        assert "without effect here, and why" in ended.stdout


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
