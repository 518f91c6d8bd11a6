"""Pushing a model: what is said, what the registry gets, what it is spared."""

import hashlib

import httpx
import pytest

from backend.answers.generation import Backend
from backend.models.manifests import Layer, build
from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.registry.conftest import (
    BIG,
    KB,
    WAITED,
    error_of,
    lines,
    pulled,
    set_limits,
    statuses,
)
from tests.backend.registry.server import Registry, serve

TOKEN = "token"


@pytest.fixture
def raw(registry: Registry, store: ModelStore) -> bytes:
    """The manifest of a model that stands here under a name of the registry's."""
    config = b'{"model_format":"gguf"}'
    layers = [
        Layer.of("model", store.blobs.add_bytes(BIG), len(BIG)),
        Layer.of("system", store.blobs.add_bytes(b"Be kind."), 8),
    ]
    described = Layer(
        "application/vnd.docker.container.image.v1+json", store.blobs.add_bytes(config), len(config)
    )
    raw = build(described, layers)
    store.publish(ModelName.parse(registry.name()), raw)
    return raw


async def pushed(client: httpx.AsyncClient, registry: Registry) -> list[dict]:
    return await lines(client, "push", model=registry.name())


async def test_a_model_is_pushed_with_the_lines_of_ollama(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, raw: bytes
) -> None:
    said = await pushed(client, registry)
    digests = [layer.digest for layer in store.get(ModelName.parse(registry.name())).layers]
    assert statuses(said) == [
        "retrieving manifest",
        *(f"pushing {digest[7:19]}" for digest in digests),
        said[-3]["status"],
        "pushing manifest",
        "success",
    ]
    assert registry.manifests["library/tiny/manifests/latest"] == raw
    assert registry.blobs[digests[0]] == BIG
    assert registry.blobs[digests[1]] == b"Be kind."
    last = [line for line in said if line.get("digest") == digests[0]][-1]
    assert last["completed"] == last["total"] == len(BIG)


async def test_parts_follow_each_other_with_their_ranges(
    client: httpx.AsyncClient, registry: Registry, raw: bytes
) -> None:
    await pushed(client, registry)
    sent = registry.asked("PATCH", "uploads/1")
    assert [seen.headers["content-range"] for seen in sent][:2] == ["0-16383", "16384-32767"]
    assert len(sent) == 16
    assert all(seen.query == {"state": ["one+two"]} for seen in sent)
    (done,) = registry.asked("PUT", "uploads/1")
    assert done.query["digest"] == [registry.add_blob(BIG)]
    assert done.query["etag"][0].endswith("-16")


async def test_what_the_registry_has_is_not_sent(
    client: httpx.AsyncClient, registry: Registry, raw: bytes
) -> None:
    digest = registry.add_blob(BIG)
    said = await pushed(client, registry)
    assert said[-1] == {"status": "success"}
    (line,) = [line for line in said if line.get("digest") == digest and "completed" in line]
    assert line["completed"] == line["total"] == len(BIG)
    assert len(registry.asked("POST", "uploads/")) == 2


async def test_a_layer_of_another_model_is_mounted(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore
) -> None:
    registry.faults.mounts = True
    weights = Layer.of("model", store.blobs.add_bytes(BIG), len(BIG), "other/origin:7b")
    config = Layer("application/json", store.blobs.add_bytes(b"{}"), 2)
    store.publish(ModelName.parse(registry.name()), build(config, [weights]))
    assert (await pushed(client, registry))[-1] == {"status": "success"}
    assert registry.mounted == [(weights.digest, "other/origin")]
    assert len(registry.asked("PATCH", "")) == 1


async def test_push_then_pull_gives_the_same_model(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, raw: bytes
) -> None:
    await pushed(client, registry)
    store.delete(ModelName.parse(registry.name()))
    assert list(store.blobs.folder.iterdir()) == []
    assert (await pulled(client, registry))[-1] == {"status": "success"}
    assert store.manifests.path(ModelName.parse(registry.name())).read_bytes() == raw


async def test_a_token_is_got_for_a_push(
    client: httpx.AsyncClient, registry: Registry, raw: bytes
) -> None:
    registry.faults.token = TOKEN
    assert (await pushed(client, registry))[-1] == {"status": "success"}
    assert len(registry.asked("GET", "/token")) == 1


async def test_an_upload_goes_to_a_storage_of_the_registry_without_the_token(
    client: httpx.AsyncClient, registry: Registry, raw: bytes
) -> None:
    registry.faults.token = TOKEN
    with serve() as storage:
        storage.uploads = registry.uploads
        registry.faults.uploads_elsewhere = f"http://{storage.host}"
        assert (await pushed(client, registry))[-1] == {"status": "success"}
        assert storage.asked("PUT", "storage-upload")
        assert all("authorization" not in seen.headers for seen in storage.seen)
        assert all("x-redirect-uploads" not in seen.headers for seen in storage.seen)
    assert BIG in registry.blobs.values()


