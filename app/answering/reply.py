"""A reply as it comes from a small model: where it should have stopped, what is worth keeping."""

import re

from app.answering.words import plain
from ingest.sentences import split_sentences

_THINKING = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL)
_LOOP = re.compile(r"((?!000)\S.{2,79}?)(?:\s*\1){2,}\s*\S{0,3}$", re.DOTALL)
"""The same 3 to 80 characters three times in a row, at the end; but 1000000000 is a number."""
_DIGIT_LOOP = re.compile(r"((?!0)\d{1,2}|\D)\1{7,}$|0{13,}$")
_MARKUP = re.compile(r"^(?:answer|reply|回答|答)\s*[:：]\s*", re.IGNORECASE)
_REFUSAL = re.compile(
    r"the (?:documents?|passages?|facts?|text|context)(?: do(?:es)?)? ?(?:not|n't) "
    r"(?:say|mention|state|contain|provide|specify|include)|"
    r"^(?:i (?:do not|don't|cannot|can't) (?:know|answer|find)|"
    r"not (?:stated|mentioned|specified)|unknown)|"
    r"(?:文档|資料|资料|段落|文件)中?(?:没有|沒有|未)(?:说明|說明|提到|提及|给出)|^(?:我)?不知道",
    re.IGNORECASE,
)


def looping(text: str) -> bool:
    """Say whether the text has begun to repeat itself, so that going on is no use."""
    return bool(_LOOP.search(text[-400:]) or _DIGIT_LOOP.search(text[-40:]))


def clean(text: str) -> str:
    """Return the reply's own words: no thinking, no "Answer:", no repetition, no echo."""
    text = _MARKUP.sub("", _THINKING.sub("", text).strip())
    if loop := _LOOP.search(text):
        text = text[: loop.start()] + loop[1]
    text = _DIGIT_LOOP.sub("", text)
    return _without_repeated_sentences(text).strip()


def refuses(text: str) -> bool:
    """Say whether the reply only says that it cannot answer."""
    return bool(_REFUSAL.search(text)) and len(text) < 200


def says_nothing(text: str, question: str) -> bool:
    """Say whether the reply is empty, bare punctuation, or the question again."""
    words = plain(re.sub(r"\[\d+\]", "", text))
    return not words or words == plain(question)


def sentences(text: str) -> list[str]:
    """Return the sentences of a reply."""
    return [text[span.start : span.end] for span in split_sentences(text)]


def finished_sentences(text: str) -> list[str]:
    """Return the sentences of a reply that is still coming, without the unfinished last one."""
    return sentences(text)[:-1]


def _without_repeated_sentences(text: str) -> str:
    seen: set[str] = set()
    for span in split_sentences(text):
        key = plain(text[span.start : span.end])
        if key and key in seen:
            return text[: span.start]
        seen.add(key)
    return text
