from dataclasses import replace

import pytest

from evals.records import Case, Exchange, GoldSource, Retrieved, Score, Sentence
from evals.scorer import apply
from evals.scorers import standard
from evals.scorers.abstention import Abstention
from evals.scorers.answer import AnswerMatch, contains, exact_match, f1
from evals.scorers.faithfulness import Faithfulness
from evals.scorers.latency import Latency
from evals.scorers.retrieval import Retrieval, finds, matches

CASE = Case("c", "How long?", answers=("30 days",), sources=(GoldSource("a.pdf", 2, "30 days"),))
NOT_ANSWERABLE = Case("n", "Who?", answerable=False)
HIT = Retrieved("a.pdf", "returned within 30\ndays of delivery", page=2)
MISS = Retrieved("a.pdf", "shipping is free", page=1)
EXCHANGE = Exchange(
    passages=(MISS, HIT), answer="Within 30 days [1].", model_answer="a month", abstained=False
)


def values(scores: dict[str, Score]) -> dict[str, float | None]:
    return {name: score.value for name, score in scores.items()}


@pytest.mark.parametrize(
    ("passage", "source", "expected"),
    [
        (HIT, GoldSource("a.pdf"), True),
        (HIT, GoldSource("b.pdf"), False),
        (HIT, GoldSource("a.pdf", 2), True),
        (HIT, GoldSource("a.pdf", 3), False),
        (HIT, GoldSource("a.pdf", 3, "30 days"), True),  # begins on the page before
        (HIT, GoldSource("a.pdf", 5, "30 days"), False),
        (HIT, GoldSource("a.pdf", 2, "60 days"), False),
        (replace(HIT, page=None), GoldSource("a.pdf", 2, "30 DAYS"), True),
    ],
)
def test_a_passage_is_relevant_by_document_page_and_quote(
    passage: Retrieved, source: GoldSource, expected: bool
):
    assert matches(passage, source) is expected


def test_a_source_is_found_once():
    assert finds([MISS, HIT, HIT], CASE.sources) == ["", "0", ""]


def test_two_sources_need_two_passages():
    sources = (GoldSource("a.pdf", quote="30 days"), GoldSource("b.pdf"))
    assert finds([HIT, MISS, Retrieved("b.pdf", "x")], sources) == ["0", "", "1"]


def test_retrieval_metrics_by_hand():
    found = values(dict(Retrieval().score(CASE, EXCHANGE)))
    assert found["hit@1"] == 0
    assert found["hit@3"] == found["hit@5"] == found["recall@5"] == 1
    assert found["mrr"] == 0.5
    assert found["ndcg@10"] == pytest.approx(0.6309, abs=1e-4)  # 1/log2(3)


def test_retrieval_without_gold_is_unscored():
    scores = Retrieval().score(NOT_ANSWERABLE, EXCHANGE)
    assert {score.value for score in scores.values()} == {None}
    assert scores["mrr"].reason


@pytest.mark.parametrize(
    ("text", "golds", "em", "overlap", "inside"),
    [
        ("The 30 days.", ["30 days"], 1, 1.0, 1),
        ("30 days [2]", ["30 days"], 1, 1.0, 1),
        ("it is 30 days", ["thirty days", "30 days"], 0, 2 * (2 / 4) * 1 / (2 / 4 + 1), 1),
        ("130 days", ["30 days"], 0, 0.5, 0),
        ("", ["30 days"], 0, 0.0, 0),
        ("12天", ["12 天"], 1, 1.0, 1),
        ("享有12天年假", ["12 天"], 0, 2 * (2 / 6) / (2 / 6 + 1), 1),
        ("25%", ["百分之二十五", "25%"], 1, 1.0, 1),
    ],
)
def test_answer_measures(text: str, golds: list[str], em: float, overlap: float, inside: float):
    assert exact_match(text, golds) == em
    assert f1(text, golds) == pytest.approx(overlap)
    assert contains([text], golds) == inside


