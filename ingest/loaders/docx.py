"""Word documents: headings, paragraphs, lists and tables in document order. Knows python-docx.

The body is walked as XML because python-docx leaves out content controls, text boxes and
equations. External entities are off in its parser, and archive bombs are refused before it.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from lxml.etree import XMLSyntaxError

from ingest.errors import EmptyDocument, UnreadableFile
from ingest.loaded import LoadedDocument
from ingest.loaders.blocks import Blocks, one_line
from ingest.loaders.rows import row_texts

LARGEST_UNPACKED = 512 * 1024 * 1024
MOST_PARTS = 10_000
LARGEST_RATIO = 200
"""Unpacked to packed size; Word's own XML reaches about 30."""

_DAMAGED = (
    "The Word document is damaged or cut short. Open it in a word processor, save it anew and "
    "upload that."
)
_BAD_ARCHIVE = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError)
"""What zipfile raises; NotImplementedError for a version or method that it does not know."""
_BAD_PARTS = (OpcError, XMLSyntaxError, KeyError, AttributeError, TypeError)
_TEXT = {qn("w:t"), "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"}
_SPACES = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
# deleted text; the second copy of a text box; paragraphs of a text box, which come by themselves
_SKIPPED = {qn("w:del"), qn("w:moveFrom"), _FALLBACK, qn("w:txbxContent"), qn("w:pPr")}
_CONTAINERS = {qn("w:sdt"), qn("w:sdtContent"), qn("w:customXml"), qn("w:ins"), qn("w:smartTag")}
_HEADING_STYLE = re.compile(r"heading (\d)$|标题 (\d)$", re.IGNORECASE)


def load(path: Path) -> LoadedDocument:
    """Read a .docx file. Raises UnreadableFile, or EmptyDocument where it has no text."""
    check_archive(path)
    try:
        document = docx.Document(str(path))
        body = document.element.body
        levels = _style_levels(document)
    except (*_BAD_ARCHIVE, *_BAD_PARTS) as error:
        raise UnreadableFile(_DAMAGED) from error
    blocks = Blocks()
    _Walk(blocks, levels).content(body)
    for text in _margins(document):
        blocks.add(text)
    loaded = blocks.done()
    if not loaded.text:
        raise EmptyDocument("The Word document has no text in it.")
    return loaded


