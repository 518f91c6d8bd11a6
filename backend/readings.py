"""How a setting's text becomes a value: trimmed, and its default where it cannot be read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from backend.durations import FOREVER, parse_setting

T = TypeVar("T")
FALSE = ("0", "f", "false")  # everything else is true, as in Ollama
KV_TYPES = ("f16", "q8_0", "q4_0")


class Reading(Generic[T]):
    """A validator: reads a text, and gives the default for an empty or unreadable one.

    `form` says in words what is readable.
    """

    def __init__(self, read: Callable[[str], T], default: T, form: str) -> None:
        self._read, self.default, self.form = read, default, form

    def __call__(self, value: Any) -> T:
        """The value of what the environment or a caller gives."""
        if value is None:
            return self.default
        text = trimmed(value)
        try:
            return self._read(text) if text else self.default
        except ValueError:
            return self.default

    def understands(self, text: str) -> bool:
        """Whether the text is not silently replaced by the default."""
        try:
            self._read(trimmed(text) or "")
        except ValueError:
            return not trimmed(text)
        return True


def trimmed(value: Any) -> str:
    """The text without the blanks and quotes around it."""
    return str(value).strip().strip("\"'").strip()


def text(default: str) -> Reading[str]:
    """Any text."""
    return Reading(str, default, "a text")


def folder(default: Path) -> Reading[Path]:
    """A path; an empty one must not mean the present folder."""
    return Reading(Path, default, "a folder")


def flag(*, default: bool | None) -> Reading[bool | None]:
    """True or false; None is possible as a default only."""
    return Reading(lambda value: value.lower() not in FALSE, default, "true or false")


def count(default: int, least: int = 0) -> Reading[int]:
    """A whole number, at least `least`."""

    def read(value: str) -> int:
        if not (value.isascii() and value.isdigit()) or int(value) < least:
            raise ValueError(value)
        return int(value)

    return Reading(read, default, f"a whole number from {least} up")


def seconds(default: float, *, zero_is_forever: bool = False) -> Reading[float]:
    """Seconds of a duration like 5m or 1h30m or of a number of them; negative is for ever."""

    def read(value: str) -> float:
        found = parse_setting(value, -1.0)
        if found == -1.0:  # it never gives a negative number itself
            raise ValueError(value)
        return FOREVER if zero_is_forever and found == 0 else found

    return Reading(read, default, "a duration such as 5m, or seconds")


def one_of(*choices: str) -> Reading[str]:
    """One of these words, in any case; the first is the default."""

    def read(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(value)
        return value.lower()

    return Reading(read, choices[0], " or ".join(choices))


def level(value: str) -> int:
    """OLLAMA_DEBUG: 0 for no, 1 for more, 2 for all; any other word that is not false means 1."""
    return min(int(value), 2) if value.isascii() and value.isdigit() else value.lower() not in FALSE
