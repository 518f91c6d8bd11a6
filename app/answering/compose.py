"""Checked sentences and quotes to the answer that is shown; pure.

What is shown leads with words that the documents carry: the model's, where they are supported,
else the documents' own. An unsupported sentence among supported ones stays in its place, with
its verdict; where nothing is supported the quotes lead and the model's words come last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.answering.cite import marks
from app.answering.evidence import Evidence
from app.answering.records import AnswerSentence, Source, Verdict
from app.answering.verify import Check
from app.answering.wording import Wording, wording
from app.answering.words import is_cjk, sought

CARRIED = frozenset(Verdict) - {Verdict.UNSUPPORTED}
QUOTES = 3
SHORT = 40
"""Characters of an answer that is hardly a sentence: a quote beside it says what it is about."""
CLOSE = 0.4
"""Share of the question's words in the best sentence that a further quote must also have."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence of the model without marks, and what the passages say to it."""

    text: str
    check: Check


@dataclass(frozen=True, slots=True)
class Composed:
    """The answer's text, its sentences with offsets into it, and the sources it cites."""

    text: str
    sentences: tuple[AnswerSentence, ...]
    cited: frozenset[int]


class Draft:
    """The answer while it grows. What `add` has returned once never changes afterwards.

    Leading sentences that nothing supports are held back, for quotes may have to go before them.
    """

    def __init__(self) -> None:
        self.text = ""
        self.sentences: list[AnswerSentence] = []
        self._held: list[Checked] = []

    def add(self, checked: Checked) -> list[AnswerSentence]:
        """Take the next sentence; return those that are now settled, with their offsets."""
        self._held.append(checked)
        if not self.sentences and checked.check.verdict not in CARRIED:
            return []
        return self._settle()

    def finish(self, quotes: Sequence[Evidence], *, always_quote: bool, chinese: bool) -> Composed:
        """Add the quotes where they are needed, then what was held back."""
        words = wording(chinese)
        cited = {n for sentence in self.sentences for n in sentence.citations}
        if quotes and (always_quote or self._is_weak()):
            opening = f"{self.text}\n\n" if self.text else f"{words.documents_say}\n"
            self.text = opening + "\n".join(quoted(quotes, words))
            cited |= {evidence.candidate.passage + 1 for evidence in quotes}
        if self._held:
            before, _, after = words.unsupported.partition("{words}")
            self.text += f"\n\n{before}" if self.text else before
            self._settle()
            self.text += after
        return Composed(self.text, tuple(self.sentences), frozenset(cited))

    def _is_weak(self) -> bool:
        """Say whether the model's words cannot stand alone: unsupported, or a bare phrase."""
        doubtful = any(sentence.verdict is not Verdict.SUPPORTED for sentence in self.sentences)
        return doubtful or not self.sentences or len(self.text) < SHORT

    def _settle(self) -> list[AnswerSentence]:
        settled = []
        for checked in self._held:
            if self.sentences and not is_cjk(checked.text):
                self.text += " "
            check = checked.check
            start = len(self.text)
            self.text += checked.text
            settled.append(
                AnswerSentence(
                    text=checked.text,
                    start=start,
                    end=len(self.text),
                    verdict=check.verdict,
                    score=check.score,
                    citations=check.citations,
                    quote=check.quote,
                )
            )
            self.sentences.append(settled[-1])
            self.text += marks(check.citations)
        self._held.clear()
        return settled


def quotes_of(chosen: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence worth showing: the best, and others that are nearly as good.

    A sentence that is read together with the one before it is no quote beside that one alone.
    """
    best = max((evidence.coverage for evidence in chosen), default=0.0)
    shown: list[Evidence] = []
    for evidence in chosen[:QUOTES]:
        good = not shown or evidence.coverage >= CLOSE * best
        if good and not any(_holds_again(evidence, earlier) for earlier in shown):
            shown.append(evidence)
    return shown


def _holds_again(evidence: Evidence, earlier: Evidence) -> bool:
    one, other = evidence.candidate.readable, earlier.candidate.readable
    return one in other or other in one


def quoted(evidence: Sequence[Evidence], words: Wording) -> list[str]:
    """Return a line for each quote: its words between quotation marks and its source's mark."""
    return [
        f"{words.open_quote}{' '.join(item.candidate.readable.split())}{words.close_quote}"
        + marks([item.candidate.passage + 1])
        for item in evidence
    ]


def abstention(question: str, sources: Sequence[Source]) -> str:
    """Return the sentence of an answer that is none: what was looked for, what came closest."""
    words = wording(is_cjk(question))
    looked_for = words.separator.join(
        f"{words.open_quote}{word}{words.close_quote}" for word in sought(question)
    )
    first = words.abstain.format(sought=looked_for) if looked_for else words.abstain_bare
    names = list(dict.fromkeys(source.document_name for source in sources))[:3]
    closest = (
        words.closest.format(names=words.separator.join(names)) if names else words.no_passages
    )
    return f"{first}{'' if is_cjk(question) else ' '}{closest}"
