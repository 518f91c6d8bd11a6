"""What the passages say to a sentence of the answer: words, numbers and names; pure, no model.

A sentence is held against windows of one or two neighbouring sentences, not whole passages:
words that only meet somewhere on a page support nothing. A number or name that the passages do
not have is never `supported`.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.answering.candidates import Candidate, is_question
from app.answering.measures import measures_something_else
from app.answering.records import Verdict
from app.answering.words import (
    claimed_numbers,
    denied,
    is_cjk,
    names,
    negated,
    plain,
    question_terms,
    stated_numbers,
    terms,
    without_numerals,
)

SUPPORTED = 0.75
"""Share of a sentence's words in one window, from which it counts as supported."""
PARTIAL = 0.45
QUESTION_NEAR = 0.45
"""Share of the question's words around a short answer, from which it answers that question."""
NEARLY = 0.99
PARTIAL_PHRASE = 0.6
PHRASE_TERMS = 4
"""Terms from which a short answer is a phrase that may be reworded, and no name or number."""
PHRASE_PAIRS = 8
"""The same in pairs of CJK characters."""
SHORT_WORDS = 8
BESIDE = 0.75
"""Of what the best place has of the question's words, the share that the answer's must have.

XQuAD en, zh, DRCD: true answers `supported` 90, 90, 88 %; answers to another question of the
same paragraph 44, 45, 26 % (without this rule 82, 87, 83); of another article 0 to 2 %."""
SHORT_CJK = 14
QUESTION_NEAR_CJK = 0.3
"""Lower: pairs that span two words are rarely found again."""
SIMILAR = 0.80
"""Cosine with the best window that lifts `partial` to `supported`."""
RELATED = 0.70
"""Cosine that lifts `unsupported` to `partial`."""
_COMPLETE = re.compile(r"\S+(?:\s+\S+){4,}[.!?]$|\w{8,}[。！？]$")
"""Five words or eight CJK characters that end as a sentence does."""
_ORDER = (Verdict.NOT_CHECKED, Verdict.UNSUPPORTED, Verdict.PARTIAL, Verdict.SUPPORTED)
_YES_NO = frozenset(
    {"yes", "no", "true", "false", "是", "是的", "不是", "对", "不对", "否", "有", "没有"}
)