def test_own_words_and_quotes_are_scored_apart():
    shown = replace(
        EXCHANGE,
        answer="See below.",
        sources=(replace(HIT, quote="30 days of delivery", cited=True),),
    )
    found = values(dict(AnswerMatch().score(CASE, shown)))
    assert found["model_contains"] == found["answer_contains"] == 0
    assert found["quoted_contains"] == found["evidence_contains"] == 1


def test_a_quote_that_is_not_cited_counts_only_as_evidence():
    shown = replace(EXCHANGE, answer="No.", sources=(replace(HIT, quote="30 days", cited=False),))
    found = values(dict(AnswerMatch().score(CASE, shown)))
    assert (found["quoted_contains"], found["evidence_contains"]) == (0, 1)


def test_a_sentence_quote_counts():
    shown = replace(EXCHANGE, answer="No.", sentences=(Sentence("No.", "unsupported", "30 days"),))
    assert AnswerMatch().score(CASE, shown)["quoted_contains"].value == 1


def test_silence_scores_zero_even_when_its_passages_hold_the_answer():
    silent = replace(EXCHANGE, abstained=True, sources=(replace(HIT, quote="30 days", cited=True),))
    found = AnswerMatch().score(CASE, silent)
    assert found["quoted_contains"].value == found["evidence_contains"].value == 0


@pytest.mark.parametrize(
    ("case", "abstained", "right", "wrong"),
    [
        (CASE, True, None, 1.0),
        (CASE, False, None, 0.0),
        (NOT_ANSWERABLE, True, 1.0, None),
        (NOT_ANSWERABLE, False, 0.0, None),
    ],
)
def test_abstention(case: Case, abstained: bool, right: float | None, wrong: float | None):
    found = Abstention().score(case, replace(EXCHANGE, abstained=abstained))
    assert found["right_abstention"].value == right
    assert found["wrong_abstention"].value == wrong


@pytest.mark.parametrize(
    ("verdicts", "supported", "unsupported"),
    [
        (["supported", "unsupported", "partial", "supported"], 0.5, 0.25),
        (["supported", "not_checked"], 1.0, 0.0),
        (["not_checked"], None, None),
        ([], None, None),
    ],
)
def test_faithfulness(verdicts: list[str], supported: float | None, unsupported: float | None):
    sentences = tuple(Sentence("s", verdict) for verdict in verdicts)
    found = Faithfulness().score(CASE, replace(EXCHANGE, sentences=sentences))
    assert found["faithfulness"].value == supported
    assert found["unsupported"].value == unsupported


def test_silence_claims_nothing():
    silent = replace(EXCHANGE, abstained=True, sentences=(Sentence("s", "supported"),))
    assert Faithfulness().score(CASE, silent)["faithfulness"].value is None


def test_latency_leaves_out_steps_not_taken():
    timed = replace(EXCHANGE, timings={"retrieve_ms": 12.5, "generate_ms": 0.0}, ask_ms=40.0)
    found = Latency().score(CASE, timed)
    assert found["retrieve_ms"].value == 12.5
    assert found["ask_ms"].value == 40.0
    assert found["generate_ms"].value is None
    assert found["total_ms"].value is None


def test_a_crashing_scorer_is_a_value():
    class Broken:
        name, version = "broken", "1"

        def score(self, case: Case, exchange: Exchange) -> dict[str, Score]:
            raise ZeroDivisionError("by nought")

    scores, failures = apply([Broken(), Abstention()], CASE, EXCHANGE)
    assert "wrong_abstention" in scores
    assert [(f.where, f.error, f.message) for f in failures] == [
        ("broken", "ZeroDivisionError", "by nought")
    ]


def test_every_scorer_has_a_name_of_its_own_and_a_version():
    scorers = standard()
    assert len({scorer.name for scorer in scorers}) == len(scorers)
    assert all(scorer.version for scorer in scorers)
