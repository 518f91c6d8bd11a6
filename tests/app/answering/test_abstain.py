"""The confidence that the passages hold an answer."""

from dataclasses import replace

import pytest

from app.answering.abstain import Signals, codes, coefficients, judge, signals
from app.answering.candidates import candidates
from app.answering.evidence import rank
from tests.app.answering.made import passage

STRONG = Signals(
    sentence=0.9, passage=1.0, words=1.0, missing=0.0, number=1.0, similarity=0.75, agreement=1.0
)


def test_strong_evidence_is_enough_and_none_is_not() -> None:
    assert judge(STRONG).enough
    assert not judge(Signals(missing=1.0, similarity=0.05)).enough
    assert not judge(Signals(missing=1.0)).enough


def test_words_alone_can_be_enough_where_the_embedder_is_no_judge() -> None:
    assert judge(replace(STRONG, similarity=None)).enough


@pytest.mark.parametrize("name", ["sentence", "passage", "similarity"])
def test_less_evidence_means_less_confidence(name: str) -> None:
    assert judge(replace(STRONG, **{name: 0.0})).confidence < judge(STRONG).confidence


def test_the_tables_name_only_signals() -> None:
    known = set(Signals.__dataclass_fields__) | {"intercept", "threshold"}
    for table in coefficients().values():
        assert set(table) <= known
        assert 0 < table["threshold"] < 1


def test_signals_of_a_question() -> None:
    passages = [passage("Leave is 25 days a year for everyone.", id="a")]
    question = "How many days of leave has everyone?"
    ranked = rank(question, candidates(passages), [1.0])
    found = signals(question, passages, ranked, dense_knows=False)
    assert found.sentence == pytest.approx(1.0)
    assert (found.words, found.missing, found.number) == (1.0, 0.0, 1.0)
    assert found.similarity is None


def test_a_number_that_is_asked_for_and_not_there() -> None:
    passages = [passage("Leave is granted to everyone.", id="a")]
    question = "How many days of leave has everyone?"
    ranked = rank(question, candidates(passages), [1.0])
    assert signals(question, passages, ranked, dense_knows=True).number == 0.0


def test_what_is_said_of_one_machine_is_no_answer_about_another() -> None:
    passages = [passage("The PM-200 weighs 410 kg without its stand.", id="a")]
    ranked = rank("What does the PM-500 weigh?", candidates(passages), [1.0])
    found = signals("What does the PM-500 weigh?", passages, ranked, dense_knows=True)
    assert found.unknown_code
    assert not judge(replace(STRONG, unknown_code=found.unknown_code)).enough
    known = signals("What does the PM200 weigh?", passages, ranked, dense_knows=True)
    assert not known.unknown_code


def test_no_passages() -> None:
    assert not judge(signals("Who?", [], [], dense_knows=True)).enough


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What does the PM-500 cost?", {"pm500"}),
        ("PM 500 or PM500?", {"pm500"}),
        ("故障代码E07是什么意思？", {"e07"}),
        ("The 20th of May 1964, in 3D", set()),
        ("Route A, 12 km", set()),
    ],
)
def test_what_counts_as_a_code(text: str, found: set[str]) -> None:
    assert codes(text) == found
