"""The few sentences that Ragstone itself adds to an answer, in the question's language."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """`{…}` are filled in by compose.py."""

    documents_say: str
    unsupported: str
    abstain: str
    abstain_bare: str
    closest: str
    no_passages: str
    separator: str
    open_quote: str
    close_quote: str


ENGLISH = Wording(
    documents_say="The documents say:",
    unsupported="The model's own words, which no passage supports: {words}",
    abstain="I found no answer to this in the documents. Looked for: {sought}.",
    abstain_bare="I found no answer to this in the documents.",
    closest="The closest passages are from {names}.",
    no_passages="No passage that was searched has anything to do with it.",
    separator=", ",
    open_quote="“",
    close_quote="”",
)
CHINESE = Wording(
    documents_say="文档原文：",
    unsupported="以下是模型自己的话，没有段落支持：{words}",
    abstain="在文档中没有找到答案。查找了：{sought}。",
    abstain_bare="在文档中没有找到答案。",
    closest="最接近的段落来自：{names}。",
    no_passages="搜索的范围内没有相关段落。",
    separator="、",
    open_quote="“",
    close_quote="”",
)


def wording(chinese: bool) -> Wording:
    """Return the sentences of a language."""
    return CHINESE if chinese else ENGLISH
