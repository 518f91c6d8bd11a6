"""Numbers and negations that a sentence claims and its source does not: never `supported`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answering.candidates import candidates
from app.answering.records import Verdict
from app.answering.verify import Check, Window, check, lifted, windows
from app.answering.words import claimed_numbers, denied, stated_numbers
from tests.app.answering.made import passage

LEAVE = "Unused leave may not be carried over to the next year."
WARRANTY = "保修期为两年，由上海维修中心负责维修。"


def among(*texts: str) -> list[Window]:
    passages = [passage(text, id=str(n)) for n, text in enumerate(texts)]
    return windows(candidates(passages), ["notes.txt"] * len(texts), list(texts))


def verdict(sentence: str, *texts: str, question: str = "") -> Verdict:
    return check(sentence, question, among(*texts)).verdict


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("three years", {"3"}),
        ("two hundred and six men", {"206"}),
        ("twenty-five litres", {"25"}),
        ("twenty five litres", {"25"}),
        ("five million euros", {"5000000"}),
        ("two dozen eggs", {"24"}),
        ("two and three", {"2", "3"}),
        ("twenty years and five days", {"20", "5"}),
        ("one of them at first, once", set()),
        ("the thirty-first day", {"31"}),
        ("保修三年", {"3"}),
        ("十年", {"10"}),
        ("二十五次", {"25"}),
        ("两个月", {"2"}),
        ("每天一次", {"1"}),
        ("一次性餐具", set()),
        ("一个三明治", set()),
    ],
)
def test_what_a_text_claims_to_count(text: str, claimed: set[str]) -> None:
    assert claimed_numbers(text) == claimed
    assert claimed <= stated_numbers(text)


@given(st.integers(1, 99), st.sampled_from(["{} days", "in {} years", "{}天", "共{}元"]))
def test_a_number_supports_itself_and_no_other(value: int, form: str) -> None:
    assert claimed_numbers(form.format(value)) <= stated_numbers(form.format(value))
    assert not claimed_numbers(form.format(value + 1)) & stated_numbers(form.format(value))


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("The laptop is replaced after three years.", "The laptop is replaced after 4 years."),
        ("It costs five million euros in the first year.", "It costs 5 thousand euros a year."),
        ("The tank holds twenty-six litres of water.", "The tank holds 25 litres of water."),
        ("保修期为三年，由上海维修中心负责维修。", WARRANTY),
        ("机器每天需要清洗一次，并且要加满清水。", "机器每天需要清洗两次，并且要加满清水。"),
    ],
)
def test_a_wrong_number_in_words_is_not_supported(sentence: str, source: str) -> None:
    found = check(sentence, "", among(source))
    assert found.verdict is not Verdict.SUPPORTED
    assert lifted(found, 0.99).verdict is not Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("The laptop is replaced after four years.", "The laptop is replaced after 4 years."),
        ("The tank holds 25 litres of water.", "The tank holds twenty-five litres of water."),
        ("The office has 206 desks in all its rooms.",
         "The office has two hundred and six desks in all its rooms."),
        ("保修期为2年，由上海维修中心负责维修。", WARRANTY),
        ("保修期为二年，由上海维修中心负责维修。", WARRANTY),
    ],
)  # fmt: skip
def test_the_same_number_in_another_spelling_is_supported(sentence: str, source: str) -> None:
    assert verdict(sentence, source) is Verdict.SUPPORTED


@pytest.mark.parametrize(("answer", "right"), [("三年", False), ("两年", True), ("2年", True)])
def test_a_short_chinese_answer_must_have_the_number(answer: str, right: bool) -> None:
    found = verdict(answer, WARRANTY, question="保修期是多久？")
    assert (found is Verdict.SUPPORTED) is right


def test_the_number_of_the_neighbouring_sentence_is_another_things() -> None:
    source = "Full-time employees receive 25 days of leave. Receipts are due within 30 days."
    assert verdict("Full-time employees receive 30 days of leave.", source) is Verdict.PARTIAL
    assert verdict("Full-time employees receive 25 days of leave.", source) is Verdict.SUPPORTED


def test_a_sentence_of_two_neighbours_may_have_the_numbers_of_both() -> None:
    source = "Full-time employees receive 25 days of leave. Receipts are due within 30 days."
    both = "Full-time employees receive 25 days of leave and receipts are due within 30 days."
    assert verdict(both, source) is Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("Unused leave may be carried over to the next year.", LEAVE),
        ("Unused leave cannot be carried over to the next year.",
         "Unused leave can be carried over to the next year."),
        ("There is parking for visitors behind the main building.",
         "There is no parking for visitors behind the main building."),
        ("The company pays for lost keys of the office.",
         "The company doesn’t pay for lost keys of the office."),
        ("除垢时可以使用醋，然后必须加满清水。", "除垢时不可以使用醋，然后必须加满清水。"),
        ("保修包括滤芯和水箱的所有部件及其更换。", "保修不包括滤芯和水箱的所有部件及其更换。"),
    ],
)  # fmt: skip
def test_what_the_source_denies_is_not_supported(sentence: str, source: str) -> None:
    assert verdict(sentence, source) is not Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        (LEAVE, LEAVE),
        ("Full-time employees receive 25 days of leave.",
         "Full-time employees receive 25 days of leave, not counting public holidays."),
        ("水箱容量为两升，使用前必须加满清水。",
         "水箱容量为两升，使用前必须加满清水，不同型号另有说明。"),
    ],
)  # fmt: skip
def test_a_negation_of_something_else_does_no_harm(sentence: str, source: str) -> None:
    assert verdict(sentence, source) is Verdict.SUPPORTED


def test_what_a_negation_denies() -> None:
    assert denied("Leave may not be carried over.") == {"carri"}
    assert denied("It isn’t paid, and never was refunded.") == {"paid", "refund"}
    assert "使用" in denied("不可以使用醋")
    assert denied("不同的人") == frozenset()


def test_a_disagreement_is_not_lifted_by_meaning() -> None:
    found: Check = check("Unused leave may be carried over to the next year.", "", among(LEAVE))
    assert found.hard
    assert lifted(found, 0.99).verdict is found.verdict
