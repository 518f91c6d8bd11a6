"""Where sentences begin and end, in English and Chinese-Japanese text; pure, no model.

Used to cut chunks at sentences and to quote and check an answer sentence by sentence.
Rules, in order: a blank line always ends a sentence; a single line break ends one unless it
looks like a soft wrap; inside what is left, a terminator ends one unless the word before it is
an abbreviation, an initial or a list number, or the text goes on in lower case.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple


class Span(NamedTuple):
    """Half-open range [start, end) of Python string offsets."""

    start: int
    end: int


_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_HARD_LINE = re.compile(
    r"[^\S\n]*(?:[-*+•◦▪‣·–—]\s|#{1,6}\s|\||>|```|~~~|\(?\d{1,3}[.)、](?!\d)|\(?[a-zA-Z][.)]\s"
    r"|[（(]?[一二三四五六七八九十]{1,3}[）)、]|第[一二三四五六七八九十百零〇\d]{1,5}[章节節条條款])"
)
"""A line that starts an item, heading, table row, quotation or clause of its own."""
_CLOSERS = r"[\"'”’»)\]}」』】）》〉〕*_]*(?:\[\d{1,3}(?:[,–-]\s?\d{1,3})*\])*"
_END = re.compile(rf"(?:[。！？｡]+|[.!?…‽]+|⋯+){_CLOSERS}")
_CJK_STOPS = frozenset("。！？｡")
_WORD_BEFORE = re.compile(r"[^\s(\[{\"'“‘«]*$")
_ENUMERATOR = re.compile(r"\s*[(]?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})$")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Before a name: a full stop here never ends a sentence.
_TITLES = _words(
    "mr mrs ms messrs mx dr prof rev hon fr sr jr st mt ft gen col maj capt cmdr lt sgt gov sen "
    "rep pres dist e.g i.e cf viz vs v al ca approx resp incl esp dept univ assn bros"
)
# Before a number: "Fig. 3", "No. 12", "pp. 4-7", "Jan. 5".
_NUMBERED = _words(
    "no nos fig figs eq eqs sec sect ch chap vol vols p pp art arts app tab ref refs par para "
    "ser ed jan feb mar apr jun jul aug sep sept oct nov dec"
)
# May end a sentence or not: the next word decides.
_EITHER = _words("etc inc ltd co corp llc plc jr sr ph.d m.d b.a m.a a.m p.m u.s u.k e.u")
_STARTERS = _words(
    "the a an this that these those he she it they we you i in on at as if when while but and or "
    "so for from to with there here however its his her their our my no not what who why how "
    "where after before since although because"
)
"""Words that, capitalised after an abbreviation, show that a new sentence began."""

_GOES_ON = re.compile(
    r"(?:[,(&/-]|(?<!\w)(?:a|an|the|and|or|of|to|in|on|for|with|by|at|from|as|is|are|was|that))$"
)
"""Ends of a line after which no sentence or title can be over."""
_NARROWEST_WRAP = 25
"""Columns; measured on real PDFs, text narrower than this is a list, an address or a table."""
_FULL_LINE = 0.65
"""A line at least this share of the widest near it was wrapped, a shorter one was ended."""
_NEAR = 3
"""Lines looked at on either side: a page has columns and tables of several widths."""


def split_sentences(text: str) -> list[Span]:
    """Return the sentences of `text` in order, trimmed; no non-space character is outside them.

    Linear in the length of the text. A heading, list item or table row counts as a sentence.
    """
    return [
        sentence
        for block in _blocks(text)
        for line in _logical_lines(text, block)
        for sentence in _split_line(text, line)
    ]


def _blocks(text: str) -> Iterator[Span]:
    start = 0
    for gap in _BLANK_LINE.finditer(text):
        yield Span(start, gap.start())
        start = gap.end()
    yield Span(start, len(text))


def _logical_lines(text: str, block: Span) -> Iterator[Span]:
    """Join the lines of a block that were only wrapped, keep the others apart."""
    lines = list(_physical_lines(text, block))
    widths = [_width(text[line.start : line.end].strip()) for line in lines]
    start = block.start
    for number, (line, following) in enumerate(pairwise(lines)):
        widest = max(widths[max(0, number - _NEAR) : number + _NEAR + 1])
        wide = widths[number] >= max(_NARROWEST_WRAP, _FULL_LINE * widest)
        if not _is_soft_wrap(text, following, wide=wide):
            yield Span(start, line.end)
            start = following.start
    yield Span(start, block.end)


def _physical_lines(text: str, block: Span) -> Iterator[Span]:
    start = block.start
    while (end := text.find("\n", start, block.end)) != -1:
        yield Span(start, end)
        start = end + 1
    yield Span(start, block.end)


def _is_soft_wrap(text: str, following: Span, *, wide: bool) -> bool:
    if _HARD_LINE.match(text, following.start, following.end):
        return False
    first = text[following.start : following.end].lstrip()[:1]
    end_of_line = text[max(0, following.start - 12) : following.start].rstrip()
    return wide or first.islower() or _GOES_ON.search(end_of_line) is not None


def _width(line: str) -> int:
    """Return columns of a line; East Asian wide characters take two."""
    if line.isascii():
        return len(line)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def _split_line(text: str, line: Span) -> Iterator[Span]:
    start = line.start
    for end in _END.finditer(text, line.start, line.end):
        if _ends_sentence(text, start, end, line.end):
            yield from _trimmed(text, Span(start, end.end()))
            start = end.end()
    yield from _trimmed(text, Span(start, line.end))


def _trimmed(text: str, span: Span) -> Iterator[Span]:
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield Span(start, end)


def _ends_sentence(text: str, start: int, stop: re.Match[str], line_end: int) -> bool:
    if stop[0][0] in _CJK_STOPS:
        return True
    if stop.end() >= line_end:
        return True
    if not text[stop.end()].isspace():
        return False
    following = text[stop.end() : min(line_end, stop.end() + 40)].lstrip()
    if following[:1].islower():
        return False
    if stop[0][0] != "." or stop[0].startswith(".."):
        return True
    # 24 characters are enough for the longest abbreviation and keep this linear
    before = text[max(start, stop.start() - 24) : stop.start()]
    at_start = stop.start() - start <= 24
    return not _is_abbreviation(before, following, at_start=at_start)


def _is_abbreviation(before: str, following: str, *, at_start: bool) -> bool:
    """Say whether the full stop after `before` belongs to an abbreviation, initial or number."""
    if at_start and _ENUMERATOR.fullmatch(before):
        return True
    match = _WORD_BEFORE.search(before)
    word = match[0] if match else ""
    lower = word.lower()
    if lower in _EITHER or _is_initial(word):
        return _first_word(following) not in _STARTERS
    if lower in _TITLES:
        return True
    return lower in _NUMBERED and following[:1].isdigit()


def _is_initial(word: str) -> bool:
    """Say whether `word` is one capital, or capitals with stops between ("J", "U.S", "J.R.R")."""
    letters = word.split(".")
    return all(len(letter) == 1 and letter.isupper() for letter in letters)


def _first_word(following: str) -> str:
    match = re.match(r"\W*(\w+)", following)
    return match[1].lower() if match else ""
