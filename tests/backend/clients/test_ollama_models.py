"""Models listed, shown, copied, made, pulled, pushed and deleted through Ollama's own client."""

import hashlib
from pathlib import Path
from typing import Any

import ollama
import pytest

from tests.backend.clients.conftest import THINKER, Live, user
from tests.backend.gguf_files import write_gguf
from tests.backend.registry.server import Registry, serve


def names(client: ollama.Client) -> set[str | None]:
    return {model.model for model in client.list().models}


def statuses(said: Any) -> list[str | None]:
    return [line.status for line in said]


def test_list(client: ollama.Client, live: Live) -> None:
    found = client.list().models
    assert {model.model for model in found} == {
        "tiny:latest",
        "plain:latest",
        "embedder:latest",
        "thinker:latest",
    }
    (tiny,) = (model for model in found if model.model == "tiny:latest")
    manifest = live.store.folder / "manifests/registry.ollama.ai/library/tiny/latest"
    assert tiny.digest == hashlib.sha256(manifest.read_bytes()).hexdigest()
    assert tiny.modified_at is not None
    assert tiny.modified_at.tzinfo is not None
    assert tiny.size is not None
    assert tiny.size > 0
    assert tiny.details is not None
    assert (tiny.details.format, tiny.details.family) == ("gguf", "llama")
    times = [model.modified_at for model in found if model.modified_at]
    assert times == sorted(times, reverse=True)


def test_show(client: ollama.Client) -> None:
    shown = client.show("thinker")
    assert shown.template == THINKER
    assert shown.modelfile is not None
    assert "FROM " in shown.modelfile
    assert {"completion", "tools", "thinking"} <= set(shown.capabilities or ())
    assert shown.modelinfo is not None
    assert shown.modelinfo["general.architecture"] == "llama"
    assert shown.modified_at is not None
    assert client.show("embedder").capabilities == ["embedding"]


def test_ps(client: ollama.Client) -> None:
    assert client.ps().models == []
    client.generate("tiny", "x", keep_alive=100)
    client.generate("thinker", "x", keep_alive=-1)
    found = client.ps().models
    assert [model.model for model in found] == ["thinker:latest", "tiny:latest"]
    assert all(model.name == model.model for model in found)
    assert all(model.expires_at and model.expires_at.tzinfo for model in found)


def test_copy_and_delete(client: ollama.Client) -> None:
    assert client.copy("tiny", "someone/other:v1").status == "success"
    assert "someone/other:v1" in names(client)
    assert client.chat("someone/other:v1", user("x")).message.content == "one two three"
    assert client.copy("tiny", "tiny").status == "success"
    assert client.delete("tiny").status == "success"
    assert "tiny:latest" not in names(client)
    assert client.chat("someone/other:v1", user("x")).message.content == "one two three"
    with pytest.raises(ollama.ResponseError, match="model 'tiny' not found"):
        client.delete("tiny")


def test_names_keep_their_case_and_ignore_it(client: ollama.Client) -> None:
    client.copy("tiny", "Mixed")
    assert "Mixed:latest" in names(client)
    assert client.generate("mixed", "x").model == "mixed"
    client.copy("plain", "MIXED")
    assert "Mixed:latest" in names(client)
    assert "MIXED:latest" not in names(client)


