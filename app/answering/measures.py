"""What a number measures, and what a question wants measured; English and Chinese. Pure.

“How many days” is not answered by an amount of money, whatever the words around it.
"""

import re

UNITS = {
    "money": "元 块 塊 美元 欧元 歐元 人民币 钱 錢 euro euros dollar dollars yuan pound pounds "
    "usd eur",
    "time": "天 日 小时 小時 分钟 分鐘 秒 年 月 周 星期 工作日 day days hour hours minute minutes "
    "second seconds week weeks month months year years",
    "length": "米 厘米 毫米 公里 千米 mm cm km metre metres meter meters inch inches mile miles",
    "mass": "公斤 千克 克 吨 噸 kg tonne tonnes ton tons gram grams kilogram kilograms",
    "temperature": "度 摄氏度 ℃ °c degree degrees celsius",
    "volume": "升 毫升 litre litres liter liters ml",
}
"""Kind of measure to its units. Units that are also everyday letters (m, g, l) are left out."""

_KIND = {unit: kind for kind, units in UNITS.items() for unit in units.split()}
_LONGEST_FIRST = sorted(_KIND, key=len, reverse=True)
_HAN = "|".join(unit for unit in _LONGEST_FIRST if ord(unit[0]) > 0x2E7F or unit[0] == "°")
_LATIN = "|".join(unit for unit in _LONGEST_FIRST if unit.isascii())
_UNIT = rf"(?:(?:个|個)?(?P<han>{_HAN})|(?P<latin>{_LATIN})\b)"
_MEASURED = re.compile(
    rf"\d[\d,.]*\s*(?:万|千|百|亿)?\s*(?:working |business )?{_UNIT}", re.IGNORECASE
)
_CURRENCY = re.compile(r"[€$¥£]\s*\d|\d\s*[€$¥£]")
_WHICH_DAYS = r"(?:full |working |business |calendar )?"
_ASKED = re.compile(
    rf"(?:多少|几|幾)\s*{_UNIT}|how many {_WHICH_DAYS}(?P<many>{_LATIN})\b",
    re.IGNORECASE,
)
_PHRASES = {"多久": "time", "多长时间": "time", "多長時間": "time", "how often": "time"}


def asked_kinds(question: str) -> frozenset[str]:
    """Return the kinds of measure that the question names: 多少天 and “how many days” want time."""
    lower = question.lower()
    found = {kind for phrase, kind in _PHRASES.items() if phrase in lower}
    for match in _ASKED.finditer(lower):
        found.add(_KIND[match["han"] or match["latin"] or match["many"]])
    return frozenset(found)


def measured_kinds(text: str) -> frozenset[str]:
    """Return the kinds of what the text states in figures: “3,000 euros” is money."""
    lower = text.lower()
    found = {_KIND[match["han"] or match["latin"]] for match in _MEASURED.finditer(lower)}
    if _CURRENCY.search(lower):
        found.add("money")
    return frozenset(found)


def measures_something_else(question: str, answer: str) -> bool:
    """Say whether the answer states measures, and none of the kind that is asked for."""
    asked, measured = asked_kinds(question), measured_kinds(answer)
    return bool(asked and measured and not asked & measured)
