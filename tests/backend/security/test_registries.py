"""Registries that lie so as to write, read, or learn what is not theirs."""

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from backend.models.store import ModelStore
from tests.backend.gguf_files import gguf_bytes
from tests.backend.registry.server import Registry, serve
from tests.backend.security.conftest import Server

TOKEN = "a.token"
CONTENT = gguf_bytes(data=1024)  # no model of the store's
DIGEST = "sha256:" + "0" * 64
LAYER = {"mediaType": "application/vnd.ollama.image.model", "digest": DIGEST, "size": 1}


@pytest.fixture
def attacker() -> Iterator[Registry]:
    with serve() as attacker:
        yield attacker


async def pulled(server: Server, registry: Registry, route: str = "pull", **body: Any) -> str:
    """The error of a pull that must fail, empty where it did not."""
    body = {"model": registry.name(), "insecure": True, **body}
    return str((await server.lines(f"/api/{route}", **body))[-1].get("error", ""))


def bomb(size: int) -> bytes:
    packer, block = zlib.compressobj(1, wbits=31), bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(size >> 20)) + packer.flush()


@pytest.mark.parametrize("place", ["manifest", "error", "token"])
async def test_cve_2024_12886_a_gzip_bomb_is_unpacked_no_further_than_its_bound(
    server: Server, registry: Registry, place: str
) -> None:
    import resource

    packed = bomb(512 << 20)
    registry.faults.manifest_headers = {"Content-Encoding": "gzip"}
    if place == "token":
        registry.faults.token = TOKEN
        registry.faults.token_answer = b'{"token":"' + b"x" * (1 << 20) + b'"}'
    else:
        registry.faults.manifest = packed
        registry.faults.manifest_status = 200 if place == "manifest" else 500
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert await pulled(server, registry)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10
    assert await server.lives()


@pytest.mark.parametrize(
    "manifest",
    [b"", b"null", b"[]", b"{}", b'{"config":null}', b'{"config":{"digest":"sha256:a"}}',
     json.dumps({"config": {**LAYER, "digest": "a" * 19}, "layers": []}).encode(),
     json.dumps({"config": LAYER, "layers": [None]}).encode(),
     json.dumps({"config": LAYER, "layers": [{}]}).encode(),
     json.dumps({"config": LAYER, "layers": {"0": LAYER}}).encode(),
     json.dumps({"config": LAYER, "layers": [{**LAYER, "digest": "sha256:"}]}).encode(),
     json.dumps({"config": LAYER, "layers": [{**LAYER, "digest": ""}]}).encode(),
     json.dumps({"config": LAYER, "layers": [{**LAYER, "size": 1e308}]}).encode(),
     json.dumps({"config": LAYER, "layers": [{**LAYER, "size": 10**4000}]}).encode(),
     b'{"config":' + b"[" * 100_000],
)  # fmt: skip
async def test_cve_2025_1975_a_malformed_manifest_is_an_error_and_no_crash(
    server: Server, registry: Registry, manifest: bytes
) -> None:
    registry.faults.manifest = manifest
    assert await pulled(server, registry)
    assert await server.lives()
    assert not registry.asked("GET", "/blobs/")


@pytest.mark.parametrize("size", [1 << 62, 1 << 63, 10**30])
async def test_cve_2025_1975_a_size_beyond_every_disk_is_refused_before_the_disk(
    server: Server, registry: Registry, store: ModelStore, size: int
) -> None:
    large = {**LAYER, "size": size}
    for config in (LAYER, {**LAYER, "digest": "sha256:" + "1" * 64}):  # one blob, two sizes: a lie
        registry.faults.manifest = json.dumps({"config": config, "layers": [large]}).encode()
        assert await pulled(server, registry)
        assert not registry.asked("GET", "/blobs/")
    assert not list(store.folder.rglob("*partial*"))
    assert (await server.client.get("/api/tags")).status_code == 200


async def test_cve_2025_51471_a_realm_elsewhere_gets_no_signature(
    server: Server, registry: Registry, attacker: Registry
) -> None:
    registry.add_model({"model": CONTENT})
    registry.faults.token = TOKEN
    for realm in (
        f"http://{attacker.host}/token",
        f"http://{registry.host}@{attacker.host}/token",
        f"http://user:{registry.host}@{attacker.host}/token",
        f"http://{attacker.host}/token?host={registry.host}",
        f"//{attacker.host}/token",
        f"http://{registry.host}\\@{attacker.host}/token",
        f"http://{attacker.host}#{registry.host}",
        "file:///etc/passwd",
    ):
        registry.faults.realm = realm
        assert await pulled(server, registry), realm
        assert not attacker.seen, realm


async def test_cve_2025_51471_a_token_stays_with_its_registry(
    server: Server, registry: Registry, attacker: Registry
) -> None:
    registry.add_model({"model": CONTENT})
    digest = attacker.add_blob(CONTENT)
    registry.faults.token = TOKEN
    registry.faults.redirects = {
        f"/v2/library/tiny/blobs/{digest}": f"http://{attacker.host}{{path}}"
    }
    assert await pulled(server, registry) == ""
    assert any(one.headers.get("authorization") == f"Bearer {TOKEN}" for one in registry.seen)
    assert attacker.seen
    assert all("authorization" not in one.headers for one in attacker.seen)


async def test_cve_2025_51471_a_manifest_is_never_taken_from_elsewhere(
    server: Server, registry: Registry, attacker: Registry
) -> None:
    attacker.add_model({"model": CONTENT})
    registry.faults.redirects = {registry.host: f"http://{attacker.host}{{path}}"}
    assert "redirects to another host" in await pulled(server, registry)
    assert not attacker.seen


async def test_cve_2024_37032_other_bytes_than_their_digest_are_not_kept(
    server: Server, registry: Registry, store: ModelStore
) -> None:
    registry.add_model({"model": CONTENT})
    digest = registry.add_blob(CONTENT)
    registry.faults.contents[digest] = CONTENT[:-1] + b"\1"
    assert "digest mismatch" in await pulled(server, registry)
    assert not store.blobs.has(digest)


async def test_a_packed_manifest_is_no_bomb_by_itself(server: Server, registry: Registry) -> None:
    registry.faults.manifest = gzip.compress(registry.add_model({"model": CONTENT}))
    registry.faults.manifest_headers = {"Content-Encoding": "gzip"}
    assert await pulled(server, registry) == ""


async def test_plain_http_needs_a_word(server: Server, registry: Registry) -> None:
    name = f"http://{registry.name()}"
    status, error = await server.refused("/api/pull", model=name)
    assert (status, error) == (500, "insecure protocol http")
    assert not registry.seen
