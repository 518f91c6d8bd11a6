"""run without a terminal: the answer on standard output and nothing else."""

import json
import signal
import subprocess
import sys
import time

import pytest

from backend.commands.answer import AnswerPrinter
from backend.commands.errors import CommandFailed
from backend.commands.parameters import typed, typed_pairs
from backend.commands.progress import Waiting
from backend.commands.server import Server
from backend.engine.fake_runner import Script
from tests.backend.commands.conftest import Cli, Said
from tests.backend.processes import ROOT


def test_the_answer_is_all_that_is_printed(url: str, cli: Cli) -> None:
    assert cli("run", "tiny", "Why", "is", "it?") == Said(0, "one two three\n\n", "")


def test_what_is_piped_in_stands_before_the_prompt(url: str, cli: Cli, script: Script) -> None:
    script.reply = None  # it says the prompt again
    assert cli("run", "plain", "What is it?", piped="A text.\n").out == "A text.\n What is it?\n\n"
    assert cli("run", "plain", piped="A text.\n").out == "A text.\n\n\n"


def test_no_prompt_at_all_only_loads(url: str, cli: Cli, server: Server) -> None:
    assert cli("run", "tiny", "--keepalive", "1h") == Said(0, "", "")
    (loaded,) = server.get("/api/ps")["models"]
    assert loaded["name"] == "tiny:latest"


def test_verbose_prints_timings_on_standard_error(url: str, cli: Cli) -> None:
    said = cli("run", "tiny", "x", "--verbose")
    assert said.out == "one two three\n\n"
    labels = [line.split(":")[0] for line in said.err.splitlines()]
    assert labels[0] == "total duration"
    assert labels[-1] == "eval rate"
    assert cli("run", "tiny", "x", "--verbose=false").err == ""


def test_format_and_keepalive_go_with_the_request(url: str, cli: Cli, script: Script) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert cli("run", "tiny", "x", "--format", json.dumps(schema)).code == 0
    sent = script.requests[-1].json_schema
    assert sent is not None
    assert sent["properties"]["a"]["type"] == "integer"
    assert cli("run", "tiny", "x", "--format=json").code == 0
    said = cli("run", "tiny", "x", "--format", "yaml")
    assert said.err == "Error: invalid format: 'yaml'; expected \"json\" or a JSON schema\n"


def test_think_on_a_model_that_cannot(url: str, cli: Cli) -> None:
    said = cli("run", "tiny", "--think", "x")
    assert said.code == 1
    assert said.err.endswith('"tiny" does not support thinking\n')
    assert cli("run", "tiny", "--think=false", "x").code == 0


def test_an_embedding_model_prints_its_vector(url: str, cli: Cli) -> None:
    vector = json.loads(cli("run", "embedder", "some words").out)
    assert len(vector) == 3
    assert sum(number**2 for number in vector) == pytest.approx(1)
    assert len(json.loads(cli("run", "embedder", "some words", "--dimensions", "2").out)) == 2
    said = cli("run", "embedder", "word " * 200, "--truncate=false")
    assert said.err == "Error: the input length exceeds the context length\n"
    assert cli("run", "embedder", "word " * 200, "--truncate").code == 0


def test_an_embedding_model_wants_a_text(url: str, cli: Cli) -> None:
    said = cli("run", "embedder")
    assert said.code == 1
    assert said.err.startswith("Error: embedding models require input text. Usage:")


def test_a_missing_model_is_pulled(url: str, cli: Cli) -> None:
    said = cli("run", "127.0.0.1:1/library/nope", "x")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("pulling manifest\nError: pull model manifest: ")


def test_a_runner_that_cannot_load_is_an_error(url: str, cli: Cli, script: Script) -> None:
    script.load_error = "out of luck"
    said = cli("run", "tiny", "x")
    assert (said.code, said.out) == (1, "")
    assert "out of luck" in said.err


def test_a_runner_that_dies_half_way_keeps_what_was_said(
    url: str, cli: Cli, script: Script
) -> None:
    script.crash_after = 2
    said = cli("run", "tiny", "x")
    assert (said.code, said.out) == (1, "one two")
    assert said.err.startswith("Error: ")


def test_ctrl_c_ends_the_answer_here_and_at_the_server(url: str, script: Script) -> None:
    # two words in turn: more than thirty of one alone end an answer before the signal may
    script.reply, script.token_seconds = "word other " * 1000, 0.02
    command = [
        sys.executable,
        "-c",
        "from app.cli import main; main()",
        "model",
        "run",
        "tiny",
        "x",
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.read(5) == "word "
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    deadline = time.monotonic() + 20
    while script.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (script.running, script.cancelled) == (0, 1)


def test_thinking_stands_apart(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        {"message": {"thinking": "Hm, "}},
        {"message": {"thinking": "yes."}},
        {"message": {"content": "Yes."}},
    ]
    printer = AnswerPrinter(Waiting(), wrap=False, hide_thinking=False)
    for line in lines:
        printer.add(line)
    printer.end()
    assert capsys.readouterr().out == "Thinking...\nHm, yes.\n...done thinking.\n\nYes."
    assert (printer.thinking, printer.content) == ("Hm, yes.", "Yes.")
    hidden = AnswerPrinter(Waiting(), wrap=False, hide_thinking=True)
    for line in lines:
        hidden.add(line)
    hidden.end()
    assert capsys.readouterr().out == "Yes."


def test_a_tool_call_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    printer = AnswerPrinter(Waiting(), wrap=False, hide_thinking=False)
    call = {"function": {"name": "weather", "arguments": {"city": "Köln"}}}
    printer.add({"response": "", "tool_calls": [call]})
    out = capsys.readouterr().out
    assert out.strip() == (
        'Model called a non-existent function \'weather()\' with arguments: {"city": "Köln"}'
    )


@pytest.mark.parametrize(
    ("name", "words", "value"),
    [
        ("seed", ["7"], 7),
        ("temperature", ["0.5"], 0.5),
        ("use_mmap", ["false"], False),
        ("stop", ["a", "b"], ["a", "b"]),
        ("draft_num_predict", ["4"], 4),
    ],
)
def test_a_parameter_has_its_type(name: str, words: list[str], value: object) -> None:
    assert typed(name, words) == value


@pytest.mark.parametrize(
    ("name", "word", "sentence"),
    [
        ("bogus", "1", "unknown parameter 'bogus'"),
        ("seed", "1.5", "invalid int value [1.5]"),
        ("top_p", "much", "invalid float value [much]"),
        ("use_mmap", "maybe", "invalid bool value [maybe]"),
    ],
)
def test_a_parameter_of_the_wrong_kind(name: str, word: str, sentence: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        typed(name, [word])
    assert str(caught.value) == sentence


def test_of_a_repeated_parameter_the_last_counts_and_stops_gather() -> None:
    pairs = [("seed", "1"), ("stop", "a"), ("seed", "2"), ("stop", "b")]
    assert typed_pairs(pairs) == {"seed": 2, "stop": ["a", "b"]}
