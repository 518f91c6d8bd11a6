"""Puts what a person types together: a line, or a text in triple quotes over several lines."""

from typing import NamedTuple

QUOTES = '"""'
_SET = "/set"


class Entry(NamedTuple):
    """Something to carry out: `kind` is "line", "prompt", or what `/set` is to set."""

    kind: str
    text: str


class Composer:
    """Lines in, entries out; `texts` are the words of `/set` whose text may be quoted too."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._texts = texts
        self._open: Entry | None = None

    @property
    def unclosed(self) -> bool:
        """Whether a text in quotes has begun and not ended."""
        return self._open is not None

    def drop(self) -> None:
        """Forget the text that has begun."""
        self._open = None

    def add(self, line: str) -> Entry | None:
        """The entry that the line ends, None where its text goes on."""
        if self._open is not None:
            return self._quoted(self._open.kind, self._open.text, line)
        if line.startswith(QUOTES):
            return self._quoted("prompt", "", line.removeprefix(QUOTES))
        words = line.split(None, 2)
        if len(words) == 3 and words[0] == _SET and words[1] in self._texts:
            if words[2].startswith(QUOTES):
                return self._quoted(words[1], "", words[2].removeprefix(QUOTES))
            return Entry(words[1], words[2])
        return Entry("line", line)

    def _quoted(self, kind: str, before: str, line: str) -> Entry | None:
        if line.endswith(QUOTES):
            self._open = None
            return Entry(kind, before + line.removesuffix(QUOTES))
        self._open = Entry(kind, f"{before}{line}\n")
        return None
