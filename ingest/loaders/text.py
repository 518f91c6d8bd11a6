"""Plain text, and the decoding of bytes for every format that is text. Knows charset-normalizer."""

import codecs
import re
from pathlib import Path

from ingest.errors import EmptyDocument, UnreadableFile
from ingest.loaded import LoadedDocument
from ingest.loaders.blocks import Blocks

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_SAMPLE = 200_000
"""Bytes looked at to guess an encoding; more does not change the guess and costs seconds a MB."""


def load(path: Path) -> LoadedDocument:
    """Read a text file of any common encoding; paragraphs are what blank lines divide."""
    return paragraphs(decode(path.read_bytes()))


def paragraphs(text: str) -> LoadedDocument:
    """Return decoded text as a document. Raises EmptyDocument where there is none."""
    blocks = Blocks()
    for paragraph in _PARAGRAPH.split(text.replace("\r\n", "\n").replace("\r", "\n")):
        blocks.add(paragraph)
    loaded = blocks.done()
    if not loaded.text:
        raise EmptyDocument("The file has no text in it.")
    return loaded


def decode(data: bytes) -> str:
    """Return bytes as text: byte order mark, then UTF-8, UTF-16 by its NULs, then a guess.

    Raises UnreadableFile where no encoding fits.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    guess = _utf16_without_mark(data) or _guess(data)
    if guess is None:
        raise UnreadableFile(
            "The file is not text in any encoding Ragstone knows. Save it as UTF-8."
        )
    return data.decode(guess, errors="replace")


def _utf16_without_mark(data: bytes) -> str | None:
    """Name UTF-16 by where the NUL bytes of its Latin characters and line ends lie."""
    even, odd = data[:4096:2].count(0), data[1:4096:2].count(0)
    if max(even, odd) <= len(data[:4096]) // 16:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _guess(data: bytes) -> str | None:
    from charset_normalizer import from_bytes  # 40 ms, and rarely needed

    best = from_bytes(data[:_SAMPLE]).best()
    return None if best is None else best.encoding
