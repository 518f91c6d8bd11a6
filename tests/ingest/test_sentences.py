from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sentences import split_sentences

WRAPPED = """This line is long enough to have been wrapped by a page
Because of that it goes on here."""


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith paid $3.50. He left.", ["Dr. Smith paid $3.50.", "He left."]),
        ("See Fig. 3 and pp. 4-7. Done.", ["See Fig. 3 and pp. 4-7.", "Done."]),
        ("J. R. R. Tolkien wrote it. I read it.", ["J. R. R. Tolkien wrote it.", "I read it."]),
        (
            "The U.S. Senate met in the U.S. It rained.",
            ["The U.S. Senate met in the U.S.", "It rained."],
        ),
        (
            "It opens at 9 a.m. The doors close at noon.",
            ["It opens at 9 a.m.", "The doors close at noon."],
        ),
        (
            "Fruit, e.g. apples, etc. are cheap. Buy.",
            ["Fruit, e.g. apples, etc. are cheap.", "Buy."],
        ),
        ('"Go." She went. “Why?” he asked.', ['"Go."', "She went.", "“Why?” he asked."]),
        ("Cited.[3] Next one (really.) Last.", ["Cited.[3]", "Next one (really.)", "Last."]),
        ("Wait... what? Version 2.0.1 runs.", ["Wait... what?", "Version 2.0.1 runs."]),
        ("今天天气很好。我们出去吧！好吗？好", ["今天天气很好。", "我们出去吧！", "好吗？", "好"]),
        ("他说：“你好。”然后走了。", ["他说：“你好。”", "然后走了。"]),
        ("圆周率是3.14。English too. 对。", ["圆周率是3.14。", "English too.", "对。"]),
        ("1. First item\n2. Second item", ["1. First item", "2. Second item"]),
        ("- apples\n- pears and\n  plums", ["- apples", "- pears and\n  plums"]),
        ("第一条 定义\n第二条 范围", ["第一条 定义", "第二条 范围"]),
        ("Title\n\nBody text", ["Title", "Body text"]),
        (
            f"Introduction\n{WRAPPED}",
            ["Introduction", WRAPPED],
        ),
        ("compared with\n(41.5% at first) it grew.", ["compared with\n(41.5% at first) it grew."]),
        ("A title of\nTwo lines\n\nText", ["A title of\nTwo lines", "Text"]),
        ("Ann Lee\n12 High Street\nLeeds", ["Ann Lee", "12 High Street", "Leeds"]),
        ("| a | b |\n| c | d |", ["| a | b |", "| c | d |"]),
        ("", []),
        (" \n\t\n ", []),
    ],
)
def test_splits_as_a_reader_would(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


pieces = st.sampled_from(
    [
        "Mr. ",
        "One two. ",
        "3.14 ",
        "\n",
        "\n\n",
        "。",
        "你好",
        "！”",
        "- x\n",
        "U.S. ",
        "...",
        "[1]",
        " ",
        "é",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(pieces, max_size=40).map("".join)))
def test_loses_nothing_and_keeps_order(text: str) -> None:
    spans = split_sentences(text)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert all(text[s.start : s.end].strip() == text[s.start : s.end] != "" for s in spans)
    inside = "".join(text[s.start : s.end] for s in spans)
    assert "".join(inside.split()) == "".join(text.split())


def test_long_text_without_a_stop_is_linear() -> None:
    assert len(split_sentences("word " * 200_000)) == 1
    assert len(split_sentences("a. B " * 100_000)) >= 1
