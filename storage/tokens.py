"""Words of the keyword index, the same for what is stored and what is asked. Pure.

Text in scripts that put blanks between words becomes lower-case words without accents;
text in scripts that do not (Chinese, Japanese, Korean, Thai, …) becomes overlapping pairs of
characters, which needs no dictionary and misses nothing. Stored text keeps the single
characters too, so that a question of one character finds it. Stemming is left to FTS5.
"""

import re
import unicodedata
from collections.abc import Iterator

_STOP_WORDS = """
a about an and any are as at be been being but by can could did do does doing for from had has have
having he her him his how i if in into is it its me my no nor not of on or our she should so some
such than that the their them then there these they this those to was we were what when where which
while who whom why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that say nothing about what is asked; BM25 would pay for them and learn nothing."""

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Myanmar, Khmer
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"  # Hangul: spaced, but words take endings
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # kana and iteration marks
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U00020000-\U0003ffff"
)


def _marks() -> str:
    """Return the combining marks as a regex range list: `\\w` leaves them out, words do not."""
    codes = [c for c in range(0x300, 0x10000) if unicodedata.category(chr(c))[0] == "M"]
    return "".join(map(chr, codes))


_LETTERS = rf"(?:(?![{_UNSPACED}])[^\W_]|(?![{_UNSPACED}])[{_marks()}])"
_TOKEN = re.compile(rf"([{_UNSPACED}]+)|({_LETTERS}+(?:['’]{_LETTERS}+)*)")
_ASCII_TOKEN = re.compile(r"()([a-z0-9]+(?:'[a-z0-9]+)*)")


def stored_tokens(text: str) -> list[str]:
    """Return the tokens of a text to index, in order: words, single characters and pairs."""
    tokens: list[str] = []
    for run, word in _runs(text):
        if run:
            tokens.extend(run)
            tokens.extend(_pairs(run))
        else:
            tokens.append(word)
    return tokens


def asked_tokens(text: str) -> list[str]:
    """Return the tokens to look for, each once: words but stop words, pairs of characters.

    A question of nothing but stop words keeps them, and a run of one character stays one.
    """
    words: list[str] = []
    for run, word in _runs(text):
        words.extend((_pairs(run) or [run]) if run else [word])
    unique = list(dict.fromkeys(words))
    return [word for word in unique if word not in STOP_WORDS] or unique


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


def _runs(text: str) -> Iterator[tuple[str, str]]:
    """Yield (run of unspaced script, "") or ("", word), in order."""
    if text.isascii():
        pattern, text = _ASCII_TOKEN, text.lower()
    else:
        pattern, text = _TOKEN, unicodedata.normalize("NFKC", text).lower()
    for match in pattern.finditer(text):
        run, word = match.groups()
        if run:
            yield run, ""
        else:
            yield "", _plain(word)


def _plain(word: str) -> str:
    """Return the word without its possessive ending, apostrophes and (Latin, Greek) accents."""
    if "'" in word or "’" in word:
        word = re.sub(r"['’]s$", "", word)
        word = word.replace("'", "").replace("’", "")
    if word.isascii() or word[0] > "\u03ff":
        return word
    parts = unicodedata.normalize("NFD", word)
    return "".join(part for part in parts if unicodedata.category(part) != "Mn") or word
