"""How texts are compared: SQuAD's normalisation, with Chinese by character as CMRC does. Pure.

Rajpurkar et al., SQuAD (EMNLP 2016): lower case, no punctuation, no articles, single blanks.
Cui et al., CMRC 2018 (EMNLP 2019): each CJK character is a token, other runs are words.
"""

import re
import unicodedata

CITATION = re.compile(r"\s*\[\d+\]")
ARTICLE = re.compile(r"\b(a|an|the)\b")
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
TOKEN = re.compile(rf"[{CJK}]|[^\s{CJK}]+")


def without_citations(text: str) -> str:
    """Drop [n] markers and the blanks before them."""
    return CITATION.sub("", text)


def tokens(text: str) -> tuple[str, ...]:
    """Return the normalised tokens: words, or characters where the script is CJK.

    >>> tokens("The price is 8.5 litres.")
    ('price', 'is', '85', 'litres')
    >>> tokens("满五年享有 12 天")
    ('满', '五', '年', '享', '有', '12', '天')
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    bare = "".join(c for c in folded if not unicodedata.category(c).startswith(("P", "S")))
    return tuple(TOKEN.findall(ARTICLE.sub(" ", bare)))


def squeezed(text: str) -> str:
    """Return the text folded and without any blank: line breaks of a page don't count."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


def holds(tokens_of_text: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Say whether `wanted` stands in the text as a run of whole tokens."""
    width = len(wanted)
    return width > 0 and any(
        tokens_of_text[start : start + width] == wanted
        for start in range(len(tokens_of_text) - width + 1)
    )
