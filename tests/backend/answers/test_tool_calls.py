"""Tool calls found in a stream: every known form, wherever the stream is cut."""

import itertools
import json
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backend.answers.tool_calls import ToolCall, ToolCallParser


def tool(name: str, **types: str) -> dict[str, Any]:
    properties = {key: {"type": kind} for key, kind in types.items()}
    return {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": properties}},
    }


TOOLS = [tool("weather", city="string", days="integer"), tool("add", a="number"), tool("now")]
Calls = list[tuple[str, dict[str, Any]]]


def read(tag: str, text: str, cuts: list[int] | None = None) -> tuple[str, list[ToolCall]]:
    """What a parser makes of a text that arrives cut at those places."""
    parser = ToolCallParser(tag, TOOLS)
    places = sorted({0, len(text), *(cut for cut in cuts or () if cut <= len(text))})
    pieces = [text[a:b] for a, b in itertools.pairwise(places)]
    parts = [*map(parser.feed, pieces), parser.end()]
    return "".join(said for said, _ in parts), [call for _, calls in parts for call in calls]


def check(tag: str, text: str, content: str, calls: Calls) -> None:
    for step in (1, 2, 3, 7, 1000):
        said, found = read(tag, text, list(range(0, len(text), step)))
        assert (said, [(call.name, call.arguments) for call in found]) == (content, calls)
        assert [call.index for call in found] == list(range(len(calls)))
        assert all(re.fullmatch("call_[a-z0-9]{8}", call.id) for call in found)


PARIS = {"city": "Paris"}
DEEPSEEK = "<｜tool▁calls▁begin｜>"
WRITTEN = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>{}\n```json\n{}\n```<｜tool▁call▁end｜>"


@pytest.mark.parametrize(
    ("tag", "text", "content", "calls"),
    [
        (
            "<tool_call>",
            '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>',
            "",
            [("weather", PARIS)],
        ),
        (
            "<tool_call>",
            (
                'Let me look.\n\n<tool_call>{"name": "weather", "arguments": {"city": "Paris"}}'
                '</tool_call>\n<tool_call>{"name": "now", "arguments": {}}</tool_call>'
            ),
            "Let me look.\n\n",
            [("weather", PARIS), ("now", {})],
        ),
        ("<tool_call>", '<tool_call>{"name": "now"}</tool_call>Done.', "Done.", [("now", {})]),
        (
            "<tool_call>",
            '<tool_call>{"name": "weather", "arguments": "{\\"city\\": \\"Paris\\"}"}</tool_call>',
            "",
            [("weather", PARIS)],
        ),
        (
            "<tool_call>",
            '<tool_call>{"name": "weather", "arguments": {"city": "a}\\"]{\\\\", "x": [{}]}}',
            "",
            [("weather", {"city": 'a}"]{\\', "x": [{}]})],
        ),
        (
            "[TOOL_CALLS] [",
            (
                '[TOOL_CALLS] [{"name": "add", "arguments": {"a": 1}}, '
                '{"name": "now", "arguments": {}}]'
            ),
            "",
            [("add", {"a": 1}), ("now", {})],
        ),
        ("[TOOL_CALLS]", '[{"name": "add", "arguments": {"a": 1}}]', "", [("add", {"a": 1})]),
        (
            "[TOOL_CALLS]",
            'So: [TOOL_CALLS]weather[ARGS]{"city": "Paris"}[TOOL_CALLS]now[ARGS]{}',
            "So: ",
            [("weather", PARIS), ("now", {})],
        ),
        (
            "<|python_tag|>",
            '{"name": "add", "parameters": {"a": 1}}; {"name": "add", "parameters": {"a": 2}}',
            "",
            [("add", {"a": 1}), ("add", {"a": 2})],
        ),
        (
            "{",
            ' \n{"name": "add", "parameters": {"a": 1}}\n{"name": "now", "parameters": {}}',
            "",
            [("add", {"a": 1}), ("now", {})],
        ),
        ("[", '[{"name": "add", "arguments": {"a": 1}}]', "", [("add", {"a": 1})]),
        (
            "<|START_ACTION|>",
            '<|START_ACTION|>[{"tool_name": "now", "parameters": {}}]<|END_ACTION|>',
            "",
            [("now", {})],
        ),
        (
            "<|action_start|>",
            '<|action_start|><|plugin|>{"name": "now", "parameters": {}}<|action_end|>.',
            ".",
            [("now", {})],
        ),
        ("<|tool_call|>", '<|tool_call|>[{"name": "now"}]<|/tool_call|>', "", [("now", {})]),
        ("functools[", 'functools[{"name": "now", "arguments": {}}]', "", [("now", {})]),
        ("{", '{"tool_calls": [{"name": "now", "arguments": {}}]}', "", [("now", {})]),
        (
            "<tool_call>",
            (
                "<tool_call>\n<function=weather>\n<parameter=city>\n12\n</parameter>\n"
                "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>"
            ),
            "",
            [("weather", {"city": "12", "days": 3})],
        ),
        (
            "<function=",
            '<function=weather>{"city": "Paris"}</function><function=now></function>',
            "",
            [("weather", PARIS), ("now", {})],
        ),
        (
            DEEPSEEK,
            DEEPSEEK
            + WRITTEN.format("weather", '{"city": "Paris"}')
            + "\n"
            + WRITTEN.format("now", "{}")
            + "<｜tool▁calls▁end｜>",
            "",
            [("weather", PARIS), ("now", {})],
        ),
        (
            "Action: ```json\n[",
            'Action: ```json\n[\n  {"tool_name": "add", "parameters": {"a": 1}}\n]\n```',
            "",
            [("add", {"a": 1})],
        ),
        (
            "<tool_call>",
            '<tool_call>{"type": "function", "function": {"name": "now", "arguments": {}}}',
            "",
            [("now", {})],
        ),
    ],
)
def test_forms_of_a_call(tag: str, text: str, content: str, calls: Calls) -> None:
    check(tag, text, content, calls)


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("<tool_call>", "No call at all."),
        ("<tool_call>", "Half a tag <tool_"),
        ("<tool_call>", "<tool_call>"),
        ("<tool_call>", '<tool_call>{"name": "weather", "arguments": {"city"'),
        ("<tool_call>", '<tool_call>{"name": "nobody", "arguments": {}}</tool_call> so'),
        ("<tool_call>", '<tool_call>{"name": "weather", "arguments": [1]} so'),
        ("<tool_call>", '<tool_call>{"name": "weather", "arguments": "{"}'),
        ("<tool_call>", '<tool_call>{"name": 7}'),
        ("<tool_call>", "<tool_call>{name: weather}"),
        ("<tool_call>", "<tool_call>" + "no brace in sight " * 40 + '{"name": "now"}'),
        ("<tool_call>", "<tool_call><function=nobody></function>"),
        ("<function=", "<function=weather>not json</function>"),
        ("<function=", "<function=weather>"),
        ("{", 'Here: {"name": "now", "parameters": {}}'),
        ("{", '{"answer": 42} and more {"name": "now"}'),
        ("[", "[a link](http://x)"),
        ("[", "[] and so"),
        ("[TOOL_CALLS]", "[1, 2]"),
        ("<|python_tag|>", '{"answer": 42}'),
        ("{", ""),
        ("{", " \n"),
    ],
)
def test_what_is_no_call_stays_content(tag: str, text: str) -> None:
    check(tag, text, text, [])


