"""Passages to candidate sentences, each with the little context it needs to be understood; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.sentences import Span, split_sentences
from storage.records import Passage

_PRONOUN = re.compile(
    r"(?:He|She|It|They|This|That|These|Those|His|Her|Its|Their|Such|The former|The latter|However|"
    r"Moreover|Also|But|And|Then)\b|[他她它]|该|該|此|这|這|其|但|而|並|并"
)
_ROW = re.compile(r"\s*\|.*\|\s*$")
_RULE = re.compile(r"[\s|:+=-]+$")
_ITEM = re.compile(r"\s*(?:[-*+•◦▪]|\(?\d{1,3}[.)、])\s*")
_TOO_LONG = 600
"""Characters of one "sentence", from which it is cut: a PDF's table of contents, a log."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a passage. Offsets are into the document's text.

    `lead` is what stands before it and is needed to read it: a table's header, a list's
    opening line, the sentence that a pronoun points to, the question that it answers.
    `around` is the neighbouring text that counts a little when words are matched.
    """

    passage: int
    """Place of its passage among those given, from 0."""
    ordinal: int
    text: str
    start: int
    end: int
    lead: str = ""
    around: str = ""
    announces: bool = False
    """A heading or a question: it says what is near, and itself answers nothing."""

    @property
    def readable(self) -> str:
        """The sentence with its lead, as it is put before the model."""
        return f"{self.lead} {self.text}".strip()


def candidates(passages: Sequence[Passage]) -> list[Candidate]:
    """Return the sentences of all passages, a sentence that two chunks share only once."""
    seen: set[tuple[str, int]] = set()
    found: list[Candidate] = []
    for index, passage in enumerate(passages):
        for candidate in _of_passage(index, passage):
            key = (passage.chunk.document_id, candidate.end)
            if key not in seen:
                seen.add(key)
                found.append(candidate)
    return found


def _of_passage(index: int, passage: Passage) -> list[Candidate]:
    chunk = passage.chunk
    spans = [part for span in split_sentences(chunk.text) for part in _cut(chunk.text, span)]
    texts = [chunk.text[span.start : span.end] for span in spans]
    found = []
    for at, (span, text) in enumerate(zip(spans, texts, strict=True)):
        if _RULE.fullmatch(text) or _is_header(texts, at):
            continue
        found.append(
            Candidate(
                passage=index,
                ordinal=at,
                text=text,
                start=chunk.start + span.start,
                end=chunk.start + span.end,
                lead=_lead(texts, at),
                around=" ".join(
                    [*chunk.section, *texts[max(0, at - 1) : at], *texts[at + 1 : at + 2]]
                ),
                announces=is_question(text) or _bare(text) in map(_bare, chunk.section),
            )
        )
    return found


def is_question(text: str) -> bool:
    """Say whether a sentence asks; it states nothing then."""
    return text.rstrip(" \n\"'”’」)").endswith(("?", "？"))


def _bare(heading: str) -> str:
    """Return a heading without Markdown's marks and case, as its section is called."""
    return heading.strip("# \n").casefold()


def _is_header(texts: Sequence[str], at: int) -> bool:
    """Say whether sentence `at` is a table's header, which is read with each of its rows."""
    follows_rule = at + 1 < len(texts) and bool(_RULE.fullmatch(texts[at + 1]))
    return follows_rule and bool(_ROW.match(texts[at])) and at + 2 < len(texts)


def _lead(texts: Sequence[str], at: int) -> str:
    """Return what must be read before sentence `at`, "" for one that stands alone."""
    if at == 0:
        return ""
    text = texts[at]
    if _ROW.match(text):
        return _table_header(texts, at)
    if _ITEM.match(text):
        return _list_opening(texts, at)
    opens = texts[at - 1].rstrip().endswith((":", "：")) or is_question(texts[at - 1])
    if (opens and not is_question(text)) or _PRONOUN.match(text):
        return texts[at - 1] if len(texts[at - 1]) <= _TOO_LONG // 2 else ""
    return ""


def _table_header(texts: Sequence[str], at: int) -> str:
    first = at
    while first > 0 and (_ROW.match(texts[first - 1]) or _RULE.fullmatch(texts[first - 1])):
        first -= 1
    return texts[first] if first < at else ""


def _list_opening(texts: Sequence[str], at: int) -> str:
    for before in range(at - 1, max(-1, at - 12), -1):
        if not _ITEM.match(texts[before]):
            opens = texts[before].rstrip().endswith((":", "："))
            return texts[before] if opens else ""
    return ""


def _cut(text: str, span: Span) -> list[Span]:
    """Cut what is too long for a sentence at blanks or commas."""
    if span.end - span.start <= _TOO_LONG:
        return [span]
    places = [span.start]
    while span.end - places[-1] > _TOO_LONG:
        window = text[places[-1] : places[-1] + _TOO_LONG]
        comma = max(window.rfind(mark) for mark in ("; ", "；", ", ", "，", "\n", " "))
        places.append(places[-1] + (comma + 1 if comma > _TOO_LONG // 2 else _TOO_LONG))
    return [Span(start, end) for start, end in pairwise([*places, span.end])]
