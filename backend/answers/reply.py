"""What a reply consists of: thinking, content and tool calls, told apart as it streams."""

from dataclasses import dataclass

from backend.answers.thinking import ThinkingParser
from backend.answers.tool_calls import ToolCall, ToolCallParser


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a reply; any of the three may be empty."""

    thinking: str = ""
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.thinking or self.content or self.tool_calls)

    def __add__(self, other: "Part") -> "Part":
        return Part(
            self.thinking + other.thinking,
            self.content + other.content,
            self.tool_calls + other.tool_calls,
        )


NOTHING = Part()


class ReplyReader:
    """Text goes in as the engine gives it, parts come out; a parser left out lets text through."""

    def __init__(
        self, thinking: ThinkingParser | None = None, tools: ToolCallParser | None = None
    ) -> None:
        self.thinking, self._tools = thinking, tools

    def feed(self, text: str) -> Part:
        """What the text so far has made certain; the rest is held back."""
        thought, said = self.thinking.feed(text) if self.thinking else ("", text)
        return Part(thought) + self._said(said)

    def end(self) -> Part:
        """What was held back when the reply ended."""
        thought, said = self.thinking.end() if self.thinking else ("", "")
        last = Part(thought) + self._said(said)
        if self._tools is None:
            return last
        content, calls = self._tools.end()
        return last + Part("", content, tuple(calls))

    def without_thinking(self) -> "ReplyReader":
        """A reader for the same reply once its thinking is over."""
        return ReplyReader(None, self._tools)

    def _said(self, text: str) -> Part:
        if self._tools is None or not text:
            return Part("", text)
        content, calls = self._tools.feed(text)
        return Part("", content, tuple(calls))
