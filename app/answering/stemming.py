"""A light English stemmer: enough to make "founded", "founder's" and "founding" meet.

Only inflection and the commonest derivations are cut; wrong cuts are harmless as long as
question and text are cut alike. Full Porter conflates more, and so also what differs
("organisation", "organ").
"""

import re

_VOWEL = re.compile(r"[aeiouy]")
_DOUBLED = re.compile(r"([bdfgmnprt])\1$")
_SHORTEST = 3
"""Letters that must be left over, with a vowel among them."""


def stem(word: str) -> str:
    """Return the stem of a lower-case word; words without a-z come back unchanged."""
    if len(word) <= _SHORTEST or not word.isascii() or not word.isalpha():
        return word
    word = _without_plural(word)
    word = _without_ending(word)
    if word.endswith("e") and len(word) > _SHORTEST:
        word = word[:-1]
    if word.endswith("y") and len(word) > _SHORTEST:
        word = word[:-1] + "i"
    return word


def _without_plural(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_ending(word: str) -> str:
    for ending in ("ied", "ingly", "edly", "ing", "ed", "ly"):
        if not word.endswith(ending):
            continue
        left = word[: -len(ending)]
        if len(left) < _SHORTEST or not _VOWEL.search(left):
            return word
        if ending == "ied":
            return left + "y"
        return _DOUBLED.sub(r"\1", left)
    if word.endswith(("sion", "tion")) and len(word) > 6:
        return word[:-3]
    return word