@dataclass(frozen=True, slots=True)
class Window:
    """One sentence (`single`) or two neighbours of source `n`; `context` may name things."""

    n: int
    text: str
    quote: str
    context: str
    single: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict on one sentence; `hard` when a number, name or negation disagrees."""

    verdict: Verdict
    score: float
    citations: tuple[int, ...] = ()
    quote: str | None = None
    window: str = ""
    hard: bool = False


def windows(pool: Sequence[Candidate], titles: Sequence[str], texts: Sequence[str]) -> list[Window]:
    """Return every sentence and every pair of neighbours of the passages, but no questions.

    Args:
        titles: document name and headings of each passage, by its place.
        texts: the passages themselves, by their place.
    """
    stated = [candidate for candidate in pool if not is_question(candidate.text)]
    single = [
        Window(c.passage + 1, c.readable, c.text, f"{titles[c.passage]} {texts[c.passage]}")
        for c in stated
    ]
    double = [
        Window(a.passage + 1, f"{a.readable} {b.text}", a.text, one.context, single=False)
        for (a, b), one in zip(pairwise(stated), single, strict=False)
        if a.passage == b.passage and b.ordinal == a.ordinal + 1
    ]
    return single + double


def check(
    sentence: str, question: str, among: Sequence[Window], marked: Collection[int] = ()
) -> Check:
    """Return the verdict on a sentence without its marks.

    Args:
        marked: the sources that the model named. Where they do not carry the sentence, the
            one that does is cited instead.
    """
    if plain(sentence) in _YES_NO or not plain(sentence):
        return Check(Verdict.NOT_CHECKED, 0.0)
    judged = _check_short if is_short(sentence) else _check_long
    if judged is _check_short and _COMPLETE.search(sentence):
        judged = _check_either
    own = [window for window in among if window.n in marked]
    first = judged(sentence, question, own) if own else None
    if first and first.verdict is Verdict.SUPPORTED:
        return first
    everywhere = judged(sentence, question, among)
    return first if first and first.score >= everywhere.score else everywhere


def lifted(found: Check, cosine: float) -> Check:
    """Raise a verdict that words alone left low, for a sentence that says it in other words."""
    if found.hard:
        return found
    verdict = found.verdict
    if verdict is Verdict.PARTIAL and cosine >= SIMILAR:
        verdict = Verdict.SUPPORTED
    elif verdict is Verdict.UNSUPPORTED and cosine >= RELATED:
        verdict = Verdict.PARTIAL
    citations = found.citations
    return Check(verdict, max(found.score, cosine * 0.9), citations, found.quote, found.window)


def is_short(sentence: str) -> bool:
    """Say whether a sentence is a bare name, number or phrase, to be read with its question."""
    if is_cjk(sentence):
        return len(plain(sentence).replace(" ", "")) <= SHORT_CJK
    return len(sentence.split()) <= SHORT_WORDS


def _check_either(sentence: str, question: str, among: Sequence[Window]) -> Check:
    """Judge a short but complete sentence, which may say what it says without its question."""
    both = [judge(sentence, question, among) for judge in (_check_long, _check_short)]
    return max(both, key=lambda found: (_ORDER.index(found.verdict), found.score))


def _check_long(sentence: str, question: str, among: Sequence[Window]) -> Check:
    wanted = question_terms(sentence)
    if not wanted or not among:
        return Check(Verdict.UNSUPPORTED, 0.0)
    best = max(
        _of_one_sentence(sentence, among) or among,
        key=lambda window: (_share(wanted, terms(window.text)), -len(window.text)),
    )
    share = _share(wanted, terms(best.text))
    hard = _disagrees(sentence, best)
    score = share * (0.5 if hard else 1.0)
    if hard:
        verdict = Verdict.PARTIAL if share >= SUPPORTED else Verdict.UNSUPPORTED
    elif share >= SUPPORTED:
        verdict = Verdict.SUPPORTED
    else:
        verdict = Verdict.PARTIAL if share >= PARTIAL else Verdict.UNSUPPORTED
    return _verdict(verdict, score, best, hard=hard)


def _of_one_sentence(sentence: str, among: Sequence[Window]) -> list[Window]:
    """Return the single sentences that have all its words but for numbers.

    Where there are such, its numbers must be theirs: a neighbour's number is another thing's.
    """
    claimed = claimed_numbers(sentence)
    words = [term for term in question_terms(sentence) if term not in claimed]
    if not claimed or not words:
        return []
    return [w for w in among if w.single and _share(words, terms(w.text)) == 1.0]


def _check_short(sentence: str, question: str, among: Sequence[Window]) -> Check:
    """Judge question and answer together: is it there, and where the question's words are?

    In single sentences only: beside the one that was asked about stands another's answer.
    """
    if not among:
        return Check(Verdict.UNSUPPORTED, 0.0)
    asked = question_terms(question)
    scored = [
        (_held(sentence, window), _near(asked, window), -len(window.text), window)
        for window in among
        if window.single
    ]
    held, near, _, best = max(scored, key=lambda item: item[:3])
    if measures_something_else(question, sentence):
        return _verdict(Verdict.UNSUPPORTED, 0.2, best, hard=True)
    news = set(question_terms(sentence)) - set(asked)
    if held < 1.0:
        return _verdict(_of_phrase(sentence, held, best), 0.5 * held, best)
    enough = QUESTION_NEAR_CJK if is_cjk(question) else QUESTION_NEAR
    nearest = max(item[1] for item in scored)
    if near >= enough and near >= BESIDE * nearest and news:
        return _verdict(Verdict.SUPPORTED, 0.5 + near / 2, best)
    return _verdict(Verdict.PARTIAL, 0.4 + near / 4, best)


def _of_phrase(phrase: str, held: float, best: Window) -> Verdict:
    """Judge a phrase of which the passage lacks a word; in a name every word counts."""
    is_name = len(question_terms(phrase)) < (PHRASE_PAIRS if is_cjk(phrase) else PHRASE_TERMS)
    if is_name or held < PARTIAL_PHRASE or _disagrees(phrase, best):
        return Verdict.UNSUPPORTED
    return Verdict.PARTIAL


def _verdict(verdict: Verdict, score: float, window: Window, *, hard: bool = False) -> Check:
    citations = () if verdict is Verdict.UNSUPPORTED else (window.n,)
    return Check(verdict, round(score, 3), citations, window.quote, window.text, hard)


def _held(answer: str, window: Window) -> float:
    """Return 1 where the window has the answer in its own words, else its share of the words.

    Numbers may be spelled otherwise (25次, 二十五次). Pairs of CJK characters alone prove
    nothing: 保修中心 has every pair of 保修 and 维修中心.
    """
    if claimed_numbers(answer) - stated_numbers(window.text):
        return 0.0
    if is_cjk(answer):
        if _bare(answer) in _bare(window.text):
            return 1.0
        return min(NEARLY, _share(question_terms(answer), terms(window.text)))
    if f" {plain(answer)} " in f" {plain(window.text)} ":
        return 1.0
    return _share(question_terms(answer), terms(window.text) | stated_numbers(window.text))


def _bare(text: str) -> str:
    """Return the text without blanks, marks and numerals."""
    return without_numerals(plain(text)).replace(" ", "")


def _disagrees(sentence: str, window: Window) -> bool:
    """Say whether the sentence has a number, a name or a negation that the source has not.

    Or has not what the source has: a negation before one of the sentence's own words.
    """
    if claimed_numbers(sentence) - stated_numbers(window.text):
        return True
    context = f"{window.text} {window.context}"
    held = terms(context) | names(context)
    folded = plain(context)
    if any(name not in held and name not in folded for name in names(sentence)):
        return True
    if negated(sentence):
        return not negated(window.text)
    return bool(denied(window.quote if window.single else window.text) & terms(sentence))


def _near(asked: Sequence[str], window: Window) -> float:
    """Return the question's share in the window; elsewhere in the passage a word counts half."""
    if not asked:
        return 0.0
    inside = _share(asked, terms(window.text))
    return inside + 0.5 * (_share(asked, terms(f"{window.text} {window.context}")) - inside)


def _share(wanted: Collection[str], held: Collection[str]) -> float:
    return sum(1 for term in wanted if term in held) / len(wanted) if wanted else 0.0
