"""Strangers' texts on a terminal, and texts that no terminal can show."""

import json
import os
import subprocess
import sys

import pytest

from backend.commands import terminal
from backend.commands.answer import AnswerPrinter
from backend.commands.progress import Waiting
from backend.engine.fake_runner import Script
from tests.backend.processes import ROOT

NASTY = "a\x1b]52;c;ZXZpbA==\x07b\x9b2Jc\x00\x7f\td\ne"


def test_a_terminal_is_given_no_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    assert terminal.harmless(NASTY) == NASTY  # standard output is captured here, hence a file
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert terminal.harmless(NASTY) == "a]52;c;ZXZpbA==b2Jc\td\ne"


def test_an_answer_keeps_its_text_whatever_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    printer = AnswerPrinter(Waiting(), wrap=False, hide_thinking=False)
    printer.add({"response": NASTY})
    printer.end()
    assert "\x1b" not in capsys.readouterr().out
    assert printer.content == NASTY


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_what_cannot_be_encoded_becomes_a_question_mark(
    url: str, script: Script, encoding: str
) -> None:
    script.reply = "caf\u00e9 \U0001f600"
    said = subprocess.run(
        [sys.executable, "-c", "from app.cli import main; main()", "model", "run", "tiny", "x"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "OLLAMA_HOST": url},
        check=True,
    )
    shown = {"ascii": b"caf? ?", "utf-8": script.reply.encode()}
    assert said.stdout.strip() == shown[encoding]


def test_a_closed_standard_input_is_no_prompt(url: str) -> None:
    code = "import sys; sys.stdin = None; from app.cli import main; main()"
    said = subprocess.run(
        [sys.executable, "-c", code, "model", "run", "tiny", "x"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "one two three\n\n"


def test_piped_bytes_that_are_no_text(url: str, script: Script) -> None:
    said = subprocess.run(
        [sys.executable, "-c", "from app.cli import main; main()", "model", "run", "plain"],
        cwd=ROOT,
        input=b"\xff\xfe text",
        capture_output=True,
        check=True,
    )
    assert said.stdout == b"one two three\n\n"
    assert json.dumps(said.stderr.decode()) == '""'
