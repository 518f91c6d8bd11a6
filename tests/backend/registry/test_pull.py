"""Pulling a model: what is said, what is fetched, what stands afterwards."""

import hashlib

import httpx
import pytest

from backend.answers.generation import Backend
from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.registry.conftest import (
    BIG,
    error_of,
    left_over,
    lines,
    pulled,
    set_limits,
    statuses,
)
from tests.backend.registry.server import Registry


def short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


async def test_a_model_is_pulled_with_the_lines_of_ollama(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, gguf: bytes
) -> None:
    raw = registry.add_model({"model": gguf, "template": b"{{ .Prompt }}", "license": b"Be kind."})
    said = await pulled(client, registry)
    config = b'{"model_format":"gguf","model_family":"llama"}'
    assert statuses(said) == [
        "pulling manifest",
        f"pulling {short(gguf)}",
        f"pulling {short(b'{{ .Prompt }}')}",
        f"pulling {short(b'Be kind.')}",
        f"pulling {short(config)}",
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]
    assert list(said[0]) == ["status"]
    last = [line for line in said if line["status"] == f"pulling {short(gguf)}"][-1]
    assert list(last) == ["status", "digest", "total", "completed"]
    assert last["digest"] == f"sha256:{hashlib.sha256(gguf).hexdigest()}"
    assert last["total"] == last["completed"] == len(gguf)
    assert store.manifests.path(ModelName.parse(registry.name())).read_bytes() == raw
    assert left_over(store) == []


async def test_what_was_pulled_can_be_used(
    client: httpx.AsyncClient, registry: Registry, gguf: bytes
) -> None:
    raw = registry.add_model({"model": gguf})
    await pulled(client, registry)
    (tag,) = (await client.get("/api/tags")).json()["models"]
    assert tag["digest"] == hashlib.sha256(raw).hexdigest()
    assert tag["name"] == registry.name()
    answer = await client.post(
        "/api/generate", json={"model": registry.name(), "prompt": "x", "stream": False}
    )
    assert answer.json()["done"] is True


async def test_a_second_pull_fetches_nothing_again(
    client: httpx.AsyncClient, registry: Registry, gguf: bytes
) -> None:
    registry.add_model({"model": gguf})
    await pulled(client, registry)
    registry.seen.clear()
    said = await pulled(client, registry)
    assert [seen.path for seen in registry.seen] == ["/v2/library/tiny/manifests/latest"]
    (line,) = [line for line in said if line["status"] == f"pulling {short(gguf)}"]
    assert line["completed"] == line["total"] == len(gguf)
    assert said[-1] == {"status": "success"}


async def test_a_blob_comes_in_parts_at_once_and_whole(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore
) -> None:
    registry.add_model({"model": BIG})
    said = await pulled(client, registry)
    digest = registry.add_blob(BIG)
    ranges = [seen.headers["range"] for seen in registry.asked("GET", digest)]
    assert len(ranges) == 16
    assert sorted(ranges)[0] == "bytes=0-16383"
    assert store.blobs.path(digest).read_bytes() == BIG
    counts = [line.get("completed", 0) for line in said if line.get("digest") == digest]
    assert counts == sorted(counts)
    assert left_over(store) == []


async def test_without_stream_only_the_end_is_said(
    client: httpx.AsyncClient, registry: Registry, gguf: bytes
) -> None:
    registry.add_model({"model": gguf})
    answer = await client.post(
        "/api/pull", json={"name": registry.name(), "insecure": True, "stream": False}
    )
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_an_absent_model_is_an_error_on_the_second_line(
    client: httpx.AsyncClient, registry: Registry
) -> None:
    said = await pulled(client, registry)
    assert said == [
        {"status": "pulling manifest"},
        {"error": "pull model manifest: file does not exist"},
    ]


async def test_an_absent_model_is_500_without_stream(
    client: httpx.AsyncClient, registry: Registry
) -> None:
    answer = await client.post(
        "/api/pull", json={"model": registry.name(), "insecure": True, "stream": False}
    )
    assert answer.status_code == 500
    assert answer.json() == {"error": "pull model manifest: file does not exist"}


async def test_another_refusal_is_told_with_its_status_and_text(
    client: httpx.AsyncClient, registry: Registry
) -> None:
    registry.faults.manifest_status = 412
    registry.faults.manifest = b"requires a newer version"
    said = await pulled(client, registry)
    assert error_of(said) == "pull model manifest: 412: requires a newer version"


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "invalid model name"),
        ({"model": ""}, 400, "invalid model name"),
        ({"model": "a//b"}, 400, "invalid model name"),
        ({"model": "../../etc/passwd"}, 400, "invalid model name"),
        ({"model": "ftp://127.0.0.1/library/x"}, 400, "invalid model name"),
        ({"model": "a:b:c/library/x"}, 400, "invalid model name"),
        ({"model": "", "name": "a b"}, 400, "invalid model name"),
        ({"model": "http://127.0.0.1:1/library/x"}, 500, "insecure protocol http"),
        ({"model": "x:cloud"}, 403, "x:cloud is a cloud model; this server runs local models only"),
        ({"model": 3}, 400, None),
    ],
)
async def test_a_bad_name_is_refused_before_any_line(
    client: httpx.AsyncClient, store: ModelStore, body: dict, status: int, text: str | None
) -> None:
    answer = await client.post("/api/pull", json=body)
    assert answer.status_code == status
    assert text is None or answer.json() == {"error": text}
    assert not store.folder.exists()


