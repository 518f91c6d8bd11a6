"""What is special about Chroma: batches, reopening, servers, damage."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from storage.chroma import ChromaIndex
from storage.errors import StoreUnavailable
from tests.fixtures.store import unit_vectors


def test_more_than_one_batch_is_split(tmp_path: Path) -> None:
    index = ChromaIndex(tmp_path)
    index._batch = 100
    count = 250
    index.upsert("one", [f"c{n}" for n in range(count)], ["d"] * count, unit_vectors(count))
    assert len(index.ids("one")) == count
    index.delete("one", [f"c{n}" for n in range(240)])
    assert index.ids("one") == {f"c{n}" for n in range(240, 250)}
    index.close()


def test_the_index_is_there_after_reopening(tmp_path: Path) -> None:
    vectors = unit_vectors(20)
    index = ChromaIndex(tmp_path)
    index.upsert("one", [f"c{n}" for n in range(20)], ["d"] * 20, vectors)
    index.close()
    again = ChromaIndex(tmp_path)
    assert again.search("one", vectors[3], 1)[0].chunk_id == "c3"
    again.close()


def test_nearly_all_true_neighbours_are_found_among_thousands(tmp_path: Path) -> None:
    count, wanted = 3000, 10
    vectors = unit_vectors(count, dimensions=48)
    index = ChromaIndex(tmp_path)
    index.upsert("one", [str(n) for n in range(count)], ["d"] * count, vectors)
    found = 0
    for question in unit_vectors(20, seed=8, dimensions=48):
        nearest = {str(n) for n in np.argsort(-(vectors @ question))[:wanted]}
        found += len(nearest & {hit.chunk_id for hit in index.search("one", question, wanted)})
    index.close()
    assert found / (20 * wanted) >= 0.98


def test_folders_of_dropped_collections_are_removed_at_the_next_start(tmp_path: Path) -> None:
    index = ChromaIndex(tmp_path)
    for name in ("kept", "dropped"):
        index.upsert(name, [str(n) for n in range(1200)], ["d"] * 1200, unit_vectors(1200))
        index.search(name, unit_vectors(1)[0], 1)
    folders = [entry for entry in tmp_path.iterdir() if entry.is_dir()]
    assert len(folders) == 2
    index.drop("dropped")
    index.close()
    (tmp_path / "notes").mkdir()
    again = ChromaIndex(tmp_path)
    assert len(again.ids("kept")) == 1200
    assert len(again.search("kept", unit_vectors(1)[0], 5)) == 5
    again.close()
    assert len([entry for entry in tmp_path.iterdir() if entry.is_dir()]) == 2
    assert (tmp_path / "notes").is_dir()


def test_a_vector_of_another_size_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    index = ChromaIndex(tmp_path)
    index.upsert("one", ["a"], ["d"], unit_vectors(1))
    with pytest.raises(StoreUnavailable, match="dimension"):
        index.search("one", np.ones(3, dtype=np.float32), 1)
    index.close()


def test_a_damaged_folder_says_how_to_rebuild(tmp_path: Path) -> None:
    (tmp_path / "chroma.sqlite3").write_bytes(b"this is no database" * 400)
    with pytest.raises(StoreUnavailable, match="doctor --fix"):
        ChromaIndex(tmp_path)


def test_settings_of_the_working_folder_are_not_chromas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("RAGSTONE_PORT=9999\nCHROMA_API_IMPL=nonsense\n")
    monkeypatch.chdir(tmp_path)
    ChromaIndex(tmp_path / "chroma").close()


@pytest.fixture(scope="module")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("chroma-server")
    program = Path(sys.executable).with_name("chroma")
    if not program.exists():
        pytest.skip("the `chroma` program is not installed beside this Python")
    server = subprocess.Popen(
        [program, "run", "--path", folder, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "ANONYMIZED_TELEMETRY": "False"},
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/api/v2/heartbeat")
        yield url
    finally:
        server.kill()
        server.wait()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_a_chroma_server_does_the_same(chroma_server: str) -> None:
    index = ChromaIndex(chroma_server)
    vectors = unit_vectors(30)
    index.upsert("one", [f"c{n}" for n in range(30)], [f"d{n // 3}" for n in range(30)], vectors)
    assert index.search("one", vectors[5], 1)[0].chunk_id == "c5"
    found = index.search("one", vectors[5], 9, ["d2"])
    assert {hit.chunk_id for hit in found} == {"c6", "c7", "c8"}
    index.delete("one", ["c5"])
    assert len(index.ids("one")) == 29
    other = ChromaIndex(chroma_server)
    other.drop("one")
    other.close()
    assert index.search("one", vectors[5], 1) == []
    assert index.ids("one") == set()
    index.upsert("one", ["new"], ["d"], vectors[:1])
    assert index.ids("one") == {"new"}
    index.close()


def test_no_server_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(StoreUnavailable, match="RAGSTONE_CHROMA_URL"):
        ChromaIndex("http://127.0.0.1:9")
