"""Terms, numbers and names of English and Chinese text."""

import pytest

from app.answering.numerals import chinese_value, english_value
from app.answering.stemming import stem
from app.answering.words import (
    is_cjk,
    names,
    negated,
    numbers,
    plain,
    question_terms,
    sought,
    stated_numbers,
    terms,
)


@pytest.mark.parametrize(
    "group",
    [
        ("found", "founds"),
        ("manage", "manages", "managed", "managing"),
        ("stop", "stopped", "stopping", "stops"),
        ("study", "studies", "studied", "studying"),
        ("company", "companies"),
        ("class", "classes"),
        ("educate", "education", "educated"),
        ("quick", "quickly"),
    ],
)
def test_forms_of_a_word_meet(group: tuple[str, ...]) -> None:
    assert len({stem(word) for word in group}) == 1


@pytest.mark.parametrize("word", ["bus", "is", "sing", "red", "水箱", "x1s", "café", ""])
def test_short_and_foreign_words_stay(word: str) -> None:
    assert stem(word) == word


@pytest.mark.parametrize(
    ("numeral", "value"),
    [
        ("三", 3), ("十", 10), ("十二", 12), ("二十五", 25), ("一百零八", 108), ("两千", 2000),
        ("三万五千", 35_000), ("一亿二千万", 120_000_000), ("二〇二五", 2025),
    ],
)  # fmt: skip
def test_chinese_numerals(numeral: str, value: int) -> None:
    assert chinese_value(numeral) == value


def test_english_numerals() -> None:
    assert english_value("twelve") == 12
    assert english_value("tall") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,000 people in 1954", {"1000", "1954"}),
        ("3.50 and 3.5", {"3.5"}),
        ("２５天", {"25"}),
        ("二十五次", {"25"}),
        ("一个人", set()),
        ("no number", set()),
    ],
)
def test_numbers_have_one_spelling(text: str, found: set[str]) -> None:
    assert numbers(text) == found


def test_stated_numbers_include_those_in_words() -> None:
    assert stated_numbers("six hours, 三天") >= {"6", "3"}


def test_names_are_capitals_inside_a_sentence_acronyms_and_titles() -> None:
    found = names("The report by Maria Okafor on NASA was read. Nobody saw it.")
    assert found == {"maria", "okafor", "nasa"}
    assert names("他读了《红楼梦》") == {"红楼梦"}


def test_question_terms_leave_question_words_out() -> None:
    assert question_terms("How many days of annual leave are there?") == ("day", "annual", "leav")
    assert question_terms("水箱的容量是多少？") == ("水箱", "容量")
    assert question_terms("特斯拉是哪一年去世的？") == ("特斯", "斯拉", "去世")
    assert question_terms("What is it?") == ()


def test_terms_of_a_text_hold_every_pair_and_character() -> None:
    assert {"水", "水箱", "箱容"} <= terms("水箱容量")
    assert terms("The café’s laptops") == {"caf", "laptop"}


def test_what_is_sought_keeps_its_spelling() -> None:
    assert sought("How many days of annual leave?") == ("days", "annual", "leave")
    assert sought("水箱的容量是多少？") == ("水箱", "容量")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("水箱", True),
        ("What is 水箱?", False),
        ("GPU 水箱的容量是多少", True),
        ("hello", False),
        ("", False),
    ],
)
def test_script(text: str, expected: bool) -> None:
    assert is_cjk(text) is expected


@pytest.mark.parametrize("text", ["It is not so", "They don't", "不要使用醋", "禁止吸烟"])
def test_negation(text: str) -> None:
    assert negated(text)


def test_plain_keeps_letters_and_digits() -> None:
    assert plain(" “Café”, no. 5!") == "cafe no 5"
