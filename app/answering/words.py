"""What a text is made of when it is compared: terms, numbers and names; English and Chinese.

A term is a stemmed Latin word that is not a stop word, a number, or a pair of neighbouring
CJK characters (a single character where it stands alone). Pairs need no dictionary.
"""

import re
import unicodedata
from functools import lru_cache

from app.answering.numerals import (
    chinese_counts,
    chinese_value,
    english_numbers,
    english_value,
)
from app.answering.stemming import stem

CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_CJK_RUN = re.compile(f"[{CJK}]+")
_TOKEN = re.compile(rf"\d+(?:[.,:]\d+)*|[^\W\d_{CJK}]+(?:['’][^\W\d_{CJK}]+)?|[{CJK}]+", re.UNICODE)
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_CHINESE_NUMERAL = re.compile(r"[零〇一二三四五六七八九十百千万萬亿億两兩]+")
_QUOTED = re.compile(r"[《「『“‘〈]([^》」』”’〉]{1,30})[》」』”’〉]")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


STOP_WORDS = _words(
    "a an and any are as at be been being but by can could did do does doing for from had has have "
    "having he her hers him his how i if in into is it its itself just me more most my no nor not "
    "of on one or other our out over own s same she should so some such t than that the their them "
    "then there these they this those through to too under until up us very was we were what when "
    "where which while who whom whose why will with would you your yours about after before also "
    "please tell give name many much long kind type call called"
)
QUESTION_WORDS_ZH = re.compile(
    "請問|请问|為什麼|为什么|為何|为何|什麼時候|什么时候|什麼|什么|甚麼|哪一個|哪一个|哪一年|哪一|哪個|哪个|哪些|哪裡|哪里|哪兒|哪儿|"
    "哪|何時|何时|何地|何人|何種|何种|何|多少|多久|多長|多长|多大|幾|几|誰|谁|怎麼樣|怎么样|怎麼|怎么|怎樣|怎样|如何|"
    "是否|嗎|吗|呢|吧"
)
FUNCTION_CHARACTERS_ZH = re.compile(
    "[的了在是和与與及或也都就而被把对對从從以为為于於有之其所着著這这那個个]"
)
NEGATIONS = _words("not no never cannot nor none neither without n't")
_NEGATION_ZH = re.compile("不|没|沒|无|無|未|非|禁止")

_DENIAL = re.compile(r"(?:\b(?:not|never|cannot|no)|n['’]t)\b((?:\s+[^\W\d_]+){1,4})")
_DENIAL_ZH = re.compile(
    f"(?:不|没有|沒有|禁止|未)(?!同|仅|僅|断|斷|但|过|過|久|少|来|來)([{CJK}]{{2,4}})"
)


def is_cjk(text: str) -> bool:
    """Say whether most letters of `text` are Chinese, Japanese kana counted with them."""
    cjk = sum(len(run) for run in _CJK_RUN.findall(text))
    letters = sum(1 for character in text if character.isalpha())
    # one CJK character says about as much as two or three Latin letters
    return cjk * 2.5 > (letters - cjk) and cjk > 0


@lru_cache(maxsize=4096)
def terms(text: str) -> frozenset[str]:
    """Return every term of a stored text: CJK pairs and single characters both."""
    found: set[str] = set()
    for token in _tokens(text):
        if _CJK_RUN.match(token):
            found.update(token)
            found.update(_pairs(token))
        elif term := _term(token):
            found.add(term)
    return frozenset(found)


@lru_cache(maxsize=1024)
def question_terms(text: str) -> tuple[str, ...]:
    """Return the terms that a question asks about, in order, without question words."""
    found: list[str] = []
    for token in _tokens(QUESTION_WORDS_ZH.sub(" ", text)):
        if not _CJK_RUN.match(token):
            found.extend(filter(None, [_term(token)]))
            continue
        for run in FUNCTION_CHARACTERS_ZH.split(token):
            found.extend(_pairs(run) if len(run) > 1 else list(run))
    return tuple(dict.fromkeys(found))


