"""The Modelfile's grammar: what is read, what is refused, and that printing loses nothing."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import InvalidModelfile
from backend.models.modelfile import Command, Modelfile, parse, quoted


def commands(text: str) -> list[tuple[str, str]]:
    return [tuple(command) for command in parse(text.encode()).commands]


def test_every_command_in_its_order() -> None:
    text = """
    # a comment
    from base
    FROM ./projector.gguf
    ADAPTER ./lora.gguf
    Template {{ .Prompt }}
    SYSTEM You are brief.
    RENDERER qwen3-coder
    PARSER qwen3-coder
    PARAMETER temperature 0.5
    PARAMETER stop <a>
    PARAMETER stop "<b> "
    MESSAGE user hi
    MESSAGE assistant "hello"
    LICENSE MIT
    DRAFT small
    REQUIRES 0.14.0
    """
    assert commands(text) == [
        ("from", "base"), ("from", "./projector.gguf"), ("adapter", "./lora.gguf"),
        ("template", "{{ .Prompt }}"), ("system", "You are brief."), ("renderer", "qwen3-coder"),
        ("parser", "qwen3-coder"), ("parameter", "temperature 0.5"), ("parameter", "stop <a>"),
        ("parameter", "stop <b> "), ("message", "user hi"), ("message", "assistant hello"),
        ("license", "MIT"), ("draft", "small"), ("requires", "0.14.0"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        ("a # b", "a # b"),  # a comment only where a command could start
        ("  padded\t ", "padded"),
        ('"quoted"', "quoted"),
        ('" outer "', " outer "),
        ('""', ""),
        ('""""""', ""),
        ('"""one\ntwo"""', "one\ntwo"),
        ('"""\none\n"""', "\none\n"),  # the line break after the quotes stays
        ('"one\n\ntwo"', "one\n\ntwo"),
        ('"""say "so" now"""', 'say "so" now'),
        ('"a" and "b"', 'a" and "b'),
        ('"a" more\nstill"', 'a" more\nstill'),  # a quote followed by text does not close
        ('"""a""" more\n"""', 'a""" more\n'),
        ('"""a"""  ', "a"),
        ('say "so"', 'say "so"'),
        ("'single'", "'single'"),
        (r'"no \n escapes \""', r"no \n escapes \""),
        ("tab\there", "tab\there"),
        ("bell\x07gone", "bellgone"),
        ("join\u200der\u00a0s", "joiners"),
        ('"""crlf\r\nkept"""', "crlf\r\nkept"),
        ("früh 早", "früh 早"),
    ],
)
def test_the_forms_of_a_value(spelling: str, value: str) -> None:
    for end in ("", "\n", "\r\n", "\nPARAMETER top_k 3"):
        parsed = parse(f"FROM base\nSYSTEM {spelling}{end}".encode())
        assert parsed.last("system") == value
        assert parse(str(parsed).encode()) == parsed


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no FROM line"),
        ("# FROM x", "no FROM line"),
        ("SYSTEM x", "no FROM line"),
        ("FROM x\nBAD y", r'^\(line 2\): command must be one of "from", "license", "template"'),
        ("FROM x\r\n\r\nBAD y", r"^\(line 3\): command must be one of"),
        ("FROM x\n1abc y", r"^\(line 2\): command"),
        ("FROM\nSYSTEM x", r"^\(line 1\): command"),
        ("FROM-x y", r"^\(line 1\): command"),
        ("FROM", "^unexpected EOF$"),
        ("FROM x\nPARAMETER stop", "unexpected EOF"),
        ("FROM x\nPARAMETER to-p 1", "unexpected EOF"),
        ("FROM x\nMESSAGE user", "unexpected EOF"),
        ('FROM x\nSYSTEM "open', "unexpected EOF"),
        ('FROM x\nSYSTEM """open"', "unexpected EOF"),
        ('FROM x\nSYSTEM """', "unexpected EOF"),
        ("FROM x\nMESSAGE User hi", 'role must be one of "system", "user", or "assistant"'),
        ("FROM x\n\nMESSAGE tool hi", r"^\(line 3\): message role"),
    ],
)
def test_what_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(InvalidModelfile, match=sentence):
        parse(text.encode())


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(b"", "utf-8"), (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
     (codecs.BOM_UTF16_BE, "utf-16-be")],
)  # fmt: skip
def test_the_encodings(mark: bytes, encoding: str) -> None:
    raw = mark + "FROM grün\nSYSTEM 早".encode(encoding)
    assert parse(raw) == Modelfile((Command("from", "grün"), Command("system", "早")))


def test_a_long_licence_takes_no_longer_than_its_length() -> None:
    text = "word \n" * 200_000
    assert parse(f'FROM a\nLICENSE """{text}"""'.encode()).last("license") == text


def test_bytes_that_are_no_text_are_still_read() -> None:
    assert parse(b"FROM a\xff\xfeb").last("from") == "a\ufffd\ufffdb"


def test_what_stands_where() -> None:
    parsed = parse(b"FROM a\nFROM b\nPARAMETER stop x y\nMESSAGE user a b\nSYSTEM 1\nSYSTEM 2")
    assert parsed.values("from") == ("a", "b")
    assert parsed.pairs("parameter") == (("stop", "x y"),)
    assert parsed.pairs("message") == (("user", "a b"),)
    assert (parsed.last("system"), parsed.last("template")) == ("2", None)


@pytest.mark.parametrize(
    ("value", "spelling"),
    [("plain", "plain"), ("two\nlines", '"two\nlines"'), (" outer", '" outer"'),
     ('a "b"\nc', '"""a "b"\nc"""'), ('in "quotes"', 'in "quotes"'),
     ('"begins" so', '"""\"begins" so"""'), ("", ""), ('"x"', '"""\"x""""')],
)  # fmt: skip
def test_quotes_only_where_they_are_needed(value: str, spelling: str) -> None:
    assert quoted(value) == spelling


def test_what_cannot_be_spelled_does_not_break_the_rest() -> None:
    value = 'a """\nb""" \r\nc"""'
    parsed = parse(f"FROM x\nSYSTEM {quoted(value)}\nTEMPLATE t".encode())
    assert parsed.commands[1:] == (("system", "a '''\nb''' \r\nc\"\"\""), ("template", "t"))
    assert quoted("bell\x07") == "bell"


PIECES = st.sampled_from(
    ['"', '"""', "\n", "\r\n", " ", "\t", "#", "a", "é", "FROM x", "\x00", "\u200d", "\\", "'"]
)
TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=30)


WORDS = ["SYSTEM", "license", "PARAMETER stop", "MESSAGE user", "FROM", "TEMPLATE", "#"]


@given(st.lists(st.tuples(st.sampled_from(WORDS), TEXTS)))
def test_printing_and_reading_again_loses_nothing(lines: list[tuple[str, str]]) -> None:
    text = "FROM base\n" + "\n".join(f"{word} {value}" for word, value in lines)
    try:
        parsed = parse(text.encode("utf-8", "replace"))
    except InvalidModelfile:
        return
    assert parse(str(parsed).encode()) == parsed


@given(TEXTS)
def test_any_value_can_be_printed(value: str) -> None:
    parsed = parse(f"FROM x\nSYSTEM {quoted(value)}\nTEMPLATE t".encode("utf-8", "replace"))
    assert [command.name for command in parsed.commands] == ["from", "system", "template"]
    assert parsed.last("template") == "t"


@given(st.binary(max_size=200) | TEXTS.map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_a_modelfile_or_an_invalid_one(raw: bytes) -> None:
    try:
        parsed = parse(raw)
    except InvalidModelfile:
        return
    assert parsed.values("from")