def check_archive(path: Path) -> None:
    """Raise UnreadableFile for an archive that is damaged or unpacks to far more than it is."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except _BAD_ARCHIVE as error:
        raise UnreadableFile(_DAMAGED) from error
    unpacked = sum(part.file_size for part in parts)
    packed = max(1, sum(part.compress_size for part in parts))
    bomb = unpacked > 10 * 1024 * 1024 and unpacked / packed > LARGEST_RATIO
    if bomb or unpacked > LARGEST_UNPACKED or len(parts) > MOST_PARTS:
        raise UnreadableFile(
            f"The archive unpacks {len(parts)} parts to {unpacked // 1024 // 1024} MiB from "
            f"{packed // 1024} KiB, which no written document does. It was not opened."
        )


class _Walk:
    """Goes through body XML in document order and writes blocks."""

    def __init__(self, blocks: Blocks, levels: dict[str, int]) -> None:
        self._blocks = blocks
        self._levels = levels
        self._in_list = False

    def content(self, parent: Any) -> None:
        """Write the paragraphs and tables of a body, content control or text box."""
        for element in parent:
            if element.tag == qn("w:p"):
                self._paragraph(element)
            elif element.tag == qn("w:tbl"):
                self._in_list = False
                self._table(element)
            elif element.tag in _CONTAINERS:
                self.content(element)

    def _paragraph(self, element: Any) -> None:
        text = "".join(_texts(element)).strip("\n")
        level = self._level(element)
        is_item = element.find(f"{qn('w:pPr')}/{qn('w:numPr')}") is not None
        if level is not None:
            self._blocks.heading(text, level)
        elif is_item and text.strip():
            mark = f"- {one_line(text)}"
            self._blocks.add(mark, before="\n" if self._in_list else "\n\n")
        else:
            self._blocks.add(text)
        self._in_list = is_item and level is None
        for box in _text_boxes(element):
            self.content(box)

    def _level(self, element: Any) -> int | None:
        outline = element.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
        if outline is not None and outline.get(qn("w:val"), "").isdecimal():
            level = int(outline.get(qn("w:val")))
            return level + 1 if level < 9 else None
        style = element.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
        return None if style is None else self._levels.get(style.get(qn("w:val"), ""))

    def _table(self, table: Any) -> None:
        rows = _grid([row for row in table.iter(qn("w:tr")) if _nearest(row, qn("w:tbl")) is table])
        if max(map(len, rows), default=0) <= 1:
            for cell in table.iter(qn("w:tc")):
                if _nearest(cell, qn("w:tbl")) is table:
                    self.content(cell)  # a frame around text, not a table
            return
        for row in row_texts(rows):
            self._blocks.add(row)


def _style_levels(document: Any) -> dict[str, int]:
    """Map style ids to heading levels: by name ("heading 2", "Title"), or by outline level."""
    levels: dict[str, int] = {}
    for style in document.styles.element.findall(qn("w:style")):
        name = style.find(qn("w:name"))
        name = "" if name is None else name.get(qn("w:val"), "")
        outline = style.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
        match = _HEADING_STYLE.match(name)
        if match:
            levels[style.get(qn("w:styleId"))] = int(match[1] or match[2])
        elif name.lower() == "title":
            levels[style.get(qn("w:styleId"))] = 0
        elif outline is not None and outline.get(qn("w:val"), "9") in tuple("012345678"):
            levels[style.get(qn("w:styleId"))] = int(outline.get(qn("w:val"))) + 1
    return levels


def _texts(element: Any) -> Iterator[str]:
    """Yield the words of a paragraph, without what was deleted and what is in text boxes."""
    for child in element:
        if child.tag in _SKIPPED:
            continue
        if child.tag in _TEXT:
            yield child.text or ""
        elif child.tag in _SPACES:
            yield _SPACES[child.tag]
        else:
            yield from _texts(child)


def _text_boxes(element: Any) -> Iterator[Any]:
    for box in element.iter(qn("w:txbxContent")):
        if not any(parent.tag == _FALLBACK for parent in box.iterancestors()):
            yield box


def _cells(row: Any) -> Iterator[Any]:
    for cell in row.iter(qn("w:tc")):
        if _nearest(cell, qn("w:tr")) is row:
            yield cell


def _grid(rows: list[Any]) -> list[list[str]]:
    """Return cell texts, a merged cell's in every place it covers, so that columns agree."""
    grid: list[list[str]] = []
    for row in rows:
        texts: list[str] = []
        for cell in _cells(row):
            merged = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
            goes_on = merged is not None and merged.get(qn("w:val")) != "restart"
            above = grid[-1][len(texts)] if goes_on and grid and len(texts) < len(grid[-1]) else ""
            span = cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}")
            stated = "1" if span is None else span.get(qn("w:val"), "1")
            width = max(1, min(int(stated), 100)) if stated.isdecimal() else 1
            texts += [_cell_text(cell) or above] * width
        grid.append(texts)
    return grid


def _cell_text(cell: Any) -> str:
    return one_line("\n".join("".join(_texts(paragraph)) for paragraph in cell.iter(qn("w:p"))))


def _nearest(element: Any, tag: str) -> Any:
    return next(element.iterancestors(tag), None)


def _margins(document: Any) -> list[str]:
    """Return the texts of headers and footers, each once, after the body they would interrupt."""
    texts: dict[str, None] = {}
    for section in document.sections:
        for margin in (section.first_page_header, section.header, section.footer):
            if not margin.is_linked_to_previous:
                for paragraph in margin.paragraphs:
                    texts[one_line(paragraph.text)] = None
    return [text for text in texts if any(map(str.isalpha, text))]
