"""HTML, Markdown, plain text and tables."""

from pathlib import Path

import pytest

from ingest.errors import EmptyDocument
from ingest.load import loader
from ingest.loaded import LoadedDocument
from ingest.loaders.rows import row_texts
from ingest.loaders.table import find_separator
from ingest.loaders.text import decode


def load(tmp_path: Path, kind: str, data: str | bytes) -> LoadedDocument:
    path = tmp_path / "document"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return loader(kind)(path)


def headings(loaded: LoadedDocument) -> list[tuple[int, str]]:
    for heading in loaded.headings:
        start = loaded.text[heading.offset :].lstrip("# ")
        assert start.startswith(heading.title.split()[0])
    return [(h.level, h.title) for h in loaded.headings]


PAGE = """<!doctype html><html><head><title>Shop</title><style>p {}</style></head><body>
<nav><a href=/>Home</a></nav><script>alert(1)</script><p hidden>secret</p>
<h1>Delivery</h1><p>We deliver <b>fast</b>,<br>mostly.</p>
<h2>Prices</h2>loose text<table><tr><th>To</th><th>Price</th></tr>
<tr><td rowspan=2>Europe</td><td>5&nbsp;€</td></tr><tr><td>6 €</td></tr></table>
<ul><li>one<ol><li>inner</li></ol></li><li>two</li></ul>
<pre>a
  b</pre><!-- comment --></body></html>"""


def test_html_is_what_a_reader_sees(tmp_path: Path) -> None:
    loaded = load(tmp_path, "text/html", PAGE)
    assert loaded.text == (
        "Shop\n\nDelivery\n\nWe deliver fast,\nmostly.\n\nPrices\n\nloose text\n\n"
        "To: Europe; Price: 5 €\n\nTo: Europe; Price: 6 €\n\n"
        "- one\n  1. inner\n- two\n\na\n  b"
    )
    assert headings(loaded) == [(0, "Shop"), (1, "Delivery"), (2, "Prices")]


def test_html_layout_tables_are_no_tables(tmp_path: Path) -> None:
    loaded = load(tmp_path, "text/html", "<table><tr><td><h1>A</h1><p>b</p></td></tr></table>")
    assert loaded.text == "A\n\nb"


def test_html_encoding_is_the_declared_one(tmp_path: Path) -> None:
    page = '<meta charset="gb2312"><p>保修期为两年</p>'.encode("gb2312")
    assert load(tmp_path, "text/html", page).text == "保修期为两年"


@pytest.mark.parametrize("page", ["<html></html>", "<script>x</script>", "<p>  </p>"])
def test_html_without_words_is_empty(tmp_path: Path, page: str) -> None:
    with pytest.raises(EmptyDocument):
        load(tmp_path, "text/html", page)


def test_deeply_nested_html_ends(tmp_path: Path) -> None:
    assert "x" in load(tmp_path, "text/html", "<div>" * 200 + "x").text


MARKDOWN = """# Title *here*

Para one
wraps.

- item a
- item b

```
# no heading
```

| a | b |
|---|---|
| 1 | 2 |

Sub
---
> # quoted, no section
"""


def test_markdown_stays_as_written_and_has_sections(tmp_path: Path) -> None:
    loaded = load(tmp_path, "text/markdown", MARKDOWN)
    assert loaded.text == MARKDOWN.rstrip("\n") + "\n"
    assert headings(loaded) == [(1, "Title here"), (2, "Sub")]
    begins = {loaded.text[at : at + 6] for at in loaded.breaks}
    assert {"Para o", "- item", "```\n# ", "| 1 | ", "> # qu"} <= begins


def test_text_paragraphs_are_blocks(tmp_path: Path) -> None:
    loaded = load(tmp_path, "text/plain", "one\r\ntwo\r\n\r\n\r\nthree\x00\n")
    assert (loaded.text, loaded.breaks) == ("one\ntwo\n\nthree", (0, 9))


@pytest.mark.parametrize("kind", ["text/plain", "text/markdown", "text/csv"])
def test_white_space_alone_is_empty(tmp_path: Path, kind: str) -> None:
    with pytest.raises(EmptyDocument):
        load(tmp_path, kind, " \n\t\n")


CHINESE = "人工智能是计算机科学的一个分支，它试图了解智能的实质。保修期为两年，退货期为三十天。" * 3
JAPANESE = "これは日本語の文章です。保証期間は二年間です。返品は三十日以内にお願いします。" * 3
TRADITIONAL = (
    "人工智慧是電腦科學的一個分支，它試圖瞭解智慧的實質。保固期為兩年，退貨期為三十天。" * 3
)
GERMAN = "Die Gewährleistung beträgt zwei Jahre. Für Rückgaben gilt: dreißig Tage, größere später."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "gb18030"),
        (TRADITIONAL, "big5"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (GERMAN, "cp1252"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (CHINESE, "utf-16"),
        (CHINESE, "utf-32"),
    ],
)
def test_common_encodings_are_recognised(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("Name,Age\nAnn,3\nBob,4\n", ["Name: Ann; Age: 3", "Name: Bob; Age: 4"]),
        ("Name;Pay\nAnn;3,5\nBob;4,5\n", ["Name: Ann; Pay: 3,5", "Name: Bob; Pay: 4,5"]),
        ("a\tb\n1\t2\n", ["a: 1; b: 2"]),
        ("a|b\n1|2\n", ["a: 1; b: 2"]),
        ("sep=;\na;b\n1;2\n", ["a: 1; b: 2"]),
        ('a,b\n"x, ""y""\nz",2\n', ['a: x, "y" z; b: 2']),
        ("1,2\n3,4\n", ["1; 2", "3; 4"]),
        ("Prices 2024,,\nItem,Now,Old\nTea,1,\n", ["Prices 2024", "Item: Tea; Now: 1"]),
        ("just one\ncolumn\n", ["just one", "column"]),
        ("a,b\n1,2,3\n", ["a: 1; b: 2; 3"]),
    ],
)
def test_rows_name_their_columns(tmp_path: Path, table: str, expected: list[str]) -> None:
    loaded = load(tmp_path, "text/csv", table)
    assert loaded.text.split("\n\n") == expected
    assert len(loaded.breaks) == len(expected)


def test_the_separator_is_what_divides_the_lines_alike() -> None:
    assert find_separator("a, b; c\nd; e\nf, g, h; i\n") == ";"


def test_a_header_can_be_given_or_denied() -> None:
    rows = [["a", "b"], ["1", "2"]]
    assert list(row_texts(rows, header=True)) == ["a: 1; b: 2"]
    assert list(row_texts(rows, header=False)) == ["a; b", "1; 2"]
    assert list(row_texts([["", "Mon", "Tue"], ["Ann", "x", ""]])) == ["Ann; Mon: x"]
