import io
import zipfile
from pathlib import Path

import pytest

from ingest import media_type
from ingest.errors import (
    EmptyDocument,
    IngestError,
    PasswordProtected,
    UnreadableFile,
    UnsupportedType,
)
from tests.fixtures import files


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name in names:
            zipped.writestr(name, "x")
    return out.getvalue()


def detect(tmp_path: Path, data: bytes, name: str, declared: str | None = None) -> str:
    path = tmp_path / "bytes"
    path.write_bytes(data)
    return media_type.detect(path, name, declared)


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"%PDF-1.7\n", "a.txt", media_type.PDF),
        (b"\n\njunk%PDF-1.7\n", "a", media_type.PDF),
        (archive("word/document.xml"), "letter.zip", media_type.DOCX),
        (archive("word/document.xml")[:40], "letter.docx", media_type.DOCX),
        (b"<!DOCTYPE html><p>x", "a", media_type.HTML),
        (b"<?xml version='1.0'?>\n<!-- x --><html>", "a", media_type.HTML),
        (b"plain", "page.HTM", media_type.HTML),
        (b"# Title", "notes.md", media_type.MARKDOWN),
        (b"a,b", "table.csv", media_type.CSV),
        (b"a\tb", "table.tsv", media_type.TSV),
        (b"hello", "README", media_type.TEXT),
        (b'{"a": 1}', "a.json", media_type.TEXT),
        ("h\u00e9llo".encode("utf-16"), "a.txt", media_type.TEXT),
        ("hello there".encode("utf-16-le"), "a.txt", media_type.TEXT),
        ("保修".encode("gb18030"), "a.txt", media_type.TEXT),
    ],
)
def test_content_decides_before_the_name(
    tmp_path: Path, data: bytes, name: str, expected: str
) -> None:
    assert detect(tmp_path, data, name) == expected


@pytest.mark.parametrize(
    ("data", "name", "error", "says"),
    [
        (b"", "a.txt", EmptyDocument, "no bytes"),
        (b"just words", "report.pdf", UnreadableFile, "named .pdf but its content is text"),
        (b"just words", "report.docx", UnreadableFile, "named .docx"),
        (b"\x01\x02\x03" * 50, "report.pdf", UnreadableFile, "does not begin like one"),
        (b"\x89PNG\r\n\x1a\n....", "a.txt", UnsupportedType, "PNG.*Supported: PDF, DOCX"),
        (b"\xff\xd8\xff\xe0", "a.jpg", UnsupportedType, "JPEG"),
        (archive("xl/workbook.xml"), "a.xlsx", UnsupportedType, "Excel"),
        (archive("ppt/presentation.xml"), "a.pptx", UnsupportedType, "PowerPoint"),
        (archive("a.txt"), "a.zip", UnsupportedType, "ZIP"),
        (archive("a.txt")[:30], "a.zip", UnreadableFile, "cut short"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "a.doc", UnsupportedType, "old Office"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "a.docx",
         PasswordProtected, "password"),
        (bytes(range(256)) * 9, "a.bin", UnsupportedType, "unknown binary"),
        (b"<?xml version='1.0'?><feed/>", "a.xml", UnsupportedType, "XML"),
        (b"From: a\nTo: b\nSubject: c\n\nhello", "a.eml", UnsupportedType, "e-mail"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_what_it_is(
    tmp_path: Path, data: bytes, name: str, error: type[IngestError], says: str
) -> None:
    with pytest.raises(error, match=says):
        detect(tmp_path, data, name)


def test_a_declared_type_counts_only_where_content_and_name_are_silent(tmp_path: Path) -> None:
    assert detect(tmp_path, b"a,b", "table", "text/csv; charset=utf-8") == media_type.CSV
    assert detect(tmp_path, b"a,b", "notes.md", "text/csv") == media_type.MARKDOWN
    assert detect(tmp_path, files.pdf(["x"]), "x", "text/csv") == media_type.PDF
    assert detect(tmp_path, b"a,b", "table", "application/pdf") == media_type.TEXT


@pytest.mark.parametrize(
    "text", ["BMI and age", "ID3 is a gene", "GIF89 was a format", "Rar!", "RIFF raff", "OggS"]
)
def test_a_text_that_begins_like_a_picture_is_a_text(tmp_path: Path, text: str) -> None:
    assert detect(tmp_path, f"{text}, and so on.".encode(), "x.txt") == media_type.TEXT


@pytest.mark.parametrize(
    "head",
    [
        b"BM\x36\x00\x0c\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00",
        b"GIF89a\x10\x00\x10\x00\x80\x00",
        b"RIFF\x24\x08\x00\x00WAVEfmt ",
        b"ID3\x04\x00\x00\x00\x00\x0f\x76",
        b"OggS\x00\x02\x00\x00\x00\x00",
        b"Rar!\x1a\x07\x01\x00",
    ],
)
def test_and_what_is_one_is_refused(tmp_path: Path, head: bytes) -> None:
    with pytest.raises(UnsupportedType, match=r"picture|sound|archive"):
        detect(tmp_path, head + b"picture" * 100, "x.txt")
