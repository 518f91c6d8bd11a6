"""HTML: what a reader sees, as headings, paragraphs, list items and table rows. Knows bs4."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, PreformattedString, Tag

from ingest.errors import EmptyDocument
from ingest.loaded import LoadedDocument
from ingest.loaders.blocks import Blocks, one_line
from ingest.loaders.rows import row_texts

_DROPPED = [
    "script", "style", "nav", "template", "noscript", "svg", "iframe", "object", "head", "button",
    "select", "input", "dialog",
]  # fmt: skip
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCK_NAMES = """
address article aside blockquote body center details dd div dl dt fieldset figcaption figure
footer form header hr html main p section summary title ul ol table li pre
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split()) | set(_HEADINGS)


def load(path: Path) -> LoadedDocument:
    """Read an HTML file in the encoding it declares. Raises EmptyDocument where nothing shows."""
    soup = BeautifulSoup(path.read_bytes(), "lxml")
    title = one_line(soup.title.get_text()) if soup.title else ""
    for tag in soup(_DROPPED):
        tag.decompose()
    for tag in soup.select("[hidden]"):
        tag.decompose()
    blocks = Blocks()
    first = soup.find("h1")
    if title and not (first and one_line(first.get_text()) == title):
        blocks.heading(title, 0)
    _Walk(blocks).block(soup.body or soup)
    loaded = blocks.done()
    if not loaded.text:
        raise EmptyDocument("The page has no text that a reader would see.")
    return loaded


class _Walk:
    """Goes through the tree in document order and writes blocks."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._special: dict[str, Callable[[Tag], None]] = {
            "table": self._table,
            "ul": self._list,
            "ol": self._list,
            "pre": self._code,
        }

    def block(self, tag: Tag) -> None:
        """Write the content of a block: runs of inline content as paragraphs, blocks inside."""
        inline: list[str] = []
        for child in tag.children:
            if isinstance(child, Tag) and _holds_blocks(child):
                self._paragraph(inline)
                self._element(child)
            else:
                inline.append(_inline_text(child))
        self._paragraph(inline)

    def _element(self, tag: Tag) -> None:
        if tag.name in _HEADINGS:
            self._heading(tag)
        else:
            self._special.get(tag.name, self.block)(tag)

    def _heading(self, tag: Tag) -> None:
        if tag.find(["table", "p", "div", "ul", "ol"]) and len(tag.get_text()) > 200:
            self.block(tag)  # an unclosed <h2> swallowed what follows it
        else:
            self._blocks.heading(tag.get_text(" "), _HEADINGS[tag.name])

    def _paragraph(self, inline: list[str]) -> None:
        lines = "".join(inline).split("\v")  # <br>
        self._blocks.add("\n".join(filter(None, map(one_line, lines))))
        inline.clear()

    def _list(self, tag: Tag, depth: int = 0) -> None:
        ordered = tag.name == "ol"
        for number, item in enumerate(tag.find_all("li", recursive=False), start=1):
            own = [child for child in item.children if not _is_list(child)]
            text = one_line("".join(map(_spaced_text, own)))
            mark = f"{number}." if ordered else "-"
            if text:
                first = number == 1 and depth == 0
                indent = "  " * depth
                self._blocks.add(f"{indent}{mark} {text}", before="\n\n" if first else "\n")
            for inner in item.find_all(["ul", "ol"], recursive=False):
                self._list(inner, depth + 1)

    def _code(self, tag: Tag) -> None:
        self._blocks.add(tag.get_text())

    def _table(self, tag: Tag) -> None:
        caption = tag.find("caption")
        if caption:
            self._blocks.add(one_line(caption.get_text(" ")))
        rows = list(_own_rows(tag))
        cells = [row.find_all(["td", "th"], recursive=False) for row in rows]
        if max(map(len, cells), default=0) <= 1:
            for cell in (cell for row in cells for cell in row):
                self.block(cell)  # a table of one column only arranges the page
            return
        header = any(cell.name == "th" for cell in cells[0]) and all(
            cell.name == "th" for cell in cells[0]
        )
        for row in row_texts(_grid(cells), header=header or None):
            self._blocks.add(row)


def _holds_blocks(tag: Tag) -> bool:
    return tag.name in _BLOCKS or tag.find(list(_BLOCKS)) is not None


def _is_list(element: PageElement) -> bool:
    return isinstance(element, Tag) and element.name in ("ul", "ol")


def _inline_text(element: PageElement) -> str:
    """Return the text of inline content; a line break becomes a vertical tab until later."""
    if isinstance(element, PreformattedString):
        return ""  # comments, doctypes, CDATA
    if isinstance(element, NavigableString):
        return str(element).replace("\v", " ")
    assert isinstance(element, Tag)
    if element.name == "br":
        return "\v"
    if element.name == "img":
        return str(element.get("alt") or "")
    return "".join(map(_inline_text, element.children))


def _spaced_text(element: PageElement) -> str:
    text = element.get_text(" ") if isinstance(element, Tag) else _inline_text(element)
    return f" {text} " if isinstance(element, Tag) and element.name in _BLOCKS else text


def _own_rows(table: Tag) -> Iterator[Tag]:
    """Yield the rows of this table, not those of tables inside it."""
    for row in table.find_all("tr"):
        if row.find_parent("table") is table:
            yield row


def _grid(rows: Sequence[Sequence[Tag]]) -> list[list[str]]:
    """Return cell texts with spanned cells repeated, so that every cell is under its column."""
    grid: list[list[str]] = []
    waiting: dict[int, tuple[int, str]] = {}
    for cells in rows:
        row: list[str] = []
        queue = list(cells)
        while queue or len(row) in waiting:
            column = len(row)
            if column in waiting:
                left, text = waiting.pop(column)
                row.append(text)
                if left > 1:
                    waiting[column] = (left - 1, text)
                continue
            cell = queue.pop(0)
            text = one_line(cell.get_text(" "))
            for _ in range(_span(cell, "colspan")):
                if _span(cell, "rowspan") > 1:
                    waiting[len(row)] = (_span(cell, "rowspan") - 1, text)
                row.append(text)
        grid.append(row)
    return grid


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name, "1")).strip()
    return max(1, min(int(value), 100)) if value.isdecimal() else 1
