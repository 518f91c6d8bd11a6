"""Numbers written in words: English up to millions, Chinese up to 亿."""

import re
from collections.abc import Iterator

_TO_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
)
_ENGLISH = {word: value for value, word in enumerate(_TO_TWENTY.split())} | {
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "hundred": 100, "thousand": 1000, "million": 1_000_000, "dozen": 12,
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "once": 1, "twice": 2,
}  # fmt: skip
_TIMES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 1_000_000}
_LOOSE = frozenset({"one", "first", "second", "once"})
"""Number words that alone as often count nothing: one of them, at first, in a second."""
_JOINT = re.compile(r"(?:\s|-)+(?:and\s+)?")
_WORD = re.compile(r"[a-z]+")
_COUNTED = re.compile(
    r"(?<![零〇一二三四五六七八九十百千万萬亿億两兩])"
    r"(?:一(?=UNIT)(?!次性)|[二三四五六七八九十两兩](?=UNIT|[个個人名位台件条條章节節款项項]))".replace(
        "UNIT",
        "[年月日天周週秒次倍岁歲元块塊米升克层層]|个月|個月|小时|小時|分钟|分鐘|公里|公斤|毫升|厘米",
    )
)
"""A single Chinese numeral before a unit; 一个 is an article as often as a number."""
_DIGIT = {character: value for value, character in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
    "兩": 2,
}
_UNIT = {"十": 10, "百": 100, "千": 1000}
TEN_THOUSAND = 10_000
HUNDRED_MILLION = 100_000_000
_MYRIAD = {"万": TEN_THOUSAND, "萬": TEN_THOUSAND, "亿": HUNDRED_MILLION, "億": HUNDRED_MILLION}


def english_value(word: str) -> int | None:
    """Return the value of one number word, None for any other word."""
    return _ENGLISH.get(word)


def english_numbers(text: str) -> Iterator[int]:
    """Yield the numbers in words: "two hundred and six" is 206; a loose "one" is left out."""
    for run in _english_runs(text.lower()):
        if len(run) > 1 or run[0] not in _LOOSE:
            yield _value_of_run(run)


def chinese_counts(text: str) -> Iterator[int]:
    """Yield the single numerals that count something: 三 of 三年, none of 三明治."""
    for match in _COUNTED.finditer(text):
        yield chinese_value(match[0])


def _english_runs(text: str) -> Iterator[list[str]]:
    run: list[str] = []
    end = 0
    for match in _WORD.finditer(text):
        if run and not (_JOINT.fullmatch(text, end, match.start()) and _goes_on(run, match[0])):
            if match[0] == "and":
                continue  # may join what stands around it
            yield run
            run = []
        if match[0] in _ENGLISH:
            run.append(match[0])
            end = match.end()
    if run:
        yield run


def _goes_on(run: list[str], word: str) -> bool:
    """Say whether a number word belongs to the number before it: twenty five, two hundred."""
    before = _ENGLISH[run[-1]]
    value = _ENGLISH.get(word, 0)
    if word in _TIMES:
        return True
    return 0 < value < (10 if 20 <= before < 100 else 100) and (
        run[-1] in _TIMES or 20 <= before < 100
    )


def _value_of_run(run: list[str]) -> int:
    total = part = 0
    for word in run:
        if word not in _TIMES:
            part += _ENGLISH[word]
        elif _TIMES[word] < 1000:
            part = max(1, part) * _TIMES[word]
        else:
            total, part = total + max(1, part) * _TIMES[word], 0
    return total + part


def chinese_value(numeral: str) -> int:
    """Return the value of a Chinese numeral; digit by digit (二〇二五) or with units.

    千万 as an adverb gives 10,000,000 too: a guess that does no harm.
    """
    if all(character in _DIGIT for character in numeral):
        return int("".join(str(_DIGIT[character]) for character in numeral))
    total = section = 0
    digit: int | None = None
    for character in numeral:
        if character in _DIGIT:
            digit = _DIGIT[character]
        elif character in _UNIT:
            section += (1 if digit is None else digit) * _UNIT[character]
            digit = None
        elif _MYRIAD[character] == HUNDRED_MILLION:
            total = (total + section + (digit or 0)) * HUNDRED_MILLION
            section, digit = 0, None
        else:
            total += (section + (digit or 0)) * TEN_THOUSAND
            section, digit = 0, None
    return total + section + (digit or 0)
