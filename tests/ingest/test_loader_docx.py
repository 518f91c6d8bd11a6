import io
import zipfile
from pathlib import Path

import docx
import pytest

from ingest.errors import EmptyDocument, UnreadableFile
from ingest.loaded import LoadedDocument
from ingest.loaders import docx as loader
from tests.fixtures import files


def load(tmp_path: Path, data: bytes) -> LoadedDocument:
    path = tmp_path / "document"
    path.write_bytes(data)
    return loader.load(path)


def saved(document: docx.document.Document) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def repacked(data: bytes, part: str, old: str, new: str) -> bytes:
    """Return the archive with `old` replaced by `new` in one part."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == part:
                assert old.encode() in content
                content = content.replace(old.encode(), new.encode())
            after.writestr(name, content)
    return out.getvalue()


def test_everything_comes_in_document_order(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        files.word(
            [
                ("heading 0", "Handbook"),
                ("heading 1", "Pay"),
                ("paragraph", "Paid monthly."),
                ("item", "in euro"),
                ("table", [["Grade", "Pay"], ["A", "100"], ["B", "200"]]),
                ("heading 2", "Bonus"),
                ("paragraph", "None."),
            ]
        ),
    )
    assert loaded.text == (
        "Handbook\n\nPay\n\nPaid monthly.\n\nin euro\n\nGrade: A; Pay: 100\n\n"
        "Grade: B; Pay: 200\n\nBonus\n\nNone."
    )
    assert [(h.level, h.title) for h in loaded.headings] == [
        (0, "Handbook"),
        (1, "Pay"),
        (2, "Bonus"),
    ]


def test_merged_cells_stand_under_every_column_they_cover(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=3)
    for row, texts in enumerate([("City", "North", "South"), ("Oslo", "1", "2"), ("", "3", "4")]):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    assert load(tmp_path, saved(document)).text == (
        "City: Oslo; North: 1; South: 2\n\nCity: Oslo; North: 3; South: 4"
    )


def test_deleted_text_is_gone_and_inserted_text_is_there(tmp_path: Path) -> None:
    data = files.word([("paragraph", "MARK")])
    tracked = (
        "<w:t>kept</w:t></w:r><w:del><w:r><w:delText>old</w:delText><w:t>old</w:t></w:r></w:del>"
        "<w:ins><w:r><w:t> new</w:t></w:r></w:ins><w:r><w:t/>"
    )
    changed = repacked(data, "word/document.xml", "<w:t>MARK</w:t>", tracked)
    assert load(tmp_path, changed).text == "kept new"


def test_content_controls_are_read(tmp_path: Path) -> None:
    data = files.word([("paragraph", "one")])
    control = (
        "<w:body><w:sdt><w:sdtContent><w:p><w:r><w:t>zero</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    )
    changed = repacked(data, "word/document.xml", "<w:body>", control)
    assert load(tmp_path, changed).text == "zero\n\none"


def test_headers_and_footers_come_last_and_once(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Body.")
    document.sections[0].header.paragraphs[0].text = "Confidential"
    document.sections[0].footer.paragraphs[0].text = "Confidential"
    assert load(tmp_path, saved(document)).text == "Body.\n\nConfidential"


def test_external_entities_stay_closed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET")
    data = files.word([("paragraph", "MARK")])
    entity = f'<!DOCTYPE w [<!ENTITY x SYSTEM "{secret.as_uri()}">]><w:document '
    data = repacked(data, "word/document.xml", "<w:document ", entity)
    data = repacked(data, "word/document.xml", "MARK", "MARK &x;")
    assert "SECRET" not in load(tmp_path, data).text


def test_a_bomb_is_not_opened(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 50_000_000)
    with pytest.raises(UnreadableFile, match="unpacks"):
        load(tmp_path, out.getvalue())


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_truncated_is_unreadable(tmp_path: Path, keep: float) -> None:
    data = files.word([("paragraph", "text")])
    with pytest.raises(UnreadableFile, match="damaged or cut short"):
        load(tmp_path, data[: int(len(data) * keep)])


def test_another_archive_is_unreadable(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", b"<not-word/>")
    with pytest.raises(UnreadableFile):
        load(tmp_path, out.getvalue())


def test_no_text_is_empty(tmp_path: Path) -> None:
    with pytest.raises(EmptyDocument):
        load(tmp_path, files.word([]))


def test_an_archive_of_an_unknown_version_is_unreadable(tmp_path: Path) -> None:
    data = files.word([("paragraph", "text")])
    directory = data.rindex(b"PK\x01\x02")
    with pytest.raises(UnreadableFile, match="damaged"):
        load(tmp_path, data[: directory + 6] + b"\xc8" + data[directory + 7 :])


@pytest.mark.parametrize("value", ["", "x", "-1", "0", "99999999999"])
def test_a_cell_of_a_nonsense_width_is_still_a_cell(tmp_path: Path, value: str) -> None:
    data = files.word([("table", [["Grade", "Pay"], ["A", "100"]])])
    wide = f'<w:tcPr><w:gridSpan w:val="{value}"/>'
    loaded = load(tmp_path, repacked(data, "word/document.xml", "<w:tcPr>", wide))
    assert "100" in loaded.text


@pytest.mark.parametrize("value", ["", "x", "12", "-1"])
def test_a_style_of_a_nonsense_level_is_no_heading(tmp_path: Path, value: str) -> None:
    data = files.word([("paragraph", "only words")])
    style = f'<w:style w:styleId="Odd"><w:pPr><w:outlineLvl w:val="{value}"/></w:pPr></w:style>'
    data = repacked(data, "word/styles.xml", "</w:styles>", f"{style}</w:styles>")
    assert load(tmp_path, data).headings == ()
