"""Lines and texts in triple quotes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.commands.chat.compose import Composer, Entry
from backend.commands.chat.set_words import TEXTS


def composed(*lines: str) -> list[Entry]:
    composer = Composer(TEXTS)
    entries = [composer.add(line) for line in lines]
    assert not composer.unclosed
    return [entry for entry in entries if entry is not None]


@pytest.mark.parametrize(
    ("lines", "entry"),
    [
        (["hello"], ("line", "hello")),
        (["/set"], ("line", "/set")),
        (["/set system"], ("line", "/set system")),
        (["/set verbose on"], ("line", "/set verbose on")),
        (['"""one line"""'], ("prompt", "one line")),
        (['"""', "two", 'lines"""'], ("prompt", "\ntwo\nlines")),
        (['"""a', "", "  b", '"""'], ("prompt", "a\n\n  b\n")),
        (["/set system be brief, please"], ("system", "be brief, please")),
        (['/set system """be', 'brief"""'], ("system", "be\nbrief")),
        (['/set template """{{ .Prompt }}"""'], ("template", "{{ .Prompt }}")),
        (['say """x"""'], ("line", 'say """x"""')),
    ],
)
def test_what_lines_make(lines: list[str], entry: tuple[str, str]) -> None:
    assert composed(*lines) == [entry]


def test_a_text_can_be_dropped() -> None:
    composer = Composer(TEXTS)
    assert composer.add('"""never') is None
    assert composer.unclosed
    composer.drop()
    assert composer.add("/bye") == Entry("line", "/bye")


@given(st.lists(st.text(st.characters(exclude_characters='"\n')), min_size=1))
def test_a_quoted_text_comes_out_as_it_was_typed(lines: list[str]) -> None:
    assert composed(*f'"""{chr(10).join(lines)}"""'.split("\n")) == [
        Entry("prompt", "\n".join(lines))
    ]
