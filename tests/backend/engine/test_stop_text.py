"""Stop sequences, however the text is cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backend.engine.stop_text import StopText

LETTERS = st.text("ab\n", max_size=30)


def through(pieces: list[str], stops: list[str]) -> tuple[str, bool]:
    stop = StopText(stops)
    shown = ""
    for piece in pieces:
        text, met = stop.feed(piece)
        shown += text
        if met:
            return shown, True
    return shown + stop.end(), False


def test_text_before_the_stop_is_shown_and_the_rest_is_not() -> None:
    assert through(["one\n", "User: x"], ["User:"]) == ("one\n", True)


def test_what_might_become_a_stop_waits() -> None:
    stop = StopText(["###"])
    assert stop.feed("a#") == ("a", False)
    assert stop.feed("#b") == ("##b", False)
    assert stop.feed("##") == ("", False)
    assert stop.end() == "##"


def test_the_earliest_of_several_wins() -> None:
    assert through(["xbya"], ["a", "b"]) == ("x", True)


def test_an_empty_stop_stops_nothing() -> None:
    assert through(["abc"], [""]) == ("abc", False)


@given(LETTERS, st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3), st.data())
def test_the_cuts_do_not_matter(text: str, stops: list[str], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)) | {0, len(text)})
    pieces = [text[start:end] for start, end in pairwise(cuts)]
    shown, met = through(pieces, stops)
    assert text.startswith(shown)
    assert met == any(stop in text for stop in stops)
    assert met or shown == text
    assert not any(stop in shown for stop in stops)
