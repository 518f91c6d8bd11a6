"""However a reply is cut into pieces, its thinking, content and tool calls are the same."""

from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from backend.answers.reply import Part, ReplyReader
from backend.answers.thinking import ThinkingParser
from backend.answers.tool_calls import ToolCallParser
from backend.prompts.jinja import THINKING_TAGS, TOOL_TAGS
from tests.fuzz.mutations import pieced

_TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": name, "parameters": {"properties": {
        "city": {"type": "string"}, "days": {"type": "integer"}}}}}
    for name in ("weather", "get_time", "a.b")
]  # fmt: skip
_PIECES = (
    *TOOL_TAGS, *(tag for pair in THINKING_TAGS for tag in pair), "{", "}", "[", "]", '"', "\\",
    ",", '"name": ', '"weather"', '"arguments": ', '"parameters": ', '{"city": "Rome"}', "weather",
    '{"name": "weather", "arguments": {"city": "Rome"}}', "</tool_call>", "</function>", ">",
    "<parameter=city>", "</parameter>", "Rome", "\n", " ", "```", "<function=weather>", "null",
    "1e999", "[" * 50, "{" * 50, "get_time", "<", "</",
)  # fmt: skip
CASES = st.tuples(
    pieced(_PIECES),
    st.sampled_from([None, *THINKING_TAGS]),
    st.booleans(),
    st.sampled_from([None, "{", "[", *TOOL_TAGS, "<tool_call>\n{"]),
    st.lists(st.integers(0, 200), max_size=12),
)


def check(case: tuple[str, tuple[str, str] | None, bool, str | None, list[int]]) -> None:
    """Read it whole, in the drawn pieces, and a character at a time."""
    text, tags, inside, tag, cuts = case

    def read(pieces: list[str]) -> tuple[str, str, list[Any]]:
        thinking = ThinkingParser(*tags, inside=inside) if tags else None
        tools = ToolCallParser(tag, _TOOLS) if tag else None
        reader, said = ReplyReader(thinking, tools), Part()
        for piece in pieces:
            said += reader.feed(piece)
        said += reader.end()
        calls = [(call.index, call.name, call.arguments) for call in said.tool_calls]
        assert len({call.id for call in said.tool_calls}) == len(calls)
        return said.thinking, said.content, calls

    at = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[a:b] for a, b in pairwise(at)]
    whole = read([text])
    assert repr(read(pieces)) == repr(whole)  # NaN is not equal to itself
    assert repr(read(list(text))) == repr(whole)
    if not tags and not tag:
        assert whole == ("", text, [])
