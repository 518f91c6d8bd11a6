"""Verdicts by table: what is supported, what is not, and why."""

import pytest

from app.answering.candidates import candidates
from app.answering.records import Verdict
from app.answering.verify import Check, Window, check, is_short, lifted, windows
from tests.app.answering.conftest import HANDBOOK, MANUAL_ZH
from tests.app.answering.made import passage

S, P, U, N = Verdict.SUPPORTED, Verdict.PARTIAL, Verdict.UNSUPPORTED, Verdict.NOT_CHECKED


def among(*texts: str) -> list[Window]:
    passages = [passage(text, id=str(n)) for n, text in enumerate(texts)]
    return windows(candidates(passages), ["handbook.txt"] * len(texts), list(texts))


BOOK = among(*HANDBOOK.split("\n\n"), *MANUAL_ZH.split("\n\n"))


@pytest.mark.parametrize(
    ("question", "answer", "verdict"),
    [
        ("How many days of annual leave do full-time employees receive?", "25 days", S),
        ("How many days of annual leave do full-time employees receive?", "25", S),
        ("How many days of annual leave do full-time employees receive?", "40 days", U),
        ("Who approves flights longer than six hours?", "Dr. Maria Okafor", S),
        ("Who approves flights longer than six hours?", "Dr. Peter Okafor", U),
        ("Who cleans the windows of the canteen?", "Dr. Maria Okafor", P),
        ("After how many years is a telephone replaced?", "3 years", S),
        ("How long until receipts are handed in?", "within 30 days", S),
        ("水箱的容量是多少？", "1.8升", S),
        ("水箱的容量是多少？", "2.5升", U),
        ("谁负责维修？", "上海维修中心", S),
        ("谁负责维修？", "北京维修中心", U),
        ("谁负责维修？", "保修中心", U),
        ("多少次使用后要除垢？", "25次", S),
    ],
)
def test_short_answers_are_read_with_their_question(
    question: str, answer: str, verdict: Verdict
) -> None:
    assert check(answer, question, BOOK).verdict is verdict


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("Employees who work full-time receive 25 days of annual leave per year.", S),
        ("Full-time employees receive 30 days of annual leave per year.", P),
        ("Employees who work full-time can buy a discounted ticket for the swimming pool.", U),
        ("All train trips are booked in second class by the travel office.", P),
        ("Every flight that is longer than six hours is approved by Dr. Maria Okafor.", S),
        ("Every flight that is longer than six hours is approved by Dr. John Smith.", P),
        ("Unused leave does not expire on 31 March of the following year.", P),
        ("保修期为两年，由上海维修中心负责维修。", S),
        ("除垢时使用醋是最好的办法，效果比别的方法更加明显。", U),
    ],
)
def test_sentences(sentence: str, verdict: Verdict) -> None:
    assert check(sentence, "", BOOK).verdict is verdict


def test_a_wrong_number_or_name_is_never_supported_nor_lifted() -> None:
    found = check("Full-time employees receive 30 days of annual leave per year.", "", BOOK)
    assert found.hard
    assert lifted(found, 0.99).verdict is P


@pytest.mark.parametrize("word", ["Yes.", "no", "是的", "不是", "…"])
def test_yes_and_no_cannot_be_checked(word: str) -> None:
    assert check(word, "Is leave paid?", BOOK).verdict is N


def test_an_answer_that_stands_beside_another_question_is_not_supported() -> None:
    book = among("The tank holds 9 litres of water. The pump was made in Oslo and weighs 12 kg.")
    question = "How many litres of water does the tank hold?"
    assert check("9 litres", question, book).verdict is S
    assert check("12 kg", question, book).verdict is U


def test_words_scattered_over_a_passage_support_nothing() -> None:
    text = (
        "The pump is blue. It was bought in Oslo. The tank holds oil. The valve leaks sometimes "
        "and was repaired."
    )
    claim = "The pump leaks oil, so it was repaired in Oslo last winter."
    assert check(claim, "", among(text)).verdict is not S


def test_marks_are_kept_where_they_carry_the_sentence_and_replaced_where_not() -> None:
    book = among("Leave is 25 days per year for all the staff.", "The canteen opens at noon.")
    claim = "Leave is 25 days per year for all of the staff."
    assert check(claim, "", book, marked=[1]).citations == (1,)
    assert check(claim, "", book, marked=[2]).citations == (1,)


def test_an_unsupported_sentence_cites_nothing_but_offers_a_quote() -> None:
    found = check("40 days", "How many days of annual leave?", BOOK)
    assert found.citations == ()
    assert found.quote


def test_no_passages_support_nothing() -> None:
    assert check("25 days", "How long?", []).verdict is U
    assert (
        check("A long sentence about something that nobody wrote down anywhere.", "", []).verdict
        is U
    )


@pytest.mark.parametrize(
    ("verdict", "cosine", "after"),
    [(P, 0.85, S), (P, 0.7, P), (U, 0.75, P), (U, 0.5, U), (S, 0.1, S)],
)
def test_similarity_lifts_one_step(verdict: Verdict, cosine: float, after: Verdict) -> None:
    assert lifted(Check(verdict, 0.5), cosine).verdict is after


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("25 days", True),
        ("A sentence that has quite a few more words than eight.", False),
        ("上海维修中心", True),
    ],
)
def test_short(text: str, short: bool) -> None:
    assert is_short(text) is short


def test_a_question_in_a_document_supports_nothing_and_its_answer_is_read_with_it() -> None:
    faq = among("What does a visit cost?\n\nThe flat fee is 95 euros.", "When do visits end?")
    assert [window.quote for window in faq] == ["The flat fee is 95 euros."]
    assert check("95 euros", "What does a visit cost?", faq).verdict is S
    assert check("12 euros", "What does a visit cost?", faq).quote == "The flat fee is 95 euros."
