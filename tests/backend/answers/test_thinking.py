"""Thinking and answer told apart, wherever the stream is cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.answers.thinking import ThinkingParser, held_back

TEXTS = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "think>", "</", " ", "\n", "a", "<b>", "é"]),
    max_size=12,
).map("".join)


def split(text: str, cuts: list[int], *, inside: bool = False) -> tuple[str, str]:
    """(thinking, content) of a text that arrives cut at those places."""
    parser = ThinkingParser("<think>", "</think>", inside=inside)
    places = sorted({0, len(text), *(cut for cut in cuts if cut <= len(text))})
    pieces = [text[a:b] for a, b in itertools.pairwise(places)]
    parts = [*map(parser.feed, pieces), parser.end()]
    return "".join(one for one, _ in parts), "".join(one for _, one in parts)


@pytest.mark.parametrize(
    ("text", "thinking", "content"),
    [
        ("<think>why</think>so", "why", "so"),
        ("  \n<think>\n why \n</think>\n\n so ", "why \n", "so "),
        ("so", "", "so"),
        ("  so", "", "  so"),
        ("<thin", "", "<thin"),
        ("<think", "", "<think"),
        ("<thinker>so", "", "<thinker>so"),
        ("<think>never closed", "never closed", ""),
        ("<think>half </thi", "half </thi", ""),
        ("<think></think>so", "", "so"),
        ("so <think>late</think>", "", "so <think>late</think>"),
        ("<think>a</think>b</think>c", "a", "b</think>c"),
        ("<think>a<think>b</think>c", "a<think>b", "c"),
        ("", "", ""),
        (" \n ", "", " \n "),
    ],
)
def test_a_reply(text: str, thinking: str, content: str) -> None:
    for step in (1, 2, 5, 100):
        assert split(text, list(range(0, len(text), step))) == (thinking, content)


@pytest.mark.parametrize(
    ("text", "thinking", "content"),
    [
        ("\nwhy\n</think>\n\nso", "why\n", "so"),
        ("why", "why", ""),
        ("</think>so", "", "so"),
        ("<think>again</think>so", "<think>again", "so"),
    ],
)
def test_a_reply_to_a_prompt_that_opened_the_thinking(
    text: str, thinking: str, content: str
) -> None:
    assert split(text, [], inside=True) == (thinking, content)
    assert split(text, list(range(len(text))), inside=True) == (thinking, content)


@given(TEXTS, st.lists(st.integers(0, 60), max_size=8), st.booleans())
def test_where_the_stream_is_cut_makes_no_difference(
    text: str, cuts: list[int], inside: bool
) -> None:
    assert split(text, cuts, inside=inside) == split(text, [], inside=inside)


@given(TEXTS)
def test_text_is_neither_lost_nor_made_up(text: str) -> None:
    thinking, content = split(text, list(range(len(text))))
    assert thinking in text
    assert content in text
    if not text.lstrip().startswith("<think>"):
        assert (thinking, content) == ("", text)


def test_thinking_streams_as_it_comes() -> None:
    parser = ThinkingParser("<think>", "</think>")
    fed = [parser.feed(piece) for piece in ["<think>", "one ", "two<", "b</thi", "nk>", "\nthree"]]
    assert fed == [("", ""), ("one ", ""), ("two", ""), ("<b", ""), ("", ""), ("", "three")]


@given(st.text("ab<", max_size=8), st.text("ab<", min_size=1, max_size=5))
def test_only_a_start_of_the_tag_is_held_back(text: str, tag: str) -> None:
    count = held_back(text, tag)
    assert count < len(tag)
    assert text.endswith(tag[:count])
    assert not any(text.endswith(tag[:more]) for more in range(count + 1, len(tag)))
