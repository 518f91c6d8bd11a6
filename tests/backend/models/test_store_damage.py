"""Damage on disk through the routes: one broken model hides or fails alone, never the server."""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.errors import InvalidModel
from backend.models.manifests import LAYER_TYPE, MAX_MANIFEST
from backend.models.names import ModelName
from backend.models.store import ModelStore

DEEP = b"[" * 200_000


def manifest_path(store: ModelStore, name: str) -> Path:
    return store.folder.joinpath("manifests", *ModelName.parse(name).parts)


def manifest_of(store: ModelStore, name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(manifest_path(store, name).read_bytes())
    return value


def layer(store: ModelStore, role: str, text: str) -> dict[str, Any]:
    """A manifest's entry for a text that is now a blob."""
    added = store.add_text(role, text)
    return {"mediaType": LAYER_TYPE + role, "digest": added.digest, "size": added.size}


def place(store: ModelStore, name: str, raw: bytes | dict[str, Any]) -> None:
    path = manifest_path(store, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw if isinstance(raw, bytes) else json.dumps(raw).encode())


async def listed(client: httpx.AsyncClient) -> set[str]:
    response = await client.get("/api/tags")
    assert response.status_code == 200, response.text
    return {model["name"] for model in response.json()["models"]}


SOUND = {"tiny:latest", "plain:latest", "embedder:latest"}


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"null", b"7", b'"text"', b"[]", b"{}", DEEP, b"\xff\xfe\x00",
     b" " * MAX_MANIFEST + b"{}", b'{"config":{},"layers":[]}', b'{"config":[],"layers":null}'],
    ids=lambda raw: repr(raw[:12]),
)  # fmt: skip
async def test_a_manifest_that_is_none_hides_only_itself(
    client: httpx.AsyncClient, store: ModelStore, raw: bytes
) -> None:
    place(store, "damaged", raw)
    assert await listed(client) == SOUND
    response = await client.post("/api/generate", json={"model": "damaged"})
    assert response.status_code == 500
    assert "damaged" in response.json()["error"]
    assert (await client.post("/api/generate", json={"model": "tiny"})).status_code == 200


