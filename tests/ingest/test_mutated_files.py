"""Good files with wrong bytes in them: each is read, or ends as an IngestError with a sentence."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.errors import IngestError
from ingest.load import ParseLimits
from ingest.loaded import LoadedDocument
from ingest.media_type import detect
from ingest.readers import Readers
from tests.fixtures import files

WORD = files.word(
    [
        ("heading 1", "Pay"),
        ("paragraph", "Paid monthly, in euro."),
        ("item", "in cash"),
        ("table", [["Grade", "Pay"], ["A", "100"], ["B", "200"]]),
    ]
)
GOOD = {
    "a.docx": WORD,
    "a.pdf": files.pdf(["Leave is 25 days.", "Receipts (30 days)."], [("Leave", 1)]),
    "a.html": b"<html><head><title>T</title></head><body><h1>Leave</h1><p>25 days<br>each</p>"
    b"<table><tr><th>A<th>B<tr><td rowspan=2>1<td colspan='3'>2<tr><td>4</table>"
    b"<ul><li>x<ul><li>y</ul></ul><pre>code</pre></body></html>",
    "a.md": b"# Leave\n\n25 days.\n\n- a\n  - b\n\n| A | B |\n| - | - |\n| 1 | 2 |\n\n"
    b"```\nx\n```\n",
    "a.csv": b'sep=;\nname;days\n"Ann ""A""";25\nBob;"3\n0"\n',
    "a.txt": "Leave is 25 days.\r\n\r\n保修期为两年。\x0c\u2028 End.".encode(),
}
INSERTED = [b"\0", b"\xff\xfe", b"<", b">", b'"', b"&#0;", b"\r", b"0 obj", b"PK\x03\x04", b"%PDF-"]
edits = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["set", "cut", "insert", "repeat"]),
        st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from(INSERTED)),
    ),
    min_size=1,
    max_size=6,
)


def edited(data: bytes, changes: list[tuple[float, str, bytes]]) -> bytes:
    for place, kind, new in changes:
        at = int(place * len(data))
        if kind == "set":
            data = data[:at] + new + data[at + len(new) :]
        elif kind == "insert":
            data = data[:at] + new + data[at:]
        elif kind == "repeat":
            data = data[:at] + data[max(0, at - 40) :]
        else:
            data = data[:at] if at % 7 == 0 else data[:at] + data[at + 9 :]
    return data


def repacked(part: str, changes: list[tuple[float, str, bytes]]) -> bytes:
    """Return the DOCX with edits inside one part, in an archive that is whole."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(WORD)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            data = before.read(name)
            after.writestr(name, edited(data, changes) if name == part else data)
    return out.getvalue()


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with closing(Readers(ParseLimits(20))) as opened:
        yield opened


def outcome(readers: Readers, path: Path, name: str) -> LoadedDocument | None:
    """Take a file the way an upload goes; None where it is refused, and only so."""
    refusal = ""
    try:
        return readers.read(path, detect(path, name))
    except IngestError as error:
        refusal = str(error)
    assert len(refusal) > 20
    return None


def check(loaded: LoadedDocument) -> None:
    assert loaded.text.strip()
    assert "\0" not in loaded.text
    loaded.text.encode()  # no lone surrogate, which no store can keep
    length = len(loaded.text)
    assert list(loaded.breaks) == sorted(loaded.breaks)
    assert all(0 <= offset < length for offset in loaded.breaks)
    assert all(0 <= heading.offset < length and heading.title for heading in loaded.headings)
    assert all(0 <= page.start <= page.end <= length for page in loaded.pages)


quick = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("name", GOOD)
@quick
@given(changes=edits)
def test_a_damaged_file_is_read_or_refused(
    readers: Readers, tmp_path: Path, name: str, changes: list[tuple[float, str, bytes]]
) -> None:
    path = tmp_path / "mutated"
    path.write_bytes(edited(GOOD[name], changes))
    if (loaded := outcome(readers, path, name)) is not None:
        check(loaded)


@pytest.mark.parametrize("part", ["word/document.xml", "word/styles.xml", "[Content_Types].xml"])
@quick
@given(changes=edits)
def test_a_word_file_with_damage_inside_is_read_or_refused(
    readers: Readers, tmp_path: Path, part: str, changes: list[tuple[float, str, bytes]]
) -> None:
    path = tmp_path / "mutated"
    path.write_bytes(repacked(part, changes))
    if (loaded := outcome(readers, path, "a.docx")) is not None:
        check(loaded)


@pytest.mark.parametrize("name", GOOD)
def test_the_files_are_good_before_the_damage(readers: Readers, tmp_path: Path, name: str) -> None:
    path = tmp_path / "whole"
    path.write_bytes(GOOD[name])
    loaded = outcome(readers, path, name)
    assert loaded is not None
    check(loaded)


@settings(quick, max_examples=200)
@given(data=st.binary(max_size=300), name=st.sampled_from([*GOOD, "a", "a.docx", "a.eml", ".md"]))
def test_any_bytes_have_a_type_or_are_refused(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / "bytes"
    for content in (data, b"PK\x03\x04" + data, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + data):
        path.write_bytes(content)
        with suppress(IngestError):
            assert detect(path, name)


def test_an_archive_of_a_newer_kind_is_refused_and_no_defect(tmp_path: Path) -> None:
    directory = WORD.rindex(b"PK\x01\x02")
    path = tmp_path / "newer.docx"
    path.write_bytes(WORD[: directory + 6] + b"\xc8" + WORD[directory + 7 :])
    with pytest.raises(IngestError):
        detect(path, "newer.zip")
