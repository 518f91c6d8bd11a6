"""Blobs over HTTP, and over real sockets where a client breaks off: no blob but the one named."""

import asyncio
import errno
import hashlib
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.errors import DigestMismatch
from backend.models.blobs import Blobs
from backend.models.store import ModelStore
from tests.backend.processes import backend_process


def digest_of(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


async def test_an_upload_becomes_a_blob_once(client: httpx.AsyncClient, store: ModelStore) -> None:
    raw = bytes(range(256)) * 9000  # more than one batch
    digest = digest_of(raw)
    assert (await client.head(f"/api/blobs/{digest}")).status_code == 404
    assert (await client.post(f"/api/blobs/{digest}", content=raw)).status_code == 201
    assert store.blobs.path(digest).read_bytes() == raw
    assert (await client.head(f"/api/blobs/{digest}")).status_code == 200
    again = await client.post(f"/api/blobs/{digest}", content=b"something else")
    assert again.status_code == 200
    assert store.blobs.path(digest).read_bytes() == raw


async def test_the_case_of_a_digest_and_its_mark_do_not_matter(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    raw = b"content"
    hexadecimal = digest_of(raw)[7:]
    response = await client.post(f"/api/blobs/sha256-{hexadecimal.upper()}", content=raw)
    assert response.status_code == 201
    assert store.blobs.path(f"sha256:{hexadecimal}").name == f"sha256-{hexadecimal}"
    assert (await client.head(f"/api/blobs/sha256:{hexadecimal}")).status_code == 200


async def test_an_empty_blob_is_a_blob(client: httpx.AsyncClient, store: ModelStore) -> None:
    assert (await client.post(f"/api/blobs/{digest_of(b'')}")).status_code == 201
    assert store.blobs.size(digest_of(b"")) == 0


async def test_a_wrong_digest_leaves_nothing(client: httpx.AsyncClient, store: ModelStore) -> None:
    before = sorted(store.blobs.folder.iterdir())
    wrong = "sha256:" + "0" * 64
    response = await client.post(f"/api/blobs/{wrong}", content=b"content")
    assert response.status_code == 400
    assert response.json() == {
        "error": f'digest mismatch, expected "{wrong}", got "{digest_of(b"content")}"'
    }
    assert sorted(store.blobs.folder.iterdir()) == before


@pytest.mark.parametrize(
    "digest",
    ["sha256:" + "g" * 64, "sha256:" + "a" * 63, "sha256:" + "a" * 65, "md5:" + "a" * 64, "x",
     "sha256:" + "a" * 64 + "%0a", "sha256:..%5c" + "a" * 61],
)  # fmt: skip
async def test_what_is_no_digest_is_refused(client: httpx.AsyncClient, digest: str) -> None:
    response = await client.post(f"/api/blobs/{digest}", content=b"x")
    assert (response.status_code, response.json()) == (400, {"error": "invalid digest format"})
    assert (await client.head(f"/api/blobs/{digest}")).status_code == 400


async def test_a_path_in_place_of_a_digest_is_no_route(client: httpx.AsyncClient) -> None:
    for path in ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", ""):
        response = await client.post(f"/api/blobs/{path}", content=b"x")
        assert response.status_code == 404


async def test_a_full_disk_is_told_and_leaves_nothing(
    client: httpx.AsyncClient, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = sorted(store.blobs.folder.iterdir())
    monkeypatch.setattr("backend.models.blobs.os.fsync", full)
    response = await client.post(f"/api/blobs/{digest_of(b'x')}", content=b"x")
    assert response.status_code == 500
    assert response.json() == {"error": "the blob could not be written: the disk is full"}
    assert sorted(store.blobs.folder.iterdir()) == before


async def test_uploads_of_the_same_at_once_do_not_meet(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    raw = b"x" * 3_000_000
    address = f"/api/blobs/{digest_of(raw)}"
    answers = await asyncio.gather(*(client.post(address, content=raw) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert store.blobs.path(digest_of(raw)).read_bytes() == raw
    assert not list(store.blobs.folder.glob("incoming-*"))


def test_a_blob_that_was_not_finished_is_gone(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    with blobs.incoming() as blob:
        blob.write(b"half")
    with blobs.incoming() as blob:
        blob.write(b"half")
        with pytest.raises(DigestMismatch):
            blob.finish("sha256:" + "0" * 64)
    assert list(blobs.folder.iterdir()) == []
    with blobs.incoming() as blob:
        blob.write(b"who")
        blob.write(b"le")
        assert blob.finish() == (digest_of(b"whole"), 5)
    assert blobs.path(digest_of(b"whole")).read_bytes() == b"whole"


def test_a_client_that_breaks_off_leaves_nothing(store: ModelStore) -> None:
    raw = b"y" * 4_000_000
    with backend_process(store.folder) as (_, url):
        host, port = url.removeprefix("http://").split(":")
        before = sorted(store.blobs.folder.iterdir())
        head = f"POST /api/blobs/{digest_of(raw)} HTTP/1.1\r\nHost: localhost\r\n"
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode())
            connection.sendall(raw[:2_000_000])
            while sorted(store.blobs.folder.iterdir()) == before:
                time.sleep(0.01)
        while sorted(store.blobs.folder.iterdir()) != before:
            time.sleep(0.01)
        with httpx.Client(base_url=url) as client:
            address = f"/api/blobs/{digest_of(raw)}"
            assert client.post(address, content=raw).status_code == 201
            # A body that nobody needs neither holds up the answer nor breaks the connection.
            assert [client.post(address, content=raw).status_code for _ in range(3)] == [200] * 3
