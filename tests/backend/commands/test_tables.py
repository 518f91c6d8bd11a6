"""Tables: the layout, to the blank."""

from hypothesis import given
from hypothesis import strategies as st

from backend.commands.tables import GAP, cell_width, table

WORDS = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=12)
FILLED = st.lists(WORDS.filter(lambda word: len(word) > 1), min_size=1, max_size=8).map(" ".join)
CELLS = st.lists(WORDS, max_size=8).map(" ".join)


def test_a_table_with_a_header() -> None:
    rows = [["llama3.2:latest", "a80c4f17acd5", "2.0 GB"], ["a:b", "0123456789ab", "98 MB"]]
    assert table(rows, ("name", "ID", "SIZE")) == (
        "NAME               ID              SIZE   \n"
        "llama3.2:latest    a80c4f17acd5    2.0 GB    \n"
        "a:b                0123456789ab    98 MB     \n"
    )


def test_a_header_alone() -> None:
    assert table([], ("NAME", "ID")) == "NAME    ID \n"


def test_rows_of_different_lengths() -> None:
    rows = [["", "stop", '"<|a', 'b|>"'], ["", "temperature", "0.5"]]
    assert table(rows) == ('    stop           "<|a    b|>"    \n    temperature    0.5     \n')


def test_wide_characters_count_twice() -> None:
    assert table([["日本"], ["abcd"]]) == "日本    \nabcd    \n"


def test_a_wide_cell_is_broken_between_words() -> None:
    text = "aaaa bbbb cccc dddd eeee ffff gggg"  # 34 columns, 30 fit
    assert table([["x", text]]) == (
        f"x{GAP}aaaa bbbb cccc dddd eeee ffff{GAP}\n  {GAP}gggg{' ' * 25}{GAP}\n"
    )


def test_lines_but_the_last_are_as_equal_as_can_be() -> None:
    assert table([["aaa bb cc ddddd"]], widest=6) == "aaa      \nbb cc    \nddddd    \n"


def test_a_word_is_never_broken() -> None:
    word = "w" * 50
    assert table([[f"{word} a b"]]) == f"{word}    \na b{' ' * 47}    \n"


@given(st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=4))
def test_no_word_is_lost(rows: list[list[str]]) -> None:
    text = table(rows)
    assert sorted(text.split()) == sorted(" ".join(" ".join(row) for row in rows).split())
    assert all(line.endswith(GAP) for line in text.splitlines())


@given(st.lists(st.tuples(FILLED, FILLED), min_size=1, max_size=4))
def test_columns_are_straight(rows: list[tuple[str, str]]) -> None:
    assert len({cell_width(line) for line in table(rows).splitlines()}) == 1


@given(st.lists(WORDS, min_size=1, max_size=40), st.integers(12, 40))
def test_no_line_is_wider_than_it_may_be(words: list[str], widest: int) -> None:
    lines = table([[" ".join(words)]], widest=widest).splitlines()
    assert all(len(line.rstrip()) <= widest for line in lines)
    assert [word for line in lines for word in line.split()] == words
