"""Prints an answer while it comes in: its thinking apart, its lines broken between words."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from backend.commands.progress import Waiting
from backend.commands.terminal import harmless, terminal_width
from backend.commands.word_wrap import WordWrap

GREY, BOLD, PLAIN = "\x1b[38;5;245m", "\x1b[1m", "\x1b[0m"
BEGIN_THINKING, END_THINKING = "Thinking...\n", "...done thinking.\n\n"


class AnswerPrinter:
    """Takes the objects of a stream; the texts are kept for the next request.

    `sign` is taken away at the first text.
    """

    def __init__(self, sign: Waiting, *, wrap: bool, hide_thinking: bool) -> None:
        self.content, self.thinking = "", ""
        self.last: Mapping[str, Any] = {}
        self._sign, self._hide = sign, hide_thinking
        self._colour = sys.stdout.isatty()
        self._width = terminal_width() if wrap else 0
        self._wrap = WordWrap(self._width)
        self._in_thought = False

    def add(self, line: Mapping[str, Any]) -> None:
        """Print what an object of /api/chat or /api/generate adds."""
        self.last = line
        said = line.get("message") or line
        thought = said.get("thinking") or ""
        text = said.get("content") or said.get("response") or ""
        calls = said.get("tool_calls") or []
        if thought and not self._hide:
            self._think(thought)
        if text or calls:
            self._end_thought()
        self.content += text
        self._print(text)
        for call in calls:
            self._print(_call(call))

    def end(self) -> None:
        """Print what was held back."""
        _write(self._wrap.end())
        if self._in_thought and self._colour:
            _write(PLAIN)
        sys.stdout.flush()

    def _think(self, text: str) -> None:
        if not self._in_thought:
            self._in_thought = True
            self._sign.stop()
            start = f"{GREY}{BOLD}{BEGIN_THINKING}{PLAIN}{GREY}" if self._colour else BEGIN_THINKING
            _write(start)
        self.thinking += text
        self._print(text)

    def _end_thought(self) -> None:
        if not self._in_thought:
            return
        self._in_thought = False
        _write(self._wrap.end() + ("" if self.thinking.endswith("\n") else "\n"))
        _write(f"{GREY}{BOLD}{END_THINKING}{PLAIN}" if self._colour else END_THINKING)
        self._wrap = WordWrap(self._width)

    def _print(self, text: str) -> None:
        if not text:
            return
        self._sign.stop()
        _write(self._wrap.feed(harmless(text)))
        sys.stdout.flush()


def _call(call: Mapping[str, Any]) -> str:
    function = call.get("function") or {}
    arguments = json.dumps(function.get("arguments") or {}, ensure_ascii=False)
    name = function.get("name")
    return f"  Model called a non-existent function '{name}()' with arguments: {arguments}\n"


def _write(text: str) -> None:
    sys.stdout.write(text)
