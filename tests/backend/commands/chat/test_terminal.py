"""The chat on a pseudo-terminal: the keys, the prompt, the history file, and how it ends."""

import contextlib
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from backend.engine.fake_runner import Script
from backend.settings import BackendSettings
from tests.backend.commands.conftest import serving
from tests.backend.processes import ROOT

pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
import fcntl  # noqa: E402
import struct  # noqa: E402
import termios  # noqa: E402

CODES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\-_=>])")
PATIENCE = 60


class Terminal:
    """A person at a terminal: types, and reads what came since the last look."""

    def __init__(self, *words: str, columns: int = 80, **more: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from app.cli import main; main()", "model", *words],
            cwd=ROOT,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", **more},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self.raw = ""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def until(self, text: str) -> str:
        """What came since the last look, up to the text; waits for it."""
        end = time.monotonic() + PATIENCE
        while (at := self.plain().find(text, self._seen)) < 0:
            assert time.monotonic() < end, self.plain()
            if not self._read(1.0) and self.process.poll() is not None:
                pytest.fail(f"ended without {text!r}: {self.plain()}")
        since, self._seen = self._seen, at + len(text)
        return self.plain()[since : self._seen]

    def ended(self) -> int:
        """The exit code, after the end."""
        while self._read(1.0) or self.process.poll() is None:
            pass
        return self.process.wait(PATIENCE)

    def plain(self) -> str:
        return CODES.sub("", self.raw).replace("\r", "")

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # how Linux says that the other side is closed
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)


@pytest.fixture
def terminal(url: str) -> Iterator[Terminal]:
    with Terminal("run", "tiny", columns=40) as terminal:
        yield terminal


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".ollama" / "history"


def test_a_chat_from_the_first_prompt_to_bye(
    terminal: Terminal, script: Script, history: Path
) -> None:
    script.reply = "word " * 12 + "end"
    assert "Send a message (/? for help)" in terminal.until("for help)")
    terminal.type("Why?\r")
    shown = terminal.until("end")
    lines = [line.strip() for line in shown.splitlines() if line.strip().startswith("word")]
    assert lines == ["word word word word word word word", "word word word word word end"]
    terminal.type("/bye\r")
    assert terminal.ended() == 0
    assert history.read_text() == "Why?\n/bye\n"


def test_a_text_over_several_lines(terminal: Terminal) -> None:
    terminal.until("for help)")
    terminal.type('"""one\r')
    assert "..." in terminal.until('Use """ to end multi-line input')
    terminal.type('two"""\r')
    terminal.until("one two three")
    terminal.until("for help)")
    terminal.type("\x04")
    assert terminal.ended() == 0


def test_a_block_that_is_pasted_is_one_message(terminal: Terminal, script: Script) -> None:
    script.reply = None
    terminal.until("for help)")
    terminal.type("\x1b[200~first line\rsecond line\x1b[201~\r")
    terminal.until("assistant:")
    terminal.until("for help)")
    assert len(script.requests) == 1
    terminal.type("\x04")
    assert terminal.ended() == 0


def test_ctrl_c_stops_the_answer_and_the_chat_goes_on(terminal: Terminal, script: Script) -> None:
    script.reply, script.token_seconds = "word " * 2000, 0.02
    terminal.until("for help)")
    terminal.type("Talk.\r")
    terminal.until("word word")
    terminal.type("\x03")
    terminal.until("for help)")
    end = time.monotonic() + PATIENCE
    while script.running and time.monotonic() < end:
        time.sleep(0.01)
    assert script.cancelled == 1
    terminal.type("half a line\x03")
    terminal.until("for help)")
    terminal.type("\x03")
    terminal.until("Use Ctrl + d or /bye to exit.")
    terminal.until("for help)")
    terminal.type("\x04")
    assert terminal.ended() == 0


def test_keys_of_the_line_editor(terminal: Terminal, history: Path) -> None:
    terminal.until("for help)")
    terminal.type("ello wrold\x01h\x05\x17world\r")  # Ctrl-A, Ctrl-E, Ctrl-W
    terminal.until("one two three")
    terminal.until("for help)")
    terminal.type("\x1b[A again\r")  # the line before, and more
    terminal.until("one two three")
    terminal.until("for help)")
    terminal.type("\x04")
    assert terminal.ended() == 0
    assert history.read_text() == "hello world\nhello world again\n"


def test_a_history_that_is_not_wanted_is_not_written(url: str, history: Path) -> None:
    with Terminal("run", "tiny", OLLAMA_NOHISTORY="1") as terminal:
        terminal.until("for help)")
        terminal.type("secret\r")
        terminal.until("one two three")
        terminal.until("for help)")
        terminal.type("\x04")
        assert terminal.ended() == 0
    assert not history.exists()


def test_an_editor_of_ones_own_on_ctrl_g(url: str, tmp_path: Path, history: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "written elsewhere" > "$1"\n')
    editor.chmod(0o755)
    with Terminal("run", "tiny", OLLAMA_EDITOR=str(editor)) as terminal:
        terminal.until("for help)")
        terminal.type("\x07")
        terminal.until("written elsewhere")
        terminal.type("\r")
        terminal.until("one two three")
        terminal.until("for help)")
        terminal.type("\x04")
        assert terminal.ended() == 0
    assert history.read_text() == "written elsewhere\n"


def test_one_answer_on_a_terminal_shows_a_sign_and_takes_it_away(url: str, script: Script) -> None:
    script.load_seconds = 0.5
    with Terminal("run", "tiny", "Why?") as terminal:
        assert terminal.ended() == 0
        assert terminal.plain().strip().endswith("one two three")
        assert re.search("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", terminal.raw)


def test_a_server_that_goes_away_does_not_end_the_chat(
    settings: BackendSettings, script: Script
) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(contextlib.ExitStack())
        url = server.enter_context(serving(settings, script))
        terminal = stack.enter_context(Terminal("run", "tiny", columns=200, OLLAMA_HOST=url))
        terminal.until("for help)")
        server.close()
        terminal.type("Why?\r")
        terminal.until("error: could not connect to a model server")
        terminal.until("for help)")
        terminal.type("/bye\r")
        assert terminal.ended() == 0
