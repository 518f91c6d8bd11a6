"""PDF: text page by page with pdfium, headings from the outline; pypdf where pdfium fails.

pdfium takes 2 to 10 ms a page, pypdf 24 to 108 (measured on ten real papers and reports).
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ingest.errors import EmptyDocument, PasswordProtected, UnreadableFile
from ingest.loaded import Heading, LoadedDocument
from ingest.loaders.blocks import Blocks, clean, one_line
from storage.records import PageSpan

_BROKEN_WORD = re.compile(r"(\w+)[\ufffe\x02](?:\r?\n)?(\w+)([^\s\w\ufffe\x02]*)( ?)")
"""pdfium puts U+FFFE where a hyphen at the end of a line was taken away with the line end."""
_SENTENCE_OVER = re.compile(r"[.!?。！？:：;；\"”’»)\]]\s*$")
_NUMBERING = re.compile(r"[\dIVXA-Z]+(?:\.\d+)*\.?")
_LONGEST_OUTLINE = 5000
ENCRYPTED = (
    "The PDF is encrypted and opens only with a password. Save a copy without one and upload that."
)
LOOKS_SCANNED = (
    "The PDF has {pages} page(s) and no text layer: it looks scanned or drawn. Reading text from "
    "pictures (OCR) is not there yet; upload a copy that has been through OCR."
)


@dataclass(frozen=True, slots=True)
class _OutlineEntry:
    """One line of a PDF's outline; `page` counts from 1."""

    title: str
    level: int
    page: int


def load(path: Path) -> LoadedDocument:
    """Read a PDF. Raises PasswordProtected, UnreadableFile, or EmptyDocument for a scan."""
    try:
        texts, outline = _read_with_pdfium(path)
    except pdfium.PdfiumError as error:
        if error.err_code == pdfium_c.FPDF_ERR_PASSWORD:
            raise PasswordProtected(ENCRYPTED) from error
        texts, outline = read_with_pypdf(path), []
    if not any(text.strip() for text in texts):
        raise EmptyDocument(LOOKS_SCANNED.format(pages=len(texts)))
    return assemble(mend_hyphens(texts), outline)


def assemble(texts: Sequence[str], outline: Iterable[_OutlineEntry] = ()) -> LoadedDocument:
    """Put pages together; a page that goes on in mid-sentence is joined by a mere line end."""
    blocks = Blocks()
    before = ""
    for number, text in enumerate(map(clean, texts), start=1):
        goes_on = bool(before) and not _SENTENCE_OVER.search(before)
        blocks.page(number, text, joined=goes_on and text.lstrip()[:1].islower())
        before = text.strip() or before
    plain = blocks.done()
    return blocks.done(tuple(_headings(plain.text, plain.pages, outline)))


def mend_hyphens(texts: Sequence[str]) -> list[str]:
    """Join words that a line end broke, with a hyphen if the document writes them so elsewhere.

    The line ends after the whole word then: where lines end tells sentences from titles.
    """
    words = Counter(re.findall(r"\w+(?:-\w+)*", "\n".join(texts)))

    def mend(broken: re.Match[str]) -> str:
        left, right, marks, blank = broken.groups()
        joined, hyphened = left + right, f"{left}-{right}"
        if words[joined] != words[hyphened]:
            whole = max(joined, hyphened, key=words.__getitem__)
        else:
            whole = joined if right[0].islower() and left[-1].isalpha() else hyphened
        return whole + marks + ("\n" if blank else "")

    return [_BROKEN_WORD.sub(mend, text) for text in texts]


def _read_with_pdfium(path: Path) -> tuple[list[str], list[_OutlineEntry]]:
    with pdfium.PdfDocument(path) as document:
        texts = [_page_text(document, index) for index in range(len(document))]
        return texts, list(_outline(document))


def _page_text(document: pdfium.PdfDocument, index: int) -> str:
    """Return one page's text; a page that cannot be read is empty, as the others are still good."""
    try:
        page = document[index]
    except pdfium.PdfiumError:
        return ""
    try:
        return str(page.get_textpage().get_text_range())
    finally:
        page.close()


def _outline(document: pdfium.PdfDocument) -> Iterable[_OutlineEntry]:
    for count, bookmark in enumerate(document.get_toc(max_depth=6)):
        if count >= _LONGEST_OUTLINE:
            return
        destination = bookmark.get_dest()
        page = destination.get_index() if destination else None
        title = one_line(bookmark.get_title())
        if page is not None and page >= 0 and title:
            yield _OutlineEntry(title, bookmark.level + 1, page + 1)


def read_with_pypdf(path: Path) -> list[str]:
    """Read what pdfium refuses: pypdf rebuilds damaged cross-reference tables more patiently."""
    from pypdf import PdfReader  # 110 ms, and rarely needed
    from pypdf.errors import FileNotDecryptedError, PyPdfError

    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise PasswordProtected(ENCRYPTED)
        texts = [page.extract_text() for page in reader.pages]
    except FileNotDecryptedError as error:
        raise PasswordProtected(ENCRYPTED) from error
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise UnreadableFile(
            "The PDF is damaged or cut short: neither of two readers can open it. "
            "Open it in a PDF program, save it anew and upload that."
        ) from error
    if not texts:
        raise UnreadableFile("The PDF is damaged or cut short: it has no pages.")
    return texts


def _headings(
    text: str, pages: Sequence[PageSpan], outline: Iterable[_OutlineEntry]
) -> Iterable[Heading]:
    """Find each outline entry's words on its page, at the start of a line if possible.

    An entry whose words are not there is left out: no section is better than a wrong one.
    """
    for entry in outline:
        page = pages[entry.page - 1] if entry.page <= len(pages) else None
        offset = None if page is None else _find_title(text, page, entry.title)
        if offset is not None:
            yield Heading(offset, entry.level, entry.title)


def _find_title(text: str, page: PageSpan, title: str) -> int | None:
    words = title.split()
    for wanted in (words, words[1:] if _NUMBERING.fullmatch(words[0]) else []):
        pattern = r"\s+".join(map(re.escape, wanted))
        for anchor in (r"(?m:^)[^\S\n]*", r""):
            found = re.compile(anchor + pattern, re.IGNORECASE).search(text, page.start, page.end)
            if wanted and found:
                return found.start()
    return None
