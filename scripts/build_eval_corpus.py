"""Build the documents of the shipped evaluation dataset from their Markdown sources.

Writes PDF, DOCX and HTML into evals/datasets/ragstone/corpus/; the same sources give the
same bytes. Only needed when a source changes: the built files are committed. Needs fpdf2
(LGPL-3.0, used here only, not by Ragstone) and, for Chinese PDF, two TrueType fonts, one for
Latin letters and one for CJK, of which subsets are embedded; the committed file holds subsets
of DejaVu Sans (Bitstream Vera licence) and Droid Sans Fallback (Apache-2.0):

    python scripts/build_eval_corpus.py DejaVuSans.ttf DroidSansFallbackFull.ttf

The Markdown is a small part of the language: # and ## headings, paragraphs, - lists,
| tables and --- as a page break.
"""

import argparse
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "evals" / "datasets" / "ragstone"
BUILT = datetime(2026, 1, 1, tzinfo=UTC)

PDF_FILES = {
    "pellet-mill-manual.md": "pellet-mill-manual.pdf",
    "gritol-safety-sheet.md": "gritol-safety-sheet.pdf",
    "injection-press-manual-zh.md": "设备维护手册.pdf",
}
DOCX_FILES = {"staff-handbook.md": "staff-handbook.docx", "staff-handbook-zh.md": "员工手册.docx"}
HTML_FILES = {"support-faq.md": "support-faq.html", "customer-service-zh.md": "客服问答.html"}


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a source: kind is h1, h2, text, item, table or break."""

    kind: str
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


def blocks(markdown: str) -> Iterator[Block]:
    """Read the small Markdown into blocks."""
    rows: list[tuple[str, ...]] = []
    for line in [*markdown.splitlines(), ""]:
        if line.startswith("|"):
            cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
            if set("".join(cells)) - set("- "):
                rows.append(cells)
            continue
        if rows:
            yield Block("table", rows=tuple(rows))
            rows = []
        if line.strip():
            yield _line(line.strip())


def _line(line: str) -> Block:
    if line == "---":
        return Block("break")
    for mark, kind in (("## ", "h2"), ("# ", "h1"), ("- ", "item")):
        if line.startswith(mark):
            return Block(kind, line.removeprefix(mark))
    return Block("text", line)


def write_pdf(source: list[Block], target: Path, fonts: tuple[Path, ...]) -> None:
    """Write A4 pages; subsets of `fonts` are embedded, none uses Helvetica."""
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_creation_date(BUILT)
    pdf.set_title(source[0].text)
    pdf.set_margin(22)
    pdf.set_auto_page_break(auto=True, margin=22)
    family = "f0" if fonts else "helvetica"
    for index, font in enumerate(fonts):
        pdf.add_font(f"f{index}", fname=font)
    pdf.set_fallback_fonts([f"f{index}" for index in range(1, len(fonts))])
    pdf.add_page()
    for block in source:
        _pdf_block(pdf, block, family)
    pdf.output(str(target))


def _pdf_block(pdf: Any, block: Block, family: str) -> None:
    from fpdf import FontFace
    from fpdf.enums import Align, WrapMode, XPos, YPos

    if block.kind == "break":
        pdf.add_page()
        return
    sizes = {"h1": 18, "h2": 13}
    bold = "B" if block.kind in sizes and family == "helvetica" else ""
    pdf.set_font(family, style=bold, size=sizes.get(block.kind, 10.5))
    if block.kind == "table":
        widths = (1, 3, 5) if len(block.rows[0]) == 3 else (1, 2)
        plain = FontFace(emphasis="")  # a CJK font comes without a bold face
        with pdf.table(
            width=pdf.epw, col_widths=widths, text_align=Align.L, headings_style=plain
        ) as table:
            for cells in block.rows:
                row = table.row()
                for cell in cells:
                    row.cell(cell)
        pdf.ln(4)
        return
    text = f"- {block.text}" if block.kind == "item" else block.text
    pdf.multi_cell(
        w=0,
        h=sizes.get(block.kind, 10.5) * 0.55,
        text=text,
        align=Align.L,
        new_x=XPos.LMARGIN,
        new_y=YPos.NEXT,
        wrapmode=WrapMode.CHAR if family != "helvetica" else WrapMode.WORD,
    )
    pdf.ln(2.5)


def write_docx(source: list[Block], target: Path) -> None:
    """Write a Word document with real heading styles and tables, and fixed dates."""
    from docx import Document

    document = Document()
    document.core_properties.title = source[0].text
    document.core_properties.author = "Ragstone"
    document.core_properties.created = BUILT.replace(tzinfo=None)
    document.core_properties.modified = BUILT.replace(tzinfo=None)
    for block in source:
        if block.kind in ("h1", "h2"):
            document.add_heading(block.text, level=int(block.kind[1]))
        elif block.kind == "table":
            _docx_table(document, block.rows)
        elif block.kind == "break":
            document.add_page_break()
        else:
            document.add_paragraph(
                block.text, style="List Bullet" if block.kind == "item" else None
            )
    raw = io.BytesIO()
    document.save(raw)
    target.write_bytes(_with_fixed_dates(raw))


def _docx_table(document: Any, rows: tuple[tuple[str, ...], ...]) -> None:
    table = document.add_table(rows=0, cols=len(rows[0]))
    for cells in rows:
        for cell, text in zip(table.add_row().cells, cells, strict=True):
            cell.text = text


def _with_fixed_dates(raw: io.BytesIO) -> bytes:
    fixed = io.BytesIO()
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in sorted(old.namelist()):
            info = zipfile.ZipInfo(entry, date_time=(2026, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(entry))
    return fixed.getvalue()


def write_html(source: list[Block], target: Path) -> None:
    """Write a plain page with one heading per question."""
    language = "zh" if "客服" in target.name else "en"
    body = "\n".join(_html_block(block) for block in source)
    target.write_text(
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(source[0].text)}</title>\n"
        "<style>main { max-width: 40em; margin: auto; }</style>\n</head>\n<body>\n"
        f"<main>\n{body}\n</main>\n</body>\n</html>\n",
        encoding="utf-8",
    )


def _html_block(block: Block) -> str:
    tag = {"h1": "h1", "h2": "h2", "item": "li"}.get(block.kind, "p")
    return f"<{tag}>{escape(block.text)}</{tag}>"


def main() -> None:
    """Build every document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fonts", type=Path, nargs=2, help="Latin and CJK TrueType fonts")
    fonts = tuple(parser.parse_args().fonts)
    sources, corpus = FOLDER / "sources", FOLDER / "corpus"
    for name, target in PDF_FILES.items():
        text = (sources / name).read_text(encoding="utf-8")
        write_pdf(list(blocks(text)), corpus / target, fonts if name.endswith("-zh.md") else ())
    for name, target in DOCX_FILES.items():
        write_docx(list(blocks((sources / name).read_text(encoding="utf-8"))), corpus / target)
    for name, target in HTML_FILES.items():
        write_html(list(blocks((sources / name).read_text(encoding="utf-8"))), corpus / target)


if __name__ == "__main__":
    main()
