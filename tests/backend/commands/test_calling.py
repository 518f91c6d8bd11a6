"""How commands are called: flags, counts of arguments, help, exit codes, and no server."""

import os
import socket
import subprocess
import sys

import pytest

from backend.commands import cli as commands
from backend.commands.cli import COMMANDS
from backend.version import OLLAMA_VERSION
from tests.backend.commands.conftest import Cli, Said
from tests.backend.processes import ROOT


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address where nothing answers."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("OLLAMA_HOST", address)
    return address


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show"], "accepts 1 arg(s), received 0"),
        (["show", "a", "b"], "accepts 1 arg(s), received 2"),
        (["cp", "a"], "accepts 2 arg(s), received 1"),
        (["rm"], "requires at least 1 arg(s), only received 0"),
        (["run"], "requires at least 1 arg(s), only received 0"),
        (["create", "a//b"], "invalid model name: a//b"),
        (["run", "a", "--think=perhaps"], 'invalid value for --think: "perhaps"'),
        (["run", "a", "--keepalive", "300"], 'time: invalid duration "300"'),
        (["run", "a", "--verbose=perhaps"], 'invalid argument "perhaps" for "--verbose" flag'),
        (["run", "a", "--dimensions", "x"], "Invalid value for '--dimensions'"),
        (["nosuch"], "No such command 'nosuch'"),
        (["help", "nosuch"], 'unknown command "nosuch"'),
        (["list", "--nosuch"], "No such option: --nosuch"),
        (
            ["show", "a", "--license", "--system"],
            "only one of '--license', '--modelfile', '--parameters', '--system', or '--template' ",
        ),
    ],
)
def test_wrong_calls_are_a_sentence_and_code_one(
    url: str, cli: Cli, words: list[str], sentence: str
) -> None:
    said = cli(*words)
    assert said.code == 1
    assert said.err.startswith(f"Error: {sentence}")
    assert said.out == ""


def test_without_a_server_it_says_what_to_start(nobody: str, cli: Cli) -> None:
    for words in (["list"], ["ps"], ["run", "tiny", "x"], ["pull", "tiny"], ["rm", "tiny"]):
        said = cli(*words)
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith(f"Error: could not connect to a model server at http://{nobody}")
        assert "'ragstone model serve'" in said.err


def test_the_version_is_the_servers(url: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = f"ollama version is {OLLAMA_VERSION}\n"
    assert cli("-v") == cli("--version") == Said(0, expected, "")
    monkeypatch.setattr("backend.commands.versions.OLLAMA_VERSION", "0.0.1")
    assert cli("-v").out == f"{expected}Warning: client version is 0.0.1\n"


def test_the_version_without_a_server(nobody: str, cli: Cli) -> None:
    assert cli("-v") == Said(
        0,
        "Warning: could not connect to a running Ollama instance\n"
        f"Warning: client version is {OLLAMA_VERSION}\n",
        "",
    )


@pytest.mark.parametrize("words", [["help"], ["--help"], ["-h"], []])
def test_help_lists_the_commands(cli: Cli, words: list[str]) -> None:
    said = cli(*words)
    assert said.code == 0
    for name, _ in COMMANDS:
        assert f" {name} " in said.out


def test_help_of_a_command(cli: Cli) -> None:
    assert "cp SOURCE DESTINATION" in cli("help", "cp").out
    assert cli("help", "run").out.strip() == cli("run", "--help").out.strip()


@pytest.mark.parametrize("word", ["serve", "start"])
def test_serve_starts_the_server_it_is_given(word: str) -> None:
    started = []
    assert commands.main([word], start_server=lambda: started.append(word)) == 0
    assert started == [word]


def test_a_reader_that_has_seen_enough_is_no_error(url: str) -> None:
    look = "import sys; from app.cli import main; sys.argv = ['ragstone', 'model', 'list']; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", look],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 1


def test_the_door_imports_nothing_before_it_is_used() -> None:
    look = "import sys, app.cli; print([m for m in sys.modules if m.startswith('backend')])"
    found = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"


def test_a_command_imports_no_terminal_library_it_does_not_need() -> None:
    heavy = ("prompt_toolkit", "rich.progress", "fastapi", "xllamacpp", "PIL", "cryptography")
    look = f"import sys, backend.commands.cli; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"
