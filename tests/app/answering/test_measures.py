"""What numbers measure, and that an answer of another kind is not taken for one."""

import pytest

from app.answering.measures import asked_kinds, measured_kinds, measures_something_else


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("员工每年有多少天年假？", {"time"}),
        ("保修期是几个月？", {"time"}),
        ("年度保养合同多少钱？", {"money"}),
        ("How many days of leave are there?", {"time"}),
        ("How many working days does it take?", {"time"}),
        ("How many bolts hold the cover?", set()),
        ("How much is the die?", set()),
        ("液压油多久换一次？", {"time"}),
    ],
)
def test_what_a_question_wants_measured(question: str, kinds: set[str]) -> None:
    assert asked_kinds(question) == kinds


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("3000 元", {"money"}),
        ("每年 15 天", {"time"}),
        ("3 个工作日", {"time"}),
        ("6,800.50 euros", {"money"}),
        ("€ 120", {"money"}),
        ("90 °C after 15 minutes", {"temperature", "time"}),
        ("24 months or 3,000 hours", {"time"}),
        ("PM-340", set()),
        ("5 daylight lamps", set()),
    ],
)
def test_what_a_text_measures(text: str, kinds: set[str]) -> None:
    assert measured_kinds(text) == kinds


@pytest.mark.parametrize(
    ("question", "answer", "wrong"),
    [
        ("员工每年有多少天年假？", "3000 元", True),
        ("员工每年有多少天年假？", "15 天", False),
        ("员工每年有多少天年假？", "十五天", False),
        ("How many days of leave are there?", "110 euros", True),
        ("How many days of leave are there?", "28", False),
        ("What does the die cost?", "3 weeks", False),
    ],
)
def test_an_answer_of_another_kind(question: str, answer: str, wrong: bool) -> None:
    assert measures_something_else(question, answer) is wrong
