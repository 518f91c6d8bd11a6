"""Lines of a streamed text are broken between words."""

from hypothesis import given
from hypothesis import strategies as st

from backend.commands.tables import cell_width
from backend.commands.word_wrap import MARGIN, WordWrap

TEXTS = st.text(st.sampled_from("ab cd\n\t日本ü.-"), max_size=200)


def wrapped(text: str, width: int, cut: int = 1) -> str:
    wrap = WordWrap(width)
    pieces = [text[at : at + cut] for at in range(0, len(text), cut)]
    return "".join(map(wrap.feed, pieces)) + wrap.end()


def test_a_line_breaks_between_words() -> None:
    assert wrapped("one two three four", 15) == "one two\nthree four"


def test_the_terminals_margin_is_kept_free() -> None:
    assert wrapped("12345 12345", 11 + MARGIN) == "12345 12345"
    assert wrapped("12345 12345", 10 + MARGIN) == "12345\n12345"


def test_a_word_comes_out_when_it_ends() -> None:
    wrap = WordWrap(80)
    assert wrap.feed("one tw") == "one"
    assert wrap.feed("o ") == " two"
    assert wrap.end() == " "


def test_a_line_break_of_the_text_starts_the_count_again() -> None:
    assert wrapped("12345678\n12345678 1", 15) == "12345678\n12345678 1"


def test_what_is_no_terminal_gets_the_text_as_it_is() -> None:
    wrap = WordWrap(0)
    assert wrap.feed("one " * 100) == "one " * 100
    assert wrap.end() == ""


def test_a_word_longer_than_the_line_comes_out_before_it_ends() -> None:
    wrap = WordWrap(15)
    assert wrap.feed("x" * 25) == "x" * 10 + "\n" + "x" * 10
    assert wrap.end() == "\n" + "x" * 5


@given(TEXTS, st.integers(1, 7), st.integers(10, 40))
def test_only_blanks_at_a_break_are_lost(text: str, cut: int, width: int) -> None:
    out = wrapped(text, width, cut)
    assert "".join(out.split()) == "".join(text.split())
    assert wrapped(text, width) == out  # however it comes in


@given(TEXTS, st.integers(15, 40))
def test_no_line_is_too_wide(text: str, width: int) -> None:
    for line in wrapped(text, width).split("\n"):
        assert cell_width(line.strip(" \t")) <= width - MARGIN + 1