def sought(question: str) -> tuple[str, ...]:
    """Return what a question asks about in its own spelling, to be shown to a person."""
    found: list[str] = []
    for token in _TOKEN.findall(QUESTION_WORDS_ZH.sub(" ", question)):
        if _CJK_RUN.match(token):
            found.extend(run for run in FUNCTION_CHARACTERS_ZH.split(token) if run)
        elif _term(_fold(token)):
            found.append(token)
    return tuple(dict.fromkeys(found))


def numbers(text: str) -> frozenset[str]:
    """Return the numbers that a text states, in one spelling: 1,000 is 1000, 二十五 is 25."""
    found = {_plain_number(match[0]) for match in _DIGITS.finditer(_fold(text))}
    for match in _CHINESE_NUMERAL.finditer(text):
        if len(match[0]) > 1:
            found.add(str(chinese_value(match[0])))
    return frozenset(found)


def stated_numbers(text: str) -> frozenset[str]:
    """Return `numbers` and those in words ("twelve", 三), to look a claimed number up in."""
    found = set(numbers(text))
    for word in re.findall(r"[a-z]+", text.lower()):
        if (value := english_value(word)) is not None:
            found.add(str(value))
    found.update(map(str, english_numbers(text)))
    found.update(str(chinese_value(match[0])) for match in _CHINESE_NUMERAL.finditer(text))
    return frozenset(found)


def claimed_numbers(text: str) -> frozenset[str]:
    """Return `numbers` and those in words that count something: three years, 三年, no 三明治."""
    counted = (*english_numbers(text), *chinese_counts(text))
    return numbers(text) | frozenset(map(str, counted))


def without_numerals(text: str) -> str:
    """Return the text without its numbers, in digits or Chinese numerals."""
    return _CHINESE_NUMERAL.sub("", _DIGITS.sub("", text))


def names(text: str) -> frozenset[str]:
    """Return what looks like a name, folded: capitals inside a sentence, acronyms, 《titles》."""
    found: set[str] = set()
    for match in re.finditer(rf"[^\W\d_{CJK}][^\W_{CJK}]+", text):
        word = match[0]
        inside = _is_inside_sentence(text, match.start())
        if (word[0].isupper() and inside) or (len(word) > 1 and word.isupper()):
            folded = _fold(word)
            if folded not in STOP_WORDS:
                found.add(stem(folded))
    found.update(_fold(match[1]) for match in _QUOTED.finditer(text) if is_cjk(match[1]))
    return frozenset(found)


def negated(text: str) -> bool:
    """Say whether the text denies something."""
    lower = _fold(text)
    words = set(re.findall(r"[a-z]+", lower))
    return bool(words & NEGATIONS) or "n't" in lower or bool(_NEGATION_ZH.search(text))


def denied(text: str) -> frozenset[str]:
    """Return the terms that stand right after a negation: "may not be carried" denies carri."""
    lower = _fold(text)
    found: set[str] = set()
    for match in _DENIAL.finditer(lower):
        following = (_term(token) for token in _TOKEN.findall(match[1]))
        found.update(list(filter(None, following))[:1])
    for match in _DENIAL_ZH.finditer(lower):
        found.update(_pairs(match[1]))
    return frozenset(found)


def plain(text: str) -> str:
    """Return the text folded, letters and digits only, to find an answer's words in evidence."""
    return " ".join(re.findall(r"\w+", _fold(text)))


def _is_inside_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(" \"'“‘([*_")
    return bool(before) and before[-1] not in ".!?。！？:：\n|•-"


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(_fold(text))


def _term(token: str) -> str | None:
    if token[0].isdigit():
        return _plain_number(token)
    word = token.split("'")[0].split("’")[0]
    if word in STOP_WORDS or (len(word) < 2 and word.isascii()):
        return None
    return stem(word)


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


def _plain_number(token: str) -> str:
    without_groups = re.sub(r",(?=\d{3}(?!\d))", "", token)
    if re.fullmatch(r"\d+\.\d+", without_groups):
        without_groups = without_groups.rstrip("0").rstrip(".")
    return without_groups.lstrip("0") or "0"


@lru_cache(maxsize=4096)
def _fold(text: str) -> str:
    """Fold case, width and accents: café is cafe, ２５ is 25."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize(
        "NFC",
        "".join(c for c in folded if not unicodedata.combining(c) or "\u3099" <= c <= "\u309a"),
    )
