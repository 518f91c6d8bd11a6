"""Parameters as /api/show prints them: one line a value, the value as Go spells a literal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.models.modelfile import parse
from backend.models.parameters import parameter_commands, parameters_text


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (3, "3"), (0.5, "0.5"), (1.0, "1"), (-1, "-1"), (True, "true"), (False, "false"),
        ("<end>", '"<end>"'), ('say "so"', r'"say \"so\""'), ("a\\b", r'"a\\b"'),
        ("one\ntwo\t\r", r'"one\ntwo\t\r"'), ("\x00\x1b\x7f", r'"\x00\x1b\x7f"'),
        ("\a\b\v\f", r'"\a\b\v\f"'), ("é早🙂", '"é早🙂"'), ("\u200b", r'"\u200b"'), ("", '""'),
    ],
)  # fmt: skip
def test_a_value_is_spelled_as_go_spells_it(value: object, literal: str) -> None:
    assert parameters_text({"name": value}) == f"{'name':<30} {literal}"


def test_a_list_is_a_line_for_each_of_its_values() -> None:
    text = parameters_text({"stop": ["a", "b"], "top_k": 1, "empty": []})
    assert text.splitlines() == [
        f"{'stop':<30} \"a\"", f"{'stop':<30} \"b\"", f"{'top_k':<30} 1",
    ]  # fmt: skip
    assert parameters_text({}) == ""


PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=20)


@given(st.lists(PRINTABLE, max_size=4), st.floats(-1e6, 1e6), st.integers())
def test_what_is_printed_reads_back(stops: list[str], number: float, count: int) -> None:
    params = {"stop": stops, "temperature": number, "top_k": count}
    printed = "FROM x\n" + "".join(f"{one}\n" for one in parameter_commands(params))
    pairs = parse(printed.encode()).pairs("parameter")
    assert [value for key, value in pairs if key == "stop"] == stops
    assert [json.loads(value) for key, value in pairs if key != "stop"] == [number, count]