async def test_model_wins_over_its_old_name(
    client: httpx.AsyncClient, registry: Registry, gguf: bytes
) -> None:
    registry.add_model({"model": gguf})
    said = await pulled(client, registry, name="a//b")
    assert said[-1] == {"status": "success"}


async def test_plain_http_can_be_named_where_insecure_is_said(
    client: httpx.AsyncClient, registry: Registry, gguf: bytes
) -> None:
    registry.add_model({"model": gguf})
    said = await pulled(client, registry, model=f"http://{registry.name()}")
    assert said[-1] == {"status": "success"}


async def test_another_version_leaves_no_blob_of_the_old_one(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, gguf: bytes
) -> None:
    registry.add_model({"model": gguf, "system": b"old"})
    await pulled(client, registry)
    old = registry.add_blob(b"old")
    assert store.blobs.has(old)
    registry.add_model({"model": gguf, "system": b"new"})
    said = statuses(await pulled(client, registry))
    assert said[-3:] == ["writing manifest", "removing unused layers", "success"]
    assert not store.blobs.has(old)
    assert store.blobs.has(registry.add_blob(b"new"))
    assert store.blobs.has(registry.add_blob(gguf))


async def test_a_name_in_another_case_is_the_model_that_stands(
    client: httpx.AsyncClient, registry: Registry, gguf: bytes
) -> None:
    registry.add_model({"model": gguf})
    registry.add_model({"model": gguf}, "library/TINY:latest")
    await pulled(client, registry)
    await pulled(client, registry, model=registry.name("library/TINY:latest"))
    assert len((await client.get("/api/tags")).json()["models"]) == 1


async def test_an_empty_layer_needs_no_download(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, gguf: bytes
) -> None:
    registry.add_model({"model": gguf, "system": b""})
    said = await pulled(client, registry)
    assert said[-1] == {"status": "success"}
    assert store.blobs.size(registry.add_blob(b"")) == 0


async def test_what_no_disk_can_hold_is_refused_before_it_begins(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore
) -> None:
    raw = registry.add_model({"model": BIG})
    registry.faults.manifest = raw.replace(str(len(BIG)).encode(), str(1 << 60).encode())
    said = await pulled(client, registry)
    assert error_of(said).startswith("not enough disk space: 1152921504.6 GB are to come")
    assert registry.asked("GET", "blobs") == []
    assert left_over(store) == []


async def test_a_registry_that_cannot_be_reached_is_an_error_line(
    client: httpx.AsyncClient,
) -> None:
    said = await lines(client, "pull", model="127.0.0.1:1/library/x")
    assert error_of(said).startswith("pull model manifest: GET http://127.0.0.1:1/v2/library/x/")


async def test_a_damaged_blob_is_fetched_again(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, gguf: bytes
) -> None:
    registry.add_model({"model": gguf})
    await pulled(client, registry)
    path = store.blobs.path(registry.add_blob(gguf))
    path.write_bytes(gguf[:-1])
    said = await pulled(client, registry)
    assert said[-1] == {"status": "success"}
    assert path.read_bytes() == gguf


async def test_a_manifest_that_lies_about_a_blob_that_stands_is_refused(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, gguf: bytes
) -> None:
    raw = registry.add_model({"model": gguf})
    await pulled(client, registry)
    lie = raw.replace(f'"size": {len(gguf)}'.encode(), f'"size": {len(gguf) + 1}'.encode())
    assert lie != raw
    registry.faults.manifest = lie
    assert "it has" in error_of(await pulled(client, registry))
    assert store.blobs.path(registry.add_blob(gguf)).read_bytes() == gguf


async def test_nothing_is_asked_of_the_network_unless_a_model_is_pulled(
    client: httpx.AsyncClient, registry: Registry, gguf: bytes, backend: Backend
) -> None:
    registry.add_model({"model": gguf})
    for route in ("generate", "chat", "show", "embed"):
        body = {"model": registry.name(), "messages": [{"role": "user", "content": "x"}]}
        assert (await client.post(f"/api/{route}", json=body)).status_code == 404
    assert registry.seen == []
    assert not (backend.settings.models_folder.parent / "id_ed25519").exists()


async def test_a_part_is_as_large_as_ollama_makes_it(backend: Backend) -> None:
    set_limits(backend, smallest_part=100_000_000, largest_part=1_000_000_000)
    size = backend.transfers.limits.part_size
    assert [size(10), size(3_200_000_000), size(10**12)] == [10**8, 2 * 10**8, 10**9]
