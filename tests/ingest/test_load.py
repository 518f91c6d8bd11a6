"""The child process that reads a document."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ingest import load, media_type
from ingest.errors import (
    EmptyDocument,
    IngestCancelled,
    ParsingTimedOut,
    PasswordProtected,
    UnreadableFile,
    UnsupportedType,
)
from ingest.load import ParseLimits
from ingest.loaded import Heading, LoadedDocument
from ingest.readers import Readers
from storage.records import PageSpan
from tests.fixtures import files


def read(
    path: Path,
    kind: str,
    limits: ParseLimits | None = None,
    check: Callable[[], None] = lambda: None,
) -> LoadedDocument:
    with closing(Readers(limits)) as readers:
        return readers.read(path, kind, check)


def written(tmp_path: Path, data: bytes | str) -> Path:
    path = tmp_path / "document"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.fixture
def strange_loaders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loaders that misbehave, found by the child through PYTHONPATH."""
    bodies = {
        "crash": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "hang": "import time; time.sleep(600)",
        "hoard": "return [bytes(1_000_000) for _ in range(100_000)]",
        "bug": "return {}['missing']",
    }
    text = "".join(
        f"class {name}:\n  def load(path):\n    {body}\n" for name, body in bodies.items()
    )
    (tmp_path / "strange.py").write_text(text)
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, strange\n"
        "import ingest.load\n"
        "for name in ('crash', 'hang', 'hoard', 'bug'):\n"
        "  ingest.load.LOADERS[name] = 'strange_' + name\n"
        "  sys.modules['strange_' + name] = getattr(strange, name)\n"
    )
    root = Path(load.__file__).parent.parent
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(root)]))


def test_a_child_gives_back_the_whole_document(tmp_path: Path) -> None:
    path = written(tmp_path, files.pdf(["Care\nWash \u00b1 gently.", "Page two."], [("Care", 1)]))
    loaded = read(path, media_type.PDF)
    assert loaded.pages[1] == PageSpan(2, loaded.text.index("Page"), len(loaded.text))
    assert loaded.headings == (Heading(0, 1, "Care"),)
    assert LoadedDocument.from_json(loaded.to_json()) == loaded


@pytest.mark.parametrize(
    ("data", "kind", "error"),
    [
        (b"%PDF-1.4 nothing", media_type.PDF, UnreadableFile),
        (files.encrypted_pdf(["x"], "secret"), media_type.PDF, PasswordProtected),
        (b" ", media_type.TEXT, EmptyDocument),
        (b"x", "image/png", UnsupportedType),
    ],
)
def test_a_childs_error_is_raised_here(
    tmp_path: Path, data: bytes, kind: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        read(written(tmp_path, data), kind)


@pytest.mark.usefixtures("strange_loaders")
@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("crash", f"crashed.*exit -{signal.SIGSEGV.value}"),
        ("hoard", "RAGSTONE_PARSE_MEMORY_MB"),
        ("bug", "KeyError"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="memory caps need Linux")
def test_a_reader_that_breaks_is_the_documents_end_only(
    tmp_path: Path, kind: str, says: str
) -> None:
    with pytest.raises(UnreadableFile, match=says):
        read(written(tmp_path, "x"), kind, ParseLimits(30, 700))


@pytest.mark.usefixtures("strange_loaders")
def test_a_reader_that_hangs_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(ParsingTimedOut, match="RAGSTONE_PARSE_SECONDS"):
        read(written(tmp_path, "x"), "hang", ParseLimits(1.0))


@pytest.mark.usefixtures("strange_loaders")
def test_a_cancel_is_heard_while_reading(tmp_path: Path) -> None:
    asked = threading.Event()

    def check() -> None:
        if asked.is_set():
            raise IngestCancelled("enough")
        asked.set()

    with pytest.raises(IngestCancelled, match="enough"):
        read(written(tmp_path, "x"), "hang", ParseLimits(60), check)


@pytest.mark.skipif(os.name == "nt", reason="needs process groups")
def test_a_child_ends_with_its_parent(tmp_path: Path, strange_loaders: None) -> None:
    read_end, write = os.pipe()
    request = {"path": str(written(tmp_path, "x")), "kind": "hang"}
    command = [sys.executable, "-m", "ingest.load_child", "700", "600"]
    child = subprocess.Popen(command, stdin=read_end)
    os.write(write, json.dumps(request).encode() + b"\n")
    os.close(read_end)
    assert child.poll() is None
    os.close(write)  # what a kill -9 of the parent does
    assert child.wait(30) == 1


def test_one_child_reads_many_and_a_broken_one_is_replaced(
    tmp_path: Path, strange_loaders: None
) -> None:
    with closing(Readers(ParseLimits(30, 700))) as readers:
        assert readers.read(written(tmp_path, "first"), media_type.TEXT).text == "first"
        for number in range(20):
            path = written(tmp_path, f"text {number}")
            assert readers.read(path, media_type.TEXT).text == f"text {number}"
        with pytest.raises(UnreadableFile):
            readers.read(written(tmp_path, "x"), "crash")
        assert readers.read(written(tmp_path, "after"), media_type.TEXT).text == "after"


def test_reading_leaves_nothing_in_the_folder_of_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "x\n" * 200_000)
    empty = tmp_path / "temporary"
    empty.mkdir()
    monkeypatch.setenv("TMPDIR", str(empty))
    monkeypatch.setattr("tempfile.tempdir", None)
    with closing(Readers(ParseLimits(30))) as readers:
        assert len(readers.read(path, media_type.TEXT).text) > 300_000
        assert not list(empty.iterdir())  # what a kill -9 would leave at this moment


def test_every_loader_is_there() -> None:
    assert all(callable(load.loader(kind)) for kind in load.LOADERS)


SHARED = Path(os.environ.get("RAGSTONE_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
EXPECTED = {
    "text": None,
    "no_text_layer": "empty",
    "empty": "empty",
    "needs_password": "password_protected",
    "unreadable": "unreadable",
}
# small text layers that the manifest's own reader did not see: form labels, subset fonts
BETTER_THAN_EXPECTED = {
    "pikepdf__fpdf2_cjk.pdf",
    "pypdf__inline-image.pdf",
    "pypdf__pdflatex-forms.pdf",
}


@pytest.mark.skipif(not (SHARED / "docs").is_dir(), reason="no document collection at hand")
@pytest.mark.parametrize("format_", ["pdf", "docx", "html", "md", "txt", "csv", "tsv"])
def test_real_documents_end_as_expected(format_: str) -> None:
    import json

    from ingest.errors import IngestError

    for line in (SHARED / "docs" / "manifest.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        path = SHARED / "docs" / entry["file"]
        if entry["format"] != format_ or path.name in BETTER_THAN_EXPECTED:
            continue
        try:
            loaded = load.loader(media_type.detect(path, path.name))(path)
            outcome = None if loaded.text else "no text"
        except IngestError as error:
            outcome = error.code
        assert outcome == EXPECTED[entry["expect"]], path.name
