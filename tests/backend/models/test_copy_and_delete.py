"""Copying and deleting over HTTP: names, shared blobs, and the sentences for what is wrong."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.gguf_files import TINY, write_gguf


async def names(client: httpx.AsyncClient) -> set[str]:
    return {model["name"] for model in (await client.get("/api/tags")).json()["models"]}


async def delete(client: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
    return await client.request("DELETE", "/api/delete", json=body)


def blobs(store: ModelStore) -> set[str]:
    return {path.name for path in store.blobs.folder.iterdir()}


async def test_a_copy_is_the_same_manifest(client: httpx.AsyncClient, store: ModelStore) -> None:
    before = blobs(store)
    for destination in ("other", "user/tiny:v1", "example.com:80/user/tiny", "fOO:local"):
        response = await client.post(
            "/api/copy", json={"source": "TINY", "destination": destination}
        )
        assert (response.status_code, response.content) == (200, b"")
    assert blobs(store) == before
    assert await names(client) >= {
        "other:latest", "user/tiny:v1", "example.com:80/user/tiny:latest", "fOO:latest",
    }  # fmt: skip
    listed = (await client.get("/api/tags")).json()["models"]
    assert len({m["digest"] for m in listed if "tiny" in m["name"] or m["name"] == "other"}) == 1


async def test_a_copy_onto_itself_changes_nothing(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    path = store.manifests.path(ModelName.parse("tiny"))
    seen = path.stat().st_mtime_ns
    response = await client.post("/api/copy", json={"source": "tiny", "destination": "Tiny:LATEST"})
    assert response.status_code == 200
    assert path.stat().st_mtime_ns == seen
    assert await names(client) == {"tiny:latest", "plain:latest", "embedder:latest"}


async def test_a_copy_over_another_name_in_another_case_replaces_it(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    await client.post("/api/copy", json={"source": "tiny", "destination": "PLAIN"})
    assert await names(client) == {"tiny:latest", "plain:latest", "embedder:latest"}
    same = {store.get(ModelName.parse(name)).digest for name in ("tiny", "plain")}
    assert len(same) == 1


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({}, 400, 'source "" is invalid'),
        ({"source": "tiny"}, 400, 'destination "" is invalid'),
        ({"source": "a b", "destination": "x"}, 400, 'source "a b" is invalid'),
        ({"source": "tiny", "destination": "../x"}, 400, 'destination "../x" is invalid'),
        ({"source": "none", "destination": "x"}, 404, 'model "none" not found'),
        ({"source": "tiny:local:cloud", "destination": "x"}, 400,
         'use either :local or :cloud, not both: "tiny:local:cloud"'),
    ],
)  # fmt: skip
async def test_what_cannot_be_copied(
    client: httpx.AsyncClient, body: dict[str, Any], status: int, sentence: str
) -> None:
    response = await client.post("/api/copy", json=body)
    assert (response.status_code, response.json()) == (status, {"error": sentence})


async def test_deleting_removes_only_what_nobody_else_names(
    client: httpx.AsyncClient, store: ModelStore, tmp_path: Path
) -> None:
    shared = store.add("shared", write_gguf(tmp_path / "s.gguf"), system="Mine alone.")
    own = {layer.digest for layer in shared.layers if layer.role == "system"}
    weights = {layer.digest for layer in shared.layers if layer.role == "model"}
    response = await delete(client, {"name": "shared"})  # the old spelling of `model`
    assert (response.status_code, response.content) == (200, b"")
    assert not any(map(store.blobs.has, own))
    assert all(map(store.blobs.has, weights))  # tiny is made of the same
    await delete(client, {"model": "TINY:latest"})
    assert not any(map(store.blobs.has, weights))
    assert await names(client) == {"plain:latest", "embedder:latest"}


async def test_deleting_removes_the_folders_it_empties(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    for destination in ("h.io/u/m:1", "h.io/u/m:2"):
        await client.post("/api/copy", json={"source": "tiny", "destination": destination})
    host = store.folder / "manifests" / "h.io"
    await delete(client, {"model": "h.io/u/m:1"})
    assert host.is_dir()
    await delete(client, {"model": "h.io/u/m:2"})
    assert not host.exists()
    assert (store.folder / "manifests" / "registry.ollama.ai").is_dir()


async def test_what_a_damaged_manifest_names_stays(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    path = store.manifests.path(ModelName.parse("tiny"))
    damaged = path.with_name("damaged")
    damaged.write_bytes(path.read_bytes()[:-4].replace(b"sha256:", b"sha256-"))
    before = blobs(store)
    await delete(client, {"model": "tiny"})
    assert blobs(store) == before


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({}, 400, "model is required"),
        ({"model": " "}, 400, "model is required"),
        ({"model": "a//b"}, 400, 'name "a//b" is invalid'),
        ({"model": "none"}, 404, "model 'none' not found"),
        ({"model": "a:cloud:local"}, 400,
         'use either :local or :cloud, not both: "a:cloud:local"'),
    ],
)  # fmt: skip
async def test_what_cannot_be_deleted(
    client: httpx.AsyncClient, body: dict[str, Any], status: int, sentence: str
) -> None:
    response = await delete(client, body)
    assert (response.status_code, response.json()) == (status, {"error": sentence})


async def test_a_delete_without_a_body_is_told_so(client: httpx.AsyncClient) -> None:
    response = await client.request("DELETE", "/api/delete")
    assert (response.status_code, response.json()) == (400, {"error": "missing request body"})


async def test_a_model_whose_blobs_are_gone_can_be_deleted(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    for path in store.blobs.folder.iterdir():
        path.unlink()
    assert (await delete(client, {"model": "tiny"})).status_code == 200
    assert not store.manifests.path(ModelName.parse("tiny")).exists()


async def test_models_of_a_later_ollama_are_found_and_replaced(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    old = store.manifests.path(ModelName.parse("tiny"))
    raw = old.read_bytes()
    newer = store.folder / "manifests-v2" / "ollama.com" / "library" / "tiny" / "latest"
    newer.parent.mkdir(parents=True)
    link = store.blobs.path(store.blobs.add_bytes(raw))
    newer.symlink_to(Path("../../../../blobs") / link.name)
    old.unlink()
    assert "tiny:latest" in await names(client)
    assert (await client.post("/api/show", json={"model": "tiny"})).status_code == 200
    await client.post("/api/copy", json={"source": "plain", "destination": "tiny"})
    assert not newer.exists()
    assert old.read_bytes() == store.manifests.path(ModelName.parse("plain")).read_bytes()
    await delete(client, {"model": "tiny"})
    assert "tiny:latest" not in await names(client)


def test_a_file_is_linked_once_and_counted_for_every_name(
    store: ModelStore, tmp_path: Path
) -> None:
    bare = {key: value for key, value in TINY.items() if key != "tokenizer.chat_template"}
    again = store.add("again", write_gguf(tmp_path / "again.gguf", bare))
    store.delete(ModelName.parse("plain"))
    assert store.content(again).weights.is_file()
