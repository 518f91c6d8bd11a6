"""kill -9 in the middle of publishing, several times: whole or nothing, and nothing lost."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage.audit import audit
from storage.catalogue import Catalogue
from storage.chroma import ChromaIndex
from storage.files import FileStore
from storage.fts5 import Fts5Index
from storage.lock import DataFolderLock
from storage.records import DocumentStatus
from storage.sweep import sweep

ROUNDS = 3
LINES = 60
NAMES = 5

WRITER = """
import sys
from pathlib import Path
from storage.catalogue import Catalogue
from storage.chroma import ChromaIndex
from storage.files import FileStore
from storage.fts5 import Fts5Index
from storage.lock import DataFolderLock
from tests.fixtures.store import chunks_of, publish_document, unit_vectors

folder, first, lines, names = Path(sys.argv[1]), *map(int, sys.argv[2:5])
lock = DataFolderLock(folder)
catalogue = Catalogue(f"sqlite:///{folder / 'catalogue.sqlite3'}")
vectors, keywords = ChromaIndex(folder / "chroma"), Fts5Index(folder / "keyword.sqlite3")
files = FileStore(folder / "files")
collection = catalogue.collections.get("default")
print("ready", flush=True)
for number in range(first, first + 10_000):
    content = "\\n".join(f"version {number} line {line}" for line in range(lines))
    with files.incoming() as incoming:
        incoming.write(content.encode())
        sha256, size = incoming.finish()
    name = f"{number % names}.txt"
    document = catalogue.documents.add(collection, name, "text/plain", size, sha256)
    print("accepted", number, flush=True)
    chunks = chunks_of(document, content)
    ids = [chunk.id for chunk in chunks]
    catalogue.leftovers.stage(collection.id, document.id, ids)
    vectors.upsert(collection.id, ids, [document.id] * lines, unit_vectors(lines, number))
    keywords.add(collection.id, chunks)
    publish_document(catalogue, document, content, number)
    catalogue.jobs.finish(document.job_id)
    print("published", number, flush=True)
"""


PUBLISHER = """
import sys
from pathlib import Path
from storage.catalogue import Catalogue
from tests.fixtures.store import add_document, publish_document

catalogue = Catalogue(f"sqlite:///{Path(sys.argv[1]) / 'catalogue.sqlite3'}")
lines = int(sys.argv[3])
print("ready", flush=True)
for number in range(int(sys.argv[2]), 10**9):
    content = "\\n".join(f"version {number} line {line}" for line in range(lines))
    document = add_document(catalogue, "0.txt", content)
    publish_document(catalogue, document, content, number)
    print("published", number, flush=True)
"""


def run_and_kill(
    folder: Path, first: int, seconds: float, program: str = WRITER, lines: int = LINES
) -> tuple[set[int], set[int]]:
    """Let the writer write for a while, kill it; return the numbers it had acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder), str(first), str(lines), str(NAMES)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    said, _ = process.communicate()
    accepted, published = set(), set()
    for line in said.split("\n")[:-1]:
        word, number = line.split()
        (accepted if word == "accepted" else published).add(int(number))
    return accepted, published


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_kill_while_a_large_document_replaces_another_leaves_one_of_them(
    tmp_path: Path,
) -> None:
    lines, dice = 3000, random.Random(7)
    last = -1
    for kill in range(6):
        _, published = run_and_kill(tmp_path, 1000 * kill, dice.random() * 0.5, PUBLISHER, lines)
        last = max({last, *published})
        catalogue = Catalogue(f"sqlite:///{tmp_path / 'catalogue.sqlite3'}")
        numbers = whole_documents(catalogue, lines)
        assert len(numbers) == 1 or (not numbers and last < 0)
        assert all(number >= last for number in numbers)
        last = max({last, *numbers})
        catalogue.close()
    assert last >= 0


def newest_per_name(numbers: set[int]) -> set[int]:
    return {max(n for n in numbers if n % NAMES == name) for name in {n % NAMES for n in numbers}}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_killed_writer_leaves_whole_documents_and_loses_none(tmp_path: Path) -> None:
    dice = random.Random(20)
    accepted: set[int] = set()
    published: set[int] = set()
    for kill in range(ROUNDS):
        more_accepted, more_published = run_and_kill(
            tmp_path, first=1000 * kill, seconds=0.2 + dice.random() * 0.6
        )
        accepted |= more_accepted
        published |= more_published
        check(tmp_path, accepted, published)
    assert published


def check(folder: Path, accepted: set[int], published: set[int]) -> None:
    with DataFolderLock(folder):
        catalogue = Catalogue(f"sqlite:///{folder / 'catalogue.sqlite3'}")
        vectors = ChromaIndex(folder / "chroma")
        keywords = Fts5Index(folder / "keyword.sqlite3")
        files = FileStore(folder / "files")
        answering = whole_documents(catalogue)
        for number in newest_per_name(published):
            # it, or one of its name that was published too and only not acknowledged in time
            assert any(n >= number and n % NAMES == number % NAMES for n in answering)
        waiting = {job.document_id for job in catalogue.jobs.unfinished()}
        assert len(waiting) <= 2 * NAMES
        sweep(catalogue, vectors, keywords, include_staged=True)
        found = audit(catalogue, vectors, keywords, files)
        assert not found.missing_files
        assert [s for s in found.sentences if "original file" not in s] == []
        newest = newest_per_name(accepted)
        live = versions(catalogue)
        for number in newest:
            assert any(n >= number and n % NAMES == number % NAMES for n in live)
        for close in (keywords.close, vectors.close, catalogue.close):
            close()


def whole_documents(catalogue: Catalogue, lines: int = LINES) -> set[int]:
    """Return the versions that answer, after checking that each is whole and alone of its name."""
    completed, _ = catalogue.documents.list("default", DocumentStatus.COMPLETED, limit=1000)
    assert len({document.name for document in completed}) == len(completed)
    numbers = set()
    for document in completed:
        text, _ = catalogue.chunks.text(document.id)
        chunks = catalogue.chunks.of_document(document.id)
        assert len(chunks) == document.chunks == lines
        assert [text[chunk.start : chunk.end] for chunk in chunks] == [c.text for c in chunks]
        numbers.add(int(text.split()[1]))
    return numbers


def versions(catalogue: Catalogue) -> set[int]:
    """Return the versions that answer or wait for their job, by the sizes of their files."""
    numbers = whole_documents(catalogue)
    waiting = {job.document_id for job in catalogue.jobs.unfinished()}
    for document_id in waiting:
        document = catalogue.documents.by_id(document_id)
        if document.status is not DocumentStatus.FAILED:
            numbers.add(10**9 + int(document.name.removesuffix(".txt")))
    return numbers
