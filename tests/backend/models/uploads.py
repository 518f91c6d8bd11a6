"""Files put where /api/create finds them, and its answers read."""

import hashlib
import json
from typing import Any

import httpx

from backend.models.manifests import Manifest
from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.gguf_files import TINY, gguf_bytes

Body = dict[str, Any]


async def uploaded(client: httpx.AsyncClient, raw: bytes) -> str:
    """The digest of a blob that is there now."""
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    response = await client.post(f"/api/blobs/{digest}", content=raw)
    assert response.status_code in (200, 201)
    return digest


async def created(client: httpx.AsyncClient, **body: Any) -> list[Body]:
    """The lines of a create that went well."""
    body = {key.rstrip("_"): value for key, value in body.items()}
    response = await client.post("/api/create", json=body)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert lines[-1] == {"status": "success"}, lines[-1]
    return lines


async def refused(client: httpx.AsyncClient, **body: Any) -> tuple[int, str]:
    """Status and sentence of a create that did not begin."""
    body = {key.rstrip("_"): value for key, value in body.items()}
    response = await client.post("/api/create", json=body)
    assert list(response.json()) == ["error"]
    return response.status_code, response.json()["error"]


async def shown(client: httpx.AsyncClient, name: str) -> Body:
    response = await client.post("/api/show", json={"model": name})
    assert response.status_code == 200, response.text
    answer: Body = response.json()
    return answer


def manifest(store: ModelStore, name: str) -> Manifest:
    return store.manifests.read(ModelName.parse(name))


def config(store: ModelStore, name: str) -> Body:
    answer: Body = json.loads(store.blobs.path(manifest(store, name).config.digest).read_bytes())
    return answer


def adapter(architecture: str = "llama") -> bytes:
    return gguf_bytes({"general.architecture": architecture, "general.type": "adapter"})


def projector() -> bytes:
    return gguf_bytes({"general.architecture": "clip", "clip.vision.block_count": 2})


def model(**more: Any) -> bytes:
    return gguf_bytes({**TINY, "general.name": "made", **more})
