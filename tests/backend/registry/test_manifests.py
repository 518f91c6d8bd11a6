"""Manifests and other answers that are malformed, giant or packed: refused before any blob."""

import gzip
import json
import zlib
from typing import Any

import httpx
import pytest

from backend.models.store import ModelStore
from tests.backend.registry.conftest import error_of, pulled, statuses
from tests.backend.registry.server import Registry


def manifest(**layer: Any) -> bytes:
    good = {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:" + "0" * 64}
    config = {**good, "size": 1}
    return json.dumps({"config": config, "layers": [{**good, "size": 1, **layer}]}).encode()


@pytest.mark.parametrize(
    "raw",
    [
        manifest(digest="sha256:../../../../etc/passwd"),
        manifest(digest="sha256:" + "../" * 21 + "a"),
        manifest(digest="sha256:abc"),
        manifest(digest=""),
        manifest(digest=7),
        manifest(digest="sha256:" + "0" * 64 + "\n"),
        manifest(digest="md5:" + "0" * 64),
        manifest(size=-1),
        manifest(size="12"),
        manifest(size=1.5),
        manifest(size=True),
        manifest(mediaType=None),
        b"",
        b"[]",
        b"null",
        b'{"layers":{}}',
        b'{"layers":[7],"config":{}}',
        b'{"layers":[]}',
        b"<html>no such thing</html>",
        b'{"layers":' + b"[" * 10**6,
        b'{"layers":[' + b"{}," * 70_000 + b"{}]}",
    ],
)
async def test_a_manifest_that_is_none_is_refused_before_any_blob(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, raw: bytes
) -> None:
    registry.faults.manifest = raw
    said = await pulled(client, registry)
    assert statuses(said)[:-1] == ["pulling manifest"]
    assert error_of(said).startswith("pull model manifest: ")
    assert registry.asked("GET", "blobs") == []
    assert not store.folder.exists()


async def test_a_giant_manifest_is_not_read_to_its_end(
    client: httpx.AsyncClient, registry: Registry
) -> None:
    registry.faults.manifest = b" " * (32 << 20)
    assert error_of(await pulled(client, registry)) == (
        "pull model manifest: the registry answered with more than 4194304 bytes"
    )


async def test_a_gzip_bomb_is_unpacked_no_further_than_the_bound(
    client: httpx.AsyncClient, registry: Registry
) -> None:
    registry.faults.manifest = bomb(1 << 30)
    registry.faults.manifest_headers = {"Content-Encoding": "gzip"}
    before = peak_memory()
    assert "more than 4194304 bytes" in error_of(await pulled(client, registry))
    assert peak_memory() - before < 100 << 20


def bomb(size: int) -> bytes:
    """That many zeros as gzip, made without ever holding them."""
    packer, block = zlib.compressobj(1, wbits=31), bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(size >> 20)) + packer.flush()


def peak_memory() -> int:
    """Bytes that this process has had at most."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


async def test_a_manifest_may_come_packed(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, gguf: bytes
) -> None:
    registry.faults.manifest = gzip.compress(registry.add_model({"model": gguf}))
    registry.faults.manifest_headers = {"Content-Encoding": "gzip"}
    assert (await pulled(client, registry))[-1] == {"status": "success"}


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
async def test_what_cannot_be_unpacked_is_refused(
    client: httpx.AsyncClient, registry: Registry, encoding: str
) -> None:
    registry.faults.manifest = b"this is not packed"
    registry.faults.manifest_headers = {"Content-Encoding": encoding}
    assert error_of(await pulled(client, registry)).startswith("pull model manifest: the registry")


async def test_a_long_error_text_is_not_passed_on(
    client: httpx.AsyncClient, registry: Registry
) -> None:
    registry.faults.manifest_status = 500
    registry.faults.manifest = b"x" * 100_000
    said = error_of(await pulled(client, registry))
    assert said == "pull model manifest: 500: Internal Server Error"
