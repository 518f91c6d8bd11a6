"""Names, digests and files that a client or a registry writes so as to get out of the folder."""

import asyncio
import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.gguf_files import gguf_bytes
from tests.backend.registry.server import Registry
from tests.backend.security.conftest import SECRET, Server

TRAVERSALS = (
    "sha256:../../secret",
    "sha256-../../secret",
    "../../secret",
    "sha256:" + "../" * 21 + "a",  # as long as a digest is
    "sha256:" + "a" * 63 + "/",
    "sha256:" + "a" * 64 + "/../../../secret",
    "sha256:" + "a" * 64 + "\n",
    "sha256:" + "ａ" * 64,  # letters, but not those of hexadecimal numbers
    "sha512:" + "a" * 64,
    "",
)
pytestmark = pytest.mark.usefixtures("whole_folder")


def manifest(config: Any, *layers: Any) -> bytes:
    kind = "application/vnd.ollama.image.model"
    made = [{"mediaType": kind, "digest": one, "size": len(SECRET)} for one in (config, *layers)]
    return json.dumps({"config": made[0], "layers": made[1:]}).encode()


GOOD = "sha256:" + "0" * 64


@pytest.mark.parametrize("digest", TRAVERSALS)
async def test_cve_2024_37032_a_registrys_digest_is_one_or_nothing_is_fetched(
    server: Server, registry: Registry, secret: Path, digest: str
) -> None:
    for raw in (manifest(digest, GOOD), manifest(GOOD, digest), manifest(GOOD, GOOD, digest)):
        registry.faults.manifest = raw
        said = await server.lines("/api/pull", model=registry.name(), insecure=True)
        assert "invalid digest format" in said[-1]["error"]
    assert not registry.asked("GET", "/blobs/")
    assert not registry.asked("HEAD", "/blobs/")


@pytest.mark.parametrize("digest", TRAVERSALS)
async def test_cve_2024_37032_a_clients_digest_is_one_or_nothing_is_opened(
    server: Server, secret: Path, digest: str
) -> None:
    for files in ({"files": {"a.gguf": digest}}, {"from_": "tiny", "adapters": {"a": digest}}):
        status, error = await server.refused("/api/create", model="m", **files)
        assert (status, error) == (400, "invalid digest format")
    quoted = "".join(f"%{byte:02x}" for byte in digest.encode())
    for method in ("HEAD", "POST"):
        path = f"/api/blobs/{quoted}"
        response = await server.client.request(method, path, content=b"overwritten")
        assert response.status_code in (400, 404, 405), path


async def test_cve_2024_37032_a_stored_digest_is_one_or_nothing_is_read_or_removed(
    server: Server, store: ModelStore, secret: Path
) -> None:
    path = store.manifests.path(ModelName.parse("planted"))
    path.parent.mkdir(parents=True)
    for digest in TRAVERSALS:
        path.write_bytes(manifest(GOOD, digest))
        response = await server.post("/api/show", model="planted")
        assert response.status_code == 500
        assert SECRET.decode() not in response.text
        names = {one["name"] for one in (await server.client.get("/api/tags")).json()["models"]}
        assert "planted:latest" not in names
        deleted = await server.client.request("DELETE", "/api/delete", json={"model": "planted"})
        assert deleted.status_code == 200
        path.parent.mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize("digest", TRAVERSALS)
async def test_cve_2025_44779_a_pull_removes_only_blobs_that_nobody_names(
    server: Server, registry: Registry, store: ModelStore, secret: Path, digest: str
) -> None:
    # the model that is replaced names a file outside, and another model's blob as its own
    shared = next(iter(store.manifests.read(ModelName.parse("tiny")).layers)).digest
    name = ModelName.parse(registry.name())
    path = store.manifests.path(name)
    path.parent.mkdir(parents=True)
    alone = store.blobs.add_bytes(b"of the old one only")
    path.write_bytes(manifest(alone, shared, digest))
    registry.add_model({"model": gguf_bytes()})
    said = await server.lines("/api/pull", model=registry.name(), insecure=True)
    assert said[-1] == {"status": "success"}
    assert store.blobs.has(shared)
    path.write_bytes(manifest(alone, shared))  # and once more, where the old one can be read
    assert (await server.lines("/api/pull", model=registry.name(), insecure=True))[-1] == {
        "status": "success"
    }
    assert store.blobs.has(shared)
    assert not store.blobs.has(alone)


