"""The Modelfile: its whole grammar, read into commands and printed back.

    FROM name-or-path
    PARAMETER stop "<end>"
    MESSAGE user Why is the sky blue?

A value is bare to the end of its line, or stands in `"` or triple quotes and may then span lines;
there are no escapes. A closing quote counts only at the end of a line. What is no printable
character, other than blanks and line breaks, is left out, as in Ollama.
Whatever `parse` returns, `parse(str(m).encode())` returns again.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from backend.errors import InvalidModelfile

COMMANDS = (
    "from", "license", "template", "system", "adapter", "draft", "renderer", "parser",
    "parameter", "message", "requires",
)  # fmt: skip
ROLES = ("system", "user", "assistant")
_KEYED = ("parameter", "message")
_BLANKS = " \t"
_BREAKS = "\r\n"
_BREAK = re.compile(r"[\r\n]")
_WORD = re.compile(r"[A-Za-z]+")
_KEY = {"parameter": re.compile(r"[A-Za-z0-9_]+"), "message": re.compile(r"[A-Za-z]+")}
_UNSPELLABLE = re.compile(r'"""(?=[ \t]*[\r\n])')
_QUOTES = ('"""', '"')  # the longer one first, as it begins with the other


class Command(NamedTuple):
    """One command: its word in lower case and its value.

    The value of `parameter` is the parameter's name, a space and its value; that of `message` the
    role, a space and the text (`Command.pair` cuts them apart).
    """

    name: str
    args: str

    @property
    def pair(self) -> tuple[str, str]:
        """Name and value of a parameter, role and text of a message."""
        key, _, value = self.args.partition(" ")
        return key, value

    def __str__(self) -> str:
        if self.name in _KEYED:
            key, value = self.pair
            return f"{self.name.upper()} {key} {quoted(value)}"
        return f"{self.name.upper()} {quoted(self.args)}"


@dataclass(frozen=True, slots=True)
class Modelfile:
    """The commands in their order; `str()` is a Modelfile again."""

    commands: tuple[Command, ...]

    def values(self, name: str) -> tuple[str, ...]:
        """The values of every command of that name, e.g. `from`."""
        return tuple(command.args for command in self.commands if command.name == name)

    def last(self, name: str) -> str | None:
        """The value of the last command of that name."""
        found = self.values(name)
        return found[-1] if found else None

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """Name and value of every `parameter`, or role and text of every `message`."""
        return tuple(command.pair for command in self.commands if command.name == name)

    def __str__(self) -> str:
        return "".join(f"{command}\n" for command in self.commands)


def parse(raw: bytes) -> Modelfile:
    """The Modelfile in these bytes (UTF-8, or UTF-16 with its mark); raises InvalidModelfile."""
    commands = tuple(_Reader(_decoded(raw)).commands())
    if not any(command.name == "from" for command in commands):
        raise InvalidModelfile("no FROM line")
    return Modelfile(commands)


def quoted(value: str) -> str:
    """The value as a Modelfile spells it: bare where that reads back, else in quotes.

    Triple quotes at the end of a line within the value cannot be spelled: they become '''.
    """
    value = _kept(value)
    quotes = reversed(_QUOTES) if '"' not in value else _QUOTES
    for spelling in (value, *(f"{quote}{value}{quote}" for quote in quotes)):
        if _reads_back(spelling, value):
            return spelling
    spellable = _UNSPELLABLE.sub("'''", value)
    return f'"""{spellable}"""'


def _reads_back(spelling: str, value: str) -> bool:
    reader = _Reader(spelling + "\n")
    try:
        return reader.value() == value and reader.at >= len(spelling)
    except InvalidModelfile:
        return False


def _decoded(raw: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if raw.startswith(mark):
            return raw.removeprefix(mark).decode(encoding, "replace")
    return raw.decode("utf-8", "replace")


class _Reader:
    """A position in the text of a Modelfile."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def commands(self) -> Iterator[Command]:
        while self._to_next():
            yield self._command()

    def _to_next(self) -> bool:
        text = self.text
        while self.at < len(text):
            if text[self.at] == "#":
                self.at = self._line_end(self.at)
            elif text[self.at] in _BLANKS + _BREAKS:
                self.at += 1
            else:
                return True
        return False

    def _command(self) -> Command:
        start = self.at
        word = self._matched(_WORD).lower()
        if self.at == len(self.text) and word:
            raise InvalidModelfile("unexpected EOF")
        if word not in COMMANDS or not self._blank():
            known = ", ".join(f'"{name}"' for name in COMMANDS[:-1])
            raise self._wrong(start, f'command must be one of {known}, or "{COMMANDS[-1]}"')
        if word not in _KEYED:
            return Command(word, self.value())
        while self.at < len(self.text) and self.text[self.at] in _BLANKS:
            self.at += 1
        key = self._matched(_KEY[word])
        if not self._blank():
            raise InvalidModelfile(f"unexpected EOF: {key}")
        if word == "message" and key not in ROLES:
            raise self._wrong(start, 'message role must be one of "system", "user", or "assistant"')
        return Command(word, f"{key} {self.value()}")

    def value(self) -> str:
        """The value from here on; raises InvalidModelfile where its quotes never close."""
        end = self._line_end(self.at)
        # What is left out must not hide a quote, so the text is judged without it.
        parts = [_kept(self.text[self.at : end])]
        opening = next((mark for mark in _QUOTES if parts[0].strip().startswith(mark)), "")
        closed = _unquoted(parts[0].strip()) is not None
        while not closed:
            if end == len(self.text):
                raise InvalidModelfile("unexpected EOF")
            further = self._line_end(end + 1)
            parts.append(_kept(self.text[end:further]))
            end = further
            closed = parts[-1].strip().endswith(opening)
        self.at = end
        value = _unquoted("".join(parts).strip())
        assert value is not None
        return value

    def _line_end(self, start: int) -> int:
        found = _BREAK.search(self.text, start)
        return found.start() if found else len(self.text)

    def _matched(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def _blank(self) -> bool:
        if self.at < len(self.text) and self.text[self.at] in _BLANKS:
            self.at += 1
            return True
        return False

    def _wrong(self, at: int, sentence: str) -> InvalidModelfile:
        before = self.text[:at].replace("\r\n", "\n").replace("\r", "\n")
        return InvalidModelfile(f"(line {before.count(chr(10)) + 1}): {sentence}")


def _kept(text: str) -> str:
    return "".join(char for char in text if char.isprintable() or char in _BLANKS + _BREAKS)


def _unquoted(text: str) -> str | None:
    """The value that a trimmed spelling stands for, or None while its quotes are open."""
    for quote in _QUOTES:
        if text.startswith(quote):
            closed = len(text) >= 2 * len(quote) and text.endswith(quote)
            return text[len(quote) : -len(quote)] if closed else None
    return text
