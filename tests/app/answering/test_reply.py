"""Small models repeat themselves, echo and refuse."""

import pytest

from app.answering import reply


@pytest.mark.parametrize(
    "text",
    [
        "ten days ten days ten days ten days",
        "1111111111111",
        "好的好的好的好的好的好的",
        "a b c\na b c\na b c\na b c",
    ],
)
def test_loops_are_seen(text: str) -> None:
    assert reply.looping(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,000,000",
        "a very, very good day",
        "Bora Bora",
        "2000-2005",
        "the sun: 100000000",
        "1000000000",
        "1000000000000",
    ],
)
def test_ordinary_text_is_no_loop(text: str) -> None:
    assert not reply.looping(text)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (" 28 days\n", "28 days"),
        ("Answer: 28 days", "28 days"),
        ("回答：28天", "28天"),
        ("<think>hm</think>28 days", "28 days"),
        ("<think>never ends", ""),
        ("It is red. It is red. It is blue.", "It is red."),
        ("in Oslo in Oslo in Oslo in Oslo", "in Oslo"),
        ("It has 100000000", "It has 100000000"),
        ("It has 1000000000 cells.", "It has 1000000000 cells."),
        ("0" * 40, ""),
    ],
)
def test_cleaning(said: str, kept: str) -> None:
    assert reply.clean(said) == kept


@pytest.mark.parametrize(
    "text",
    [
        "The documents do not say.",
        "I don't know.",
        "文档中没有说明。",
        "The passages do not mention it.",
    ],
)
def test_refusals(text: str) -> None:
    assert reply.refuses(text)


@pytest.mark.parametrize("text", ["28 days", "He does not know the way.", "水箱没有盖子"])
def test_answers_are_no_refusals(text: str) -> None:
    assert not reply.refuses(text)


def test_only_finished_sentences() -> None:
    assert reply.finished_sentences("One is done. Two is no") == ["One is done."]
    assert reply.sentences("One is done. Two is no") == ["One is done.", "Two is no"]


def test_nothing_said() -> None:
    assert reply.says_nothing(" [1] …", "What?")
    assert reply.says_nothing("what is it", "What is it?")
    assert not reply.says_nothing("red", "What is it?")