@pytest.mark.parametrize(
    "name",
    ["../../secret", "a/../../secret", "/etc/passwd", "a/../b", "..", "a\\..\\b", "a\0b",
     "tiny\0", "library/../../../secret:latest", "http://x/../../y:z", "./tiny", "a:b/../../c"],
)  # fmt: skip
async def test_cve_2024_39722_a_name_that_is_a_path_reaches_no_file_and_no_registry(
    server: Server, registry: Registry, secret: Path, name: str
) -> None:
    lines = (await server.post("/api/push", model=name, insecure=True)).text.splitlines()
    assert list(json.loads(lines[-1])) == ["error"]
    assert not registry.seen
    for path in ("show", "generate", "chat", "embed", "embeddings", "create", "pull"):
        body = {"from_": "tiny"} if path == "create" else {"prompt": "x", "input": "x"}
        status, error = await server.refused(f"/api/{path}", model=name, stream=False, **body)
        assert (status, error) == (400, "invalid model name"), path
    assert (await server.refused("/api/copy", source="tiny", destination=name))[0] == 400
    assert (await server.refused("/api/copy", source=name, destination="b"))[0] == 400
    deleted = await server.client.request("DELETE", "/api/delete", json={"model": name})
    assert deleted.status_code == 400
    quoted = "".join(f"%{byte:02x}" for byte in name.encode())
    assert (await server.client.get(f"/v1/models/{quoted}")).status_code in (400, 404)
    assert SECRET.decode() not in (await server.client.get(f"/v1/models/{quoted}")).text


async def test_cve_2024_39719_no_answer_tells_whether_a_path_exists(
    server: Server, secret: Path, tmp_path: Path
) -> None:
    there, gone = str(secret), str(tmp_path / "nothing")
    for shape in (
        lambda path: {"from_": path},
        lambda path: {"files": {path: GOOD}},
        lambda path: {"from_": "tiny", "adapters": {path: GOOD}},
        lambda path: {"path": path},
        lambda path: {"modelfile": f"FROM {path}"},
        lambda path: {"from_": path.lstrip("/")},
        lambda path: {"files": {f"../..{path}": GOOD}},
    ):
        answers = [
            await server.refused("/api/create", model="m", **shape(p)) for p in (there, gone)
        ]
        assert answers[0] == answers[1]
        assert answers[0][0] == 400
        assert str(secret) not in answers[0][1]


@pytest.mark.parametrize("kind", ["device", "link to a device", "pipe", "folder"])
async def test_cve_2024_39721_nothing_endless_is_ever_read(
    server: Server, store: ModelStore, kind: str
) -> None:
    digest = "sha256:" + hashlib.sha256(kind.encode()).hexdigest()
    path = store.blobs.path(digest)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "link to a device":
            path.symlink_to("/dev/zero")
    async with asyncio.timeout(5):
        if kind == "device":
            files: dict[str, Any] = {"modelfile": "FROM /dev/zero", "from_": "/dev/zero"}
        else:
            files = {"files": {"a.gguf": digest}}
        assert (await server.refused("/api/create", model="m", **files))[0] == 400
        assert await server.lives()
    if kind not in ("device", "folder"):
        path.unlink()


async def test_cve_2024_45436_an_archive_is_not_unpacked(server: Server, secret: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../secret", b"overwritten")
        archive.writestr("model.safetensors", b"")
    digest = await server.uploaded(packed.getvalue())
    for name in ("model.zip", "model.gguf", "pytorch_model.bin", "config.json"):
        status, error = await server.refused("/api/create", model="m", files={name: digest})
        assert status == 400
        assert error


async def test_links_among_the_blobs_are_followed_but_never_written_through(
    server: Server, store: ModelStore, secret: Path, tmp_path: Path
) -> None:
    # Whoever can put links into the folder owns it, and to keep blobs on another disk is common.
    linked = tmp_path / "models" / "elsewhere"
    weights = store.content(store.get(ModelName.parse("tiny"))).weights
    weights.rename(linked)
    weights.symlink_to(linked)
    assert (await server.post("/api/show", model="tiny")).status_code == 200
    raw = b"a text of the client's"
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    store.blobs.path(digest).symlink_to(secret)
    assert (await server.client.post(f"/api/blobs/{digest}", content=raw)).status_code == 200
    body = {"from_": "tiny", "system": raw.decode()}
    assert (await server.lines("/api/create", model="m", **body))[-1] == {"status": "success"}
    assert (await server.post("/api/show", model="m")).json()["system"] == raw.decode()