@pytest.mark.parametrize(
    "change",
    [{"digest": "sha256:../../../../etc/passwd"}, {"digest": "sha256:" + "A" * 63},
     {"digest": "sha256-" + "a" * 64 + "/.."}, {"digest": 5}, {"digest": None}, {"size": -1},
     {"size": "1"}, {"size": 1.5}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("where", ["config", "layers"])
async def test_a_digest_or_size_that_cannot_be_hides_the_model(
    client: httpx.AsyncClient, store: ModelStore, where: str, change: dict[str, Any]
) -> None:
    value = manifest_of(store, "tiny")
    entry = value["config"] if where == "config" else value["layers"][0]
    entry.update(change)
    place(store, "damaged", value)
    assert await listed(client) == SOUND


@pytest.mark.parametrize("text", ["[]", "5", "{", "not json", DEEP.decode()], ids=lambda t: t[:8])
async def test_a_config_that_is_no_object_hides_the_model(
    client: httpx.AsyncClient, store: ModelStore, text: str
) -> None:
    value = {**manifest_of(store, "tiny"), "config": layer(store, "config", text)}
    place(store, "damaged", value)
    assert await listed(client) == SOUND


@pytest.mark.parametrize(
    "text", ['{"context_length":NaN}', '{"embedding_length":1e999}', '{"model_families":7}', "{}"]
)
async def test_a_config_of_odd_values_is_shown_without_them(
    client: httpx.AsyncClient, store: ModelStore, text: str
) -> None:
    place(store, "odd", {**manifest_of(store, "tiny"), "config": layer(store, "config", text)})
    models = (await client.get("/api/tags")).json()["models"]
    (details,) = [model["details"] for model in models if model["name"] == "odd:latest"]
    assert details["families"] is None
    assert "context_length" not in details


@pytest.mark.parametrize(
    ("role", "text"),
    [("params", "[]"), ("params", "{"), ("params", DEEP.decode()), ("messages", "{}"),
     ("messages", "[1]"), ("messages", '[{"role":"user"}]'),
     ("messages", '[{"role":1,"content":"x"}]')],
    ids=lambda text: text[:12],
)  # fmt: skip
@pytest.mark.parametrize("route", ["generate", "chat", "show"])
async def test_a_layer_of_the_wrong_kind_is_said_to_be(
    client: httpx.AsyncClient, store: ModelStore, role: str, text: str, route: str
) -> None:
    value = manifest_of(store, "tiny")
    value["layers"].append(layer(store, role, text))
    place(store, "odd", value)
    body = {"model": "odd", "messages": [{"role": "user", "content": "x"}], "prompt": "x"}
    response = await client.post(f"/api/{route}", json=body)
    assert response.status_code == 500
    assert "model" in response.json()["error"]
    assert "internal" not in response.json()["error"]


@pytest.mark.parametrize("route", ["generate", "chat", "embed", "embeddings", "show", "tokenize"])
async def test_missing_weights_are_not_a_missing_model(
    client: httpx.AsyncClient, store: ModelStore, route: str
) -> None:
    store.content(store.get(ModelName.parse("tiny"))).weights.unlink()
    response = await client.post(f"/api/{route}", json={"model": "tiny"})
    assert response.status_code == 500
    assert "weights of the model are missing" in response.json()["error"]


async def test_a_manifest_without_weights_is_no_model_to_run(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    place(store, "empty", {**manifest_of(store, "tiny"), "layers": []})
    response = await client.post("/api/generate", json={"model": "empty", "prompt": "x"})
    assert response.json() == {"error": "empty:latest has no weights"}


def test_a_missing_text_is_told_by_its_role(store: ModelStore) -> None:
    value = manifest_of(store, "tiny")
    value["layers"].append({"mediaType": LAYER_TYPE + "system", "digest": "sha256:" + "0" * 64,
                            "size": 1})  # fmt: skip
    place(store, "odd", value)
    with pytest.raises(InvalidModel, match="system layer is missing"):
        store.content(store.get(ModelName.parse("odd")))


async def test_weights_that_changed_on_disk_are_read_again(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    assert (await client.post("/api/show", json={"model": "tiny"})).status_code == 200
    weights = store.content(store.get(ModelName.parse("tiny"))).weights
    weights.write_bytes(weights.read_bytes()[:-300])
    response = await client.post("/api/show", json={"model": "tiny"})
    assert response.status_code == 500
    assert "lies outside the model file" in response.json()["error"]


async def test_stray_files_beside_the_manifests_are_passed_over(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    library = manifest_path(store, "tiny").parent.parent
    for stray in ("tiny/.DS_Store", "tiny/a b", "-dash/latest", "tiny/folder/deeper/file"):
        path = library / stray
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (library / "loose").write_bytes(b"x")
    assert await listed(client) == SOUND


async def test_the_newest_model_is_listed_first(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    for age, name in enumerate(("plain", "tiny", "embedder")):
        os.utime(manifest_path(store, name), (1_700_000_000 - age, 1_700_000_000 - age))
    models = (await client.get("/api/tags")).json()["models"]
    assert [model["model"] for model in models] == [
        "plain:latest",
        "tiny:latest",
        "embedder:latest",
    ]
    assert all("T" in model["modified_at"] for model in models)


@pytest.mark.parametrize("asked", ["foo", "FOO", "foo:LATEST", "Foo:Latest"])
def test_a_name_is_found_whatever_other_names_are_spelled_like(
    store: ModelStore, asked: str
) -> None:
    value = manifest_of(store, "tiny")
    for name in ("Foo:Latest", "bar:LATEST", "baz:latest", "user/fOO:latest"):
        place(store, name, value)
    assert str(store.get(ModelName.parse(asked)).name) == "Foo:Latest"


def test_weights_are_copied_where_they_cannot_be_linked(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    source = tmp_path / "tiny.gguf"
    store.content(store.get(ModelName.parse("tiny"))).weights.unlink()
    monkeypatch.setattr(os, "link", refuse)
    weights = store.content(store.add("tiny", source)).weights
    assert weights.read_bytes() == source.read_bytes()
    assert not weights.samefile(source)
    assert not list(store.folder.rglob("*partial*"))
