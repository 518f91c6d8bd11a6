"""Splits a streamed reply into its thinking and its answer."""

from enum import Enum, auto


class _State(Enum):
    BEFORE = auto()  # nothing but blanks seen: the open tag may still come
    OPENED = auto()  # inside; the blanks after the open tag are eaten
    INSIDE = auto()
    CLOSED = auto()  # the blanks after the close tag are eaten
    AFTER = auto()


class ThinkingParser:
    """Text goes in as it streams, (thinking, content) comes out, however the text is cut.

    `inside` says that the prompt itself ended with the open tag.
    """

    def __init__(self, opening: str, closing: str, *, inside: bool = False) -> None:
        self._opening = opening
        self._closing = closing
        self._state = _State.OPENED if inside else _State.BEFORE
        self._held = ""

    def feed(self, text: str) -> tuple[str, str]:
        """What can be told apart so far; what may be the start of a tag is held back."""
        self._held += text
        thinking, content = "", ""
        while True:
            before = self._state
            thought, said = self._step()
            thinking += thought
            content += said
            if self._state is before:
                return thinking, content

    def end(self) -> tuple[str, str]:
        """What was held back when the reply ended: a tag that did not come after all."""
        held, self._held = self._held, ""
        if self._state in (_State.OPENED, _State.INSIDE):
            return held, ""
        return "", held

    def _step(self) -> tuple[str, str]:
        if self._state is _State.BEFORE:
            return self._before()
        if self._state in (_State.OPENED, _State.CLOSED):
            self._held = self._held.lstrip()
            if self._held:
                self._state = _State.INSIDE if self._state is _State.OPENED else _State.AFTER
            return "", ""
        if self._state is _State.INSIDE:
            return self._inside(), ""
        held, self._held = self._held, ""
        return "", held

    def _before(self) -> tuple[str, str]:
        seen = self._held.lstrip()
        if seen.startswith(self._opening):
            self._held = seen[len(self._opening) :]
            self._state = _State.OPENED
        elif not self._opening.startswith(seen):
            self._state = _State.AFTER
        return "", ""

    def _inside(self) -> str:
        thought, found, rest = self._held.partition(self._closing)
        if found:
            self._held = rest
            self._state = _State.CLOSED
            return thought
        keep = held_back(self._held, self._closing)
        thought, self._held = self._held[: len(self._held) - keep], self._held[-keep:] * bool(keep)
        return thought


def held_back(text: str, tag: str) -> int:
    """How many characters at the end of `text` may be the start of `tag`."""
    longest = min(len(tag) - 1, len(text))
    return next((n for n in range(longest, 0, -1) if tag.startswith(text[-n:])), 0)
