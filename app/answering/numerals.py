"""Numbers written in words: English up to ninety and the round ones, Chinese up to 亿."""

_TO_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
)
_ENGLISH = {word: value for value, word in enumerate(_TO_TWENTY.split())} | {
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "hundred": 100, "thousand": 1000, "million": 1_000_000, "dozen": 12,
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "once": 1, "twice": 2,
}  # fmt: skip
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
