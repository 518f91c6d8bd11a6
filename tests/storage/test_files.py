import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.errors import StoreUnavailable
from storage.files import FileStore


def put(store: FileStore, *parts: bytes) -> str:
    with store.incoming() as incoming:
        for part in parts:
            incoming.write(part)
        sha256, size = incoming.finish()
    assert size == sum(map(len, parts))
    return sha256


def test_a_file_is_kept_under_the_hash_of_its_content(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    sha256 = put(store, b"first ", b"second")
    assert sha256 == hashlib.sha256(b"first second").hexdigest()
    path = store.path(sha256)
    assert path.read_bytes() == b"first second"
    assert path == tmp_path / "files" / sha256[:2] / sha256[2:4] / sha256
    assert store.hashes() == {sha256}
    assert list((tmp_path / "files" / "incoming").iterdir()) == []


def test_the_same_content_is_kept_once(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    assert put(store, b"same") == put(store, b"sa", b"me")
    assert len(store.hashes()) == 1
    put(store, b"")
    assert len(store.hashes()) == 2


def test_what_is_not_finished_is_thrown_away(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    with store.incoming() as incoming:
        incoming.write(b"half")
        incoming.flush()
        assert incoming.path.read_bytes() == b"half"
    assert not incoming.path.exists()
    assert store.hashes() == set()


def test_leftovers_of_a_killed_process_go_at_the_next_start(tmp_path: Path) -> None:
    incoming = FileStore(tmp_path).incoming()
    incoming.write(b"half")
    incoming.flush()
    assert len(list((tmp_path / "incoming").iterdir())) == 1
    FileStore(tmp_path)
    assert list((tmp_path / "incoming").iterdir()) == []
    incoming.discard()


def test_deleting_forgets_and_what_is_gone_is_ignored(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    sha256 = put(store, b"bytes")
    store.delete(sha256)
    store.delete(sha256)
    assert store.hashes() == set()


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", "..", "0/" * 32]
)
def test_only_a_hash_is_ever_a_path(tmp_path: Path, name: str) -> None:
    store = FileStore(tmp_path)
    with pytest.raises(ValueError):
        store.path(name)
    with pytest.raises(ValueError):
        store.delete(name)


def test_foreign_files_in_the_folder_are_not_counted(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    sha256 = put(store, b"mine")
    (tmp_path / sha256[:2] / sha256[2:4] / "notes.txt").write_text("foreign")
    assert store.hashes() == {sha256}


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file where the folder should be")
    with pytest.raises(StoreUnavailable, match="RAGSTONE_DATA_DIR"):
        FileStore(tmp_path / "files")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    incoming = store.incoming()
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, incoming._file.fileno())
    os.close(full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        incoming.write(b"x" * 1_000_000)
    incoming.discard()
    assert store.hashes() == set()


def test_uploads_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    with ThreadPoolExecutor(6) as threads:
        hashes = list(threads.map(lambda n: put(store, b"%d" % (n % 5), b"tail"), range(30)))
    assert store.hashes() == set(hashes)
    assert len(store.hashes()) == 5


@given(parts=st.lists(st.binary(max_size=300), max_size=8))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_come_back(tmp_path: Path, parts: list[bytes]) -> None:
    store = FileStore(tmp_path)
    assert store.path(put(store, *parts)).read_bytes() == b"".join(parts)