async def test_a_part_that_fails_is_sent_again(
    client: httpx.AsyncClient, registry: Registry, raw: bytes
) -> None:
    registry.faults.part_statuses = [500, 503]
    said = await pushed(client, registry)
    assert said[-1] == {"status": "success"}
    assert WAITED == [1, 2]
    assert BIG in registry.blobs.values()


async def test_a_token_that_runs_out_between_two_parts_is_got_anew(
    client: httpx.AsyncClient, registry: Registry, raw: bytes
) -> None:
    registry.faults.token = TOKEN
    registry.faults.part_statuses = [401]
    said = await pushed(client, registry)
    assert said[-1] == {"status": "success"}
    assert len(registry.asked("GET", "/token")) == 2
    assert all(line.get("completed", 0) <= line.get("total", 0) for line in said)
    md5s = (hashlib.md5(BIG[at : at + 16 * KB]).digest() for at in range(0, len(BIG), 16 * KB))
    (done,) = registry.asked("PUT", "uploads/1")
    assert done.query["etag"] == [f"{hashlib.md5(b''.join(md5s)).hexdigest()}-16"]


async def test_an_empty_layer_is_pushed_too(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore
) -> None:
    empty = Layer.of("system", store.blobs.add_bytes(b""), 0)
    config = Layer("application/json", store.blobs.add_bytes(b"{}"), 2)
    store.publish(ModelName.parse(registry.name()), build(config, [empty]))
    assert (await pushed(client, registry))[-1] == {"status": "success"}
    assert registry.blobs[empty.digest] == b""


async def test_a_part_that_is_refused_is_not(
    client: httpx.AsyncClient, registry: Registry, raw: bytes
) -> None:
    registry.faults.part_statuses = [403]
    assert error_of(await pushed(client, registry)) == "403: not now"
    assert WAITED == []


async def test_parts_are_given_up_after_six_tries(
    client: httpx.AsyncClient, registry: Registry, backend: Backend, raw: bytes
) -> None:
    set_limits(backend, smallest_part=len(BIG))
    registry.faults.part_statuses = [500] * 6
    assert error_of(await pushed(client, registry)) == "max retries exceeded: 500: not now"


@pytest.mark.parametrize("place", ["http://127.0.0.2:1", "https://[bad", "file:///etc"])
async def test_a_registry_may_not_send_the_next_parts_to_anybody(
    client: httpx.AsyncClient, registry: Registry, raw: bytes, place: str
) -> None:
    registry.faults.next_upload = f"{place}/v2/library/tiny/blobs/uploads/1"
    assert error_of(await pushed(client, registry)) == (
        "the registry names no place of its own for the upload"
    )


async def test_an_absent_model_is_told_in_the_stream(
    client: httpx.AsyncClient, registry: Registry
) -> None:
    assert await pushed(client, registry) == [
        {"status": "retrieving manifest"},
        {"status": "couldn't retrieve manifest"},
        {"error": f"model '{registry.name()}' not found"},
    ]
    assert registry.seen == []


@pytest.mark.parametrize("name", ["a//b", "../../etc/passwd", "a b", "registry/../../x:y"])
async def test_a_bad_name_is_told_in_the_stream_and_touches_nothing(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, name: str
) -> None:
    said = await lines(client, "push", model=name)
    assert statuses(said) == [
        "retrieving manifest",
        "couldn't retrieve manifest",
        "error: invalid model name",
    ]
    assert not store.folder.exists()


async def test_no_name_is_an_ordinary_error(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/push", json={"insecure": True})
    assert (answer.status_code, answer.json()) == (400, {"error": "model is required"})


async def test_plain_http_must_be_allowed(
    client: httpx.AsyncClient, registry: Registry, raw: bytes
) -> None:
    said = await lines(client, "push", model=f"http://{registry.name()}", insecure=False)
    assert error_of(said) == "insecure protocol http"
    assert registry.seen == []


async def test_a_model_with_a_damaged_blob_is_not_pushed(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, raw: bytes
) -> None:
    store.blobs.path(registry.add_blob(BIG)).write_bytes(BIG[:-1])
    assert error_of(await pushed(client, registry)).endswith("is missing or damaged")
    assert registry.seen == []


async def test_without_stream_only_the_end_is_said(
    client: httpx.AsyncClient, registry: Registry, raw: bytes
) -> None:
    body = {"name": registry.name(), "insecure": True, "stream": False}
    answer = await client.post("/api/push", json=body)
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
