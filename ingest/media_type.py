"""What a file is: magic bytes first, then what its content looks like, then its name."""

import re
import zipfile
from pathlib import Path, PurePosixPath

from ingest.errors import EmptyDocument, PasswordProtected, UnreadableFile, UnsupportedType

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"
CSV = "text/csv"
TSV = "text/tab-separated-values"
SUPPORTED = "PDF, DOCX, HTML, Markdown, plain text, CSV and TSV"

_HEAD = 64 * 1024
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"BM", "a BMP picture"),
    (b"RIFF", "a sound, film or WebP file"),
    (b"ID3", "a sound file"),
    (b"OggS", "a sound file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"{\\rtf", "an RTF document"),
    (b"%!PS", "a PostScript document"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
)
_LETTERS = (b"GIF8", b"BM", b"RIFF", b"ID3", b"OggS", b"Rar!")
"""A text may begin with these too (“BMI and age”); the files have a NUL within 64 bytes."""
_PARTS = (  # what tells one kind of ZIP archive from another
    ("word/document.xml", DOCX),
    ("xl/workbook.xml", "an Excel workbook"),
    ("xl/workbook.bin", "an Excel workbook"),
    ("ppt/presentation.xml", "a PowerPoint presentation"),
    ("META-INF/container.xml", "an EPUB book"),
    ("content.xml", "an OpenDocument file"),
)
_BY_NAME = {
    ".md": MARKDOWN, ".markdown": MARKDOWN, ".mdown": MARKDOWN,
    ".html": HTML, ".htm": HTML, ".xhtml": HTML,
    ".csv": CSV, ".tsv": TSV, ".tab": TSV,
}  # fmt: skip
_BY_DECLARATION = frozenset({MARKDOWN, HTML, CSV, TSV})
_BINARY_NAMES = {
    ".pdf": "PDF", ".docx": "DOCX", ".doc": "Word", ".xlsx": "Excel", ".xls": "Excel",
    ".pptx": "PowerPoint", ".ppt": "PowerPoint", ".odt": "OpenDocument", ".epub": "EPUB",
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".zip": "ZIP",
}  # fmt: skip
_HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_XML_START = re.compile(rb"\s*<\?xml\b", re.IGNORECASE)
_MAIL_START = re.compile(
    rb"(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n(?:[ \t][^\n]*\n)*){3,}", re.IGNORECASE
)
_CONTROLS = bytes(set(range(0x20)) - {0x09, 0x0A, 0x0C, 0x0D, 0x1B})


def detect(path: Path, name: str, declared: str | None = None) -> str:
    """Return the media type of the file at `path`, one of those that `ingest.load` can read.

    `name` is what the sender called it and `declared` the type they gave; both count only for
    text, where the content alone cannot say. Raises EmptyDocument for a file without bytes,
    UnsupportedType, PasswordProtected for an encrypted Office file, and UnreadableFile where
    the name promises a format that the content is not.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise EmptyDocument("The file is empty: it has no bytes.")
    suffix = PurePosixPath(name).suffix.lower()
    if head.startswith((_ZIP, b"PK\x05\x06")):
        return _archive(path, suffix)
    if head.startswith(_OLE):
        return _old_office(path)
    if b"%PDF-" in head[:1024]:
        return PDF
    for magic, what in _MAGIC:
        if head.startswith(magic) and not (magic in _LETTERS and b"\0" not in head[:64]):
            raise _unsupported(what)
    if _looks_binary(head):
        raise _not_text(suffix)
    if suffix in _BINARY_NAMES:
        kind = _BINARY_NAMES[suffix]
        raise UnreadableFile(f"The file is named {suffix} but its content is text, not {kind}.")
    return _text_type(head, suffix, declared)


def _archive(path: Path, suffix: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        if suffix == ".docx":
            return DOCX  # its loader says in which way it is damaged
        raise UnreadableFile("The archive is damaged or cut short.") from error
    for part, what in _PARTS:
        if part in names:
            if what == DOCX:
                return DOCX
            raise _unsupported(what)
    raise _unsupported("a ZIP archive")


def _old_office(path: Path) -> str:
    """Tell an encrypted new Office file from an old one; both are OLE containers."""
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            if _ENCRYPTED_PACKAGE in block:
                raise PasswordProtected(
                    "The Office document is encrypted with a password. Save a copy without one "
                    "and upload that."
                )
    raise _unsupported("an old Office file (.doc, .xls, .ppt, .msg)")


def _looks_binary(head: bytes) -> bool:
    """Say whether control characters show that this is no text; UTF-16 has NULs by rights."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        return False
    sample = head[:8192]
    if 0 in sample:
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        one_sided = min(even, odd) <= max(even, odd) // 20
        return not (one_sided and max(even, odd) > len(sample) // 16)
    return len(sample) - len(sample.translate(None, _CONTROLS)) > len(sample) // 50


def _text_type(head: bytes, suffix: str, declared: str | None) -> str:
    if suffix in _BY_NAME:
        return _BY_NAME[suffix]
    if _HTML_START.match(head):
        return HTML
    if _XML_START.match(head) and suffix != ".txt":
        raise _unsupported("an XML file")
    if suffix == ".eml" or (not suffix and _MAIL_START.match(head)):
        raise _unsupported("an e-mail")
    kind = (declared or "").split(";")[0].strip().lower()
    if kind in _BY_DECLARATION and suffix in ("", ".txt"):
        return kind
    return TEXT


def _not_text(suffix: str) -> Exception:
    if suffix in (".pdf", ".docx"):
        return UnreadableFile(
            f"The file is named {suffix} but does not begin like one: it is damaged, "
            "or something else."
        )
    return _unsupported("an unknown binary format")


def _unsupported(what: str) -> UnsupportedType:
    return UnsupportedType(f"The file is {what}, which cannot be read yet. Supported: {SUPPORTED}.")