def test_create_from_a_model(client: ollama.Client, live: Live) -> None:
    done = client.create(
        "mine",
        from_="tiny",
        system="be kind",
        parameters={"temperature": 0.1, "stop": ["<a>", "<b>"]},
        license=["one", "two"],
        messages=[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
    )
    assert done.status == "success"
    shown = client.show("mine")
    assert shown.license == "one\ntwo"
    assert "temperature" in (shown.parameters or "")
    client.chat("mine", user("x"))
    sampling = live.script.requests[0].sampling
    assert (sampling.temperature, sampling.stop) == (0.1, ("<a>", "<b>"))
    live.script.reply = None
    told = client.chat("mine", user("x")).message.content or ""
    assert told.startswith("system: be kind\nuser: q\nassistant: a\nuser: x")


def test_create_from_files(client: ollama.Client, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "new.gguf", {"general.architecture": "llama", "x.y": "z"})
    digest = client.create_blob(path)
    assert digest == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert client.create_blob(path) == digest
    said = list(client.create("made", files={"new.gguf": digest}, template=THINKER, stream=True))
    assert statuses(said)[-1] == "success"
    assert "writing manifest" in statuses(said)
    assert client.show("made").template == THINKER


def test_create_says_what_is_wrong(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="neither 'from' or 'files' was specified"):
        client.create("made")
    with pytest.raises(ollama.ResponseError, match="file path must be relative") as caught:
        client.create("made", files={"/etc/passwd": "sha256:" + "0" * 64})
    assert caught.value.status_code == 400
    with pytest.raises(ollama.ResponseError, match="template"):
        client.create("made", from_="tiny", template="{{ if }}")
    assert "made:latest" not in names(client)


def test_a_blob_that_is_not_what_it_says(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="digest mismatch, expected") as caught:
        client._request_raw("POST", f"/api/blobs/sha256:{'0' * 64}", content=b"other")
    assert caught.value.status_code == 400
    with pytest.raises(ollama.ResponseError, match="invalid digest format"):
        client._request_raw("POST", "/api/blobs/sha256:zz", content=b"other")
    with pytest.raises(ollama.ResponseError) as absent:
        client._request_raw("HEAD", f"/api/blobs/sha256:{'0' * 64}")
    assert absent.value.status_code == 404


@pytest.fixture
def registry(tmp_path: Path) -> Any:
    gguf = write_gguf(tmp_path / "far.gguf").read_bytes()
    with serve() as registry:
        registry.add_model({"model": gguf, "license": b"Be kind."})
        yield registry


def test_pull(client: ollama.Client, registry: Registry) -> None:
    said = list(client.pull(registry.name(), insecure=True, stream=True))
    assert said[0].status == "pulling manifest"
    assert said[-1].status == "success"
    (blob,) = {line.digest for line in said if line.digest and (line.total or 0) > 500}
    last = [line for line in said if line.digest == blob][-1]
    assert last.completed == last.total
    assert registry.name() in names(client)
    assert client.pull(registry.name(), insecure=True).status == "success"
    assert client.generate(registry.name(), "x").response == "one two three"


def test_pull_of_what_is_not_there(client: ollama.Client, registry: Registry) -> None:
    name = registry.name("library/absent:latest")
    sentence = "pull model manifest: file does not exist"
    with pytest.raises(ollama.ResponseError, match=sentence) as caught:
        client.pull(name, insecure=True)
    assert caught.value.status_code == 500
    said = []
    with pytest.raises(ollama.ResponseError, match=sentence):  # noqa: PT012
        for line in client.pull(name, insecure=True, stream=True):
            said.append(line.status)  # noqa: PERF401
    assert said == ["pulling manifest"]


def test_plain_http_must_be_allowed(client: ollama.Client, registry: Registry) -> None:
    with pytest.raises(ollama.ResponseError, match="insecure protocol http"):
        client.pull(f"http://{registry.name().removeprefix('http://')}")


def test_push(client: ollama.Client, registry: Registry) -> None:
    name = registry.name("me/mine:v1")
    client.copy("tiny", name)
    said = statuses(client.push(name, insecure=True, stream=True))
    assert said[0] == "retrieving manifest"
    assert said[-2:] == ["pushing manifest", "success"]
    assert "me/mine/manifests/v1" in registry.manifests
    assert client.push(name, insecure=True).status == "success"
    with pytest.raises(ollama.ResponseError):
        client.push(registry.name("me/absent:v1"), insecure=True)


async def test_the_async_client(live: Live, registry: Registry, tmp_path: Path) -> None:
    client = ollama.AsyncClient(live.url)
    try:
        path = write_gguf(tmp_path / "new.gguf", {"general.architecture": "llama", "a.b": "c"})
        digest = await client.create_blob(path)
        said = [
            line.status
            async for line in await client.create("made", files={"m.gguf": digest}, stream=True)
        ]
        assert said[-1] == "success"
        assert (await client.copy("made", "twice")).status == "success"
        assert (await client.delete("made")).status == "success"
        assert (await client.show("twice")).modelinfo
        assert (await client.pull(registry.name(), insecure=True)).status == "success"
        lines = await client.pull(registry.name(), insecure=True, stream=True)
        assert [line.status async for line in lines][-1] == "success"
        pushed = await client.push(registry.name(), insecure=True)
        assert pushed.status == "success"
        assert len((await client.list()).models) == 6
        assert (await client.ps()).models == []
    finally:
        await client.close()
