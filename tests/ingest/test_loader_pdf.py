from pathlib import Path

import pytest

from ingest.errors import EmptyDocument, PasswordProtected, UnreadableFile
from ingest.loaders import pdf
from tests.fixtures import files


def load(tmp_path: Path, data: bytes) -> pdf.LoadedDocument:
    path = tmp_path / "document"
    path.write_bytes(data)
    return pdf.load(path)


def test_pages_keep_their_numbers_and_places(tmp_path: Path) -> None:
    loaded = load(tmp_path, files.pdf(["First page.", "", "Third page."]))
    assert loaded.text == "First page.\n\nThird page."
    assert [(p.number, loaded.text[p.start : p.end]) for p in loaded.pages] == [
        (1, "First page."),
        (2, ""),
        (3, "Third page."),
    ]


def test_a_sentence_goes_on_over_the_page(tmp_path: Path) -> None:
    loaded = load(tmp_path, files.pdf(["It begins here and", "ends there."]))
    assert loaded.text == "It begins here and\nends there."
    assert loaded.breaks == (0,)


def test_outline_entries_become_headings_where_their_words_stand(tmp_path: Path) -> None:
    pages = ["Manual\nCare\nWash it.", "In the text care is named.\nWarranty\nTwo years."]
    outline = [("1. Care", 1), ("Warranty", 2), ("Not on the page", 2), ("Beyond", 2)]
    loaded = load(tmp_path, files.pdf(pages, outline))
    found = [(h.title, loaded.text[h.offset :].split("\n")[0]) for h in loaded.headings]
    assert found == [("1. Care", "Care"), ("Warranty", "Warranty")]


def test_encrypted_for_nobody_opens(tmp_path: Path) -> None:
    assert load(tmp_path, files.encrypted_pdf(["Secret."], "")).text == "Secret."


def test_encrypted_with_a_password_says_so(tmp_path: Path) -> None:
    with pytest.raises(PasswordProtected, match="password"):
        load(tmp_path, files.encrypted_pdf(["Secret."], "hunter2"))


def test_no_text_layer_says_that_it_looks_scanned(tmp_path: Path) -> None:
    with pytest.raises(EmptyDocument, match=r"2 page\(s\).*scanned.*OCR"):
        load(tmp_path, files.pdf(["", ""]))


@pytest.mark.parametrize("keep", [9, 200])
def test_truncated_is_unreadable(tmp_path: Path, keep: int) -> None:
    with pytest.raises(UnreadableFile, match="damaged or cut short"):
        load(tmp_path, files.pdf(["Some text."])[:keep])


def test_a_wrong_cross_reference_is_mended(tmp_path: Path) -> None:
    damaged = files.pdf(["Some text."]).replace(b"startxref\n", b"startxref\n9")
    assert load(tmp_path, damaged).text == "Some text."


@pytest.mark.parametrize(
    ("pages", "mended"),
    [
        (["a tech\ufffenique, and so"], ["a technique,\nand so"]),
        (["dual\ufffeencoder is a dual-encoder"], ["dual-encoder\nis a dual-encoder"]),
        (["Lucene\ufffeBM25"], ["Lucene-BM25"]),
        (["of 9\ufffe10"], ["of 9-10"]),
        (["tech\ufffe\r\nnique", "technique"], ["technique", "technique"]),
    ],
)
def test_broken_words_are_mended_as_the_document_writes_them(
    pages: list[str], mended: list[str]
) -> None:
    assert pdf.mend_hyphens(pages) == mended


def test_pypdf_reads_what_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(files.pdf(["One page.", "Two pages."]))
    assert [text.strip() for text in pdf.read_with_pypdf(path)] == ["One page.", "Two pages."]
