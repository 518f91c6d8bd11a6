"""Finds tool calls in a streamed reply, after the tag that the model's template opens them with."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any

from backend.answers.call_forms import NOT_A_CALL, UNDECIDED, ToolCall, Tools, call_id, read_calls
from backend.answers.thinking import held_back

__all__ = ["ToolCall", "ToolCallParser"]
_OPENERS = ("{", "[")
# Control tokens, which the engine leaves out of the text: such a reply starts with its JSON.
_UNSEEN = {"<|python_tag|>": "{", "[TOOL_CALLS]": "["}
_PAIRS = (("begin", "end"), ("start", "end"), ("START", "END"))
_FENCE = "```"
_ENDS = frozenset("}]>")
_LONG = 1000
_BETWEEN = " \t\r\n,;"


class _State(Enum):
    START = auto()  # nothing but blanks seen
    CONTENT = auto()  # the tag may come
    CALLS = auto()  # behind the tag
    AFTER = auto()  # behind a call: more of them, the closing tag, or content
    PLAIN = auto()  # no call can come any more


class ToolCallParser:
    """Text goes in as it streams, (content, calls) comes out, however the text is cut.

    `tag` opens calls anywhere in the reply; a tag that is a mere brace or bracket does so at its
    start only. `tools` are those of the request: what names none of them is content.
    """

    def __init__(self, tag: str, tools: Sequence[Mapping[str, Any]]) -> None:
        bare = tag.strip()
        # `[TOOL_CALLS] [` opens a list of calls: the list itself is read as JSON
        self._tag = bare[:-1].strip() if len(bare) > 1 and bare.endswith(_OPENERS) else bare
        self._tools = Tools(tools)
        self._closing = closing_tags(self._tag)
        # `calls begin` stands once, `call begin` before each
        self._again = self._tag.replace("calls", "call") if "calls" in self._tag else ""
        self._state = _State.START
        self._opened = ""  # the tag that was taken, given back if no call follows
        self._held = ""
        self._count = 0

    def feed(self, text: str) -> tuple[str, list[ToolCall]]:
        """What can be told apart so far; a tag or call that may be incomplete is held back."""
        self._held += text
        if self._state is _State.CALLS and len(self._held) > _LONG and not _ENDS & set(text):
            return "", []  # nothing can end here: spares reading long arguments at each token
        return self._settle(final=False)

    def end(self) -> tuple[str, list[ToolCall]]:
        """What was held back when the reply ended: content, as it was no call after all."""
        content, calls = self._settle(final=True)
        rest, self._held = self._opened + self._held, ""
        self._opened, self._state = "", _State.PLAIN
        return content + rest, calls

    def _settle(self, *, final: bool) -> tuple[str, list[ToolCall]]:
        said: list[str] = []
        calls: list[ToolCall] = []
        steps = {
            _State.START: self._start,
            _State.CONTENT: self._content,
            _State.CALLS: self._calls,
            _State.AFTER: self._after,
            _State.PLAIN: self._plain,
        }
        moved = True
        while moved:
            before = self._state, self._held
            steps[self._state](said, calls, final)
            moved = (self._state, self._held) != before
        return "".join(said), calls

    def _start(self, _: list[str], __: list[ToolCall], final: bool) -> None:
        seen = self._held.lstrip()
        opener = self._tag if self._tag in _OPENERS else _UNSEEN.get(self._tag)
        if opener is None:
            self._state = _State.CONTENT
        elif seen.startswith(opener):
            self._opened = self._held[: len(self._held) - len(seen)]
            self._held, self._state = seen, _State.CALLS
        elif seen or final:
            self._state = _State.PLAIN if self._tag in _OPENERS else _State.CONTENT

    def _content(self, said: list[str], _: list[ToolCall], final: bool) -> None:
        before, found, after = self._held.partition(self._tag)
        if found:
            said.append(before)
            self._opened, self._held, self._state = found, after, _State.CALLS
            return
        keep = 0 if final else held_back(self._held, self._tag)
        said.append(self._held[: len(self._held) - keep])
        self._held = self._held[len(self._held) - keep :]

    def _calls(self, said: list[str], calls: list[ToolCall], _: bool) -> None:
        found = read_calls(self._opened + self._held, len(self._opened), self._tools)
        if found is UNDECIDED:
            return
        if found is NOT_A_CALL:
            said.append(self._opened)
            self._opened = ""
            self._state = _State.PLAIN if self._tag in _OPENERS else _State.CONTENT
            return
        for name, arguments in found.calls:
            calls.append(ToolCall(call_id(), self._count, name, arguments))
            self._count += 1
        self._held = (self._opened + self._held)[found.end :]
        self._opened, self._state = "", _State.AFTER

    def _after(self, _: list[str], __: list[ToolCall], final: bool) -> None:
        rest = self._held.lstrip(_BETWEEN)
        for tag in self._closing:
            if rest.startswith(tag):
                self._held = rest[len(tag) :]
                return
        waits = any(tag.startswith(rest) for tag in (*self._closing, self._again))
        if waits and not final:
            return
        if rest.startswith(_OPENERS) or (self._again and rest.startswith(self._again)):
            self._held, self._state = rest, _State.CALLS
        elif rest or final:
            self._held = "" if waits else rest
            self._state = _State.PLAIN if self._tag in _OPENERS else _State.CONTENT

    def _plain(self, said: list[str], _: list[ToolCall], __: bool) -> None:
        said.append(self._held)
        self._held = ""


def closing_tags(tag: str) -> tuple[str, ...]:
    """What may stand behind a call: `</x>` for `<x>`, `end` for `begin`, a code fence's end."""
    found: list[str] = []
    for opening, ending in _PAIRS:
        if opening in tag:
            closing = tag.replace(opening, ending)
            found += [closing, closing.replace("calls", "call"), _FENCE]
    if tag.startswith("<|") and tag.endswith("|>"):
        found.append(f"<|/{tag[2:]}")
    elif tag.startswith("<") and tag.endswith(">"):
        found.append(f"</{tag[1:]}")
    elif _FENCE in tag:
        found.append(_FENCE)
    return tuple(found)
