import pytest

from evals.normalise import holds, squeezed, tokens, without_citations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Eiffel-Tower, a tower!", ("eiffeltower", "tower")),
        ("8.5 litres", ("85", "litres")),
        ("满五年的享有 12 天。", ("满", "五", "年", "的", "享", "有", "12", "天")),
        ("12天", ("12", "天")),
        ("ＡＢＣ　１２", ("abc", "12")),
        ("an apple", ("apple",)),
        ("", ()),
        ("...", ()),
        ("$1,480", ("1480",)),
    ],
)
def test_tokens(text: str, expected: tuple[str, ...]):
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Five days [1].", "Five days."), ("a [1][12] b", "a b"), ("array[i]", "array[i]")],
)
def test_citations_are_dropped(text: str, expected: str):
    assert without_citations(text) == expected


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("it takes 30 days", "30 days", True),
        ("it takes 130 days", "30 days", False),
        ("it takes 30 long days", "30 days", False),
        ("共 112 天", "12 天", False),
        ("共12天内", "12 天", True),
        ("anything", "", False),
    ],
)
def test_holds_whole_tokens_only(text: str, wanted: str, expected: bool):
    assert holds(tokens(text), tokens(wanted)) is expected


def test_squeezed_ignores_line_breaks_of_a_page():
    assert squeezed("聚氯乙\n烯") == squeezed("聚氯乙烯")
    assert squeezed("8.5\n litres of OIL") == squeezed("8.5 litres of oil")