FRAGMENTS = [
    "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<function=", "weather", "now",
    '{"name": "now", "arguments": {}}', '{"name":', '"weather"', '"arguments": {"city": "x"}}', "{",
    "}", "[", "]", '"', "\\", ",", " ", "\n", "text", "<", "[ARGS]", ">", "</function>", "é",
    "<parameter=city>", "</parameter>",
]  # fmt: skip
TAGS = ["<tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<function=", "{", "[", "[TOOL_CALLS] ["]


@settings(deadline=None)
@given(
    st.sampled_from(TAGS),
    st.lists(st.sampled_from(FRAGMENTS), max_size=10).map("".join),
    st.lists(st.integers(0, 120), max_size=10),
)
@example("{", '{"a": "}\\"}', [8])
@example("[TOOL_CALLS]", "[TOOL_CALLS][ ]", [13])
def test_where_the_stream_is_cut_makes_no_difference(tag: str, text: str, cuts: list[int]) -> None:
    content, calls = read(tag, text, cuts)
    whole, expected = read(tag, text)
    assert content == whole
    assert [(one.name, one.arguments) for one in calls] == [
        (one.name, one.arguments) for one in expected
    ]
    if not calls:
        assert content == text


ARGUMENTS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ),
    max_size=4,
)


@settings(deadline=None)
@given(ARGUMENTS, st.booleans(), st.sampled_from(TAGS), st.integers(1, 9))
def test_any_arguments_come_through(
    arguments: dict[str, Any], ascii_only: bool, tag: str, step: int
) -> None:
    call = {"name": "weather", "arguments": arguments}
    text = json.dumps([call] if "[" in tag else call, ensure_ascii=ascii_only)
    text = text if tag in ("{", "[") else tag.removesuffix(" [") + text
    if tag == "<function=":
        text = f"{tag}weather>{json.dumps(arguments)}</function>"
    content, found = read(tag, text, list(range(0, len(text), step)))
    assert (content, [one.arguments for one in found]) == ("", [arguments])


@settings(deadline=None, max_examples=40)
@given(st.integers(900, 2100), st.text('}{]["\\\\,> a', max_size=40), st.integers(3, 50))
def test_long_arguments_come_through(length: int, text: str, step: int) -> None:
    arguments = {"city": "x" * length + text, "days": [text]}
    written = json.dumps({"name": "weather", "arguments": arguments})
    whole = f"Look: <tool_call>{written}</tool_call> so"
    content, found = read("<tool_call>", whole, list(range(0, len(whole), step)))
    assert (content, [one.arguments for one in found]) == ("Look: so", [arguments])
    unfinished = whole[: -len("}</tool_call> so") - 1]
    assert read("<tool_call>", unfinished, list(range(0, len(whole), step))) == (unfinished, [])


def test_keys_keep_their_order() -> None:
    _, (call,) = read("{", '{"name": "now", "parameters": {"b": 1, "a": 2, "c": 3}}')
    assert list(call.arguments) == ["b", "a", "c"]


def test_names_inside_longer_words_are_not_calls() -> None:
    check("<tool_call>", "<tool_call>nowhere {}", "<tool_call>nowhere {}", [])


def test_content_before_a_call_is_not_held_back() -> None:
    parser = ToolCallParser("<tool_call>", TOOLS)
    assert parser.feed("Let me look.") == ("Let me look.", [])
    assert parser.feed(" <tool") == (" ", [])
    assert parser.feed("box>") == ("<toolbox>", [])
