"""POST /api/create over HTTP: what a model is made of, what it inherits, what is refused."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from backend.models.names import ModelName
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from tests.backend.conftest import backend_settings, client_for
from tests.backend.models.uploads import (
    adapter,
    config,
    created,
    manifest,
    model,
    projector,
    refused,
    shown,
    uploaded,
)

from backend.engine.fake_runner import Script  # isort: skip

ABSENT = "sha256:" + "0" * 64


async def test_a_file_becomes_a_model(client: httpx.AsyncClient, store: ModelStore) -> None:
    digest = await uploaded(client, model())
    lines = await created(
        client, model="Made:v1", files={"weights.gguf": digest}, template="{{ .Prompt }}!",
        system="Be brief.", license=["MIT", "and more"], parameters={"top_k": 3, "stop": ["<a>"]},
        messages=[{"role": "user", "content": "<hi>"}],
    )  # fmt: skip
    statuses = [line["status"] for line in lines]
    assert statuses[:2] == ["parsing GGUF", f"using existing layer {digest}"]
    assert statuses[-2:] == ["writing manifest", "success"]
    assert sum(status.startswith("creating new layer sha256:") for status in statuses) == 6
    told = await shown(client, "made:v1")
    assert told["template"] == "{{ .Prompt }}!"
    assert told["system"] == "Be brief."
    assert told["license"] == "MIT\nand more"
    assert told["messages"] == [{"role": "user", "content": "<hi>"}]
    assert sorted(told["parameters"].splitlines()) == [
        f"{'stop':<30} \"<a>\"", f"{'top_k':<30} 3",
    ]  # fmt: skip
    roles = [layer.role for layer in manifest(store, "Made:v1").layers]
    assert roles == ["model", "template", "system", "license", "license", "params", "messages"]


async def test_it_is_written_as_ollama_writes_it(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    digest = await uploaded(client, model())
    await created(
        client, model="made", files={"w.gguf": digest}, renderer="qwen3", parser="qwen3-coder",
        requires="v0.14.0", capabilities=["vision"], info={"base_name": "base"},
        parameters={"b": 1, "a": "<"}, messages=[{"role": "user", "content": "&"}],
    )  # fmt: skip
    stored = manifest(store, "made")
    value = json.loads(stored.raw)
    assert list(value) == ["schemaVersion", "mediaType", "config", "layers"]
    assert stored.raw.endswith(b"}\n")
    assert [list(layer) for layer in value["layers"]] == [["mediaType", "digest", "size"]] * 3
    assert list(config(store, "made")) == [
        "model_format", "model_family", "model_families", "model_type", "file_type", "renderer",
        "parser", "requires", "capabilities", "context_length", "embedding_length", "base_name",
        "architecture", "os", "rootfs",
    ]  # fmt: skip
    assert config(store, "made")["rootfs"] == {
        "type": "layers", "diff_ids": [layer.digest for layer in stored.layers],
    }  # fmt: skip
    texts = [store.blobs.path(layer.digest).read_bytes() for layer in stored.layers[1:]]
    assert texts == [
        b'{"a":"\\u003c","b":1}\n', b'[{"role":"user","content":"\\u0026"}]\n',
    ]  # fmt: skip
    told = await shown(client, "made")
    assert (told["renderer"], told["parser"], told["requires"]) == (
        "qwen3", "qwen3-coder", "0.14.0",
    )  # fmt: skip
    assert told["capabilities"] == ["completion", "vision"]


async def test_a_model_inherits_what_it_does_not_replace(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    digest = await uploaded(client, model())
    await created(
        client, model="base", files={"w.gguf": digest}, template="{{ .System }}{{ .Prompt }}",
        system="Old.", license="MIT", parameters={"top_k": 3, "stop": ["a", "b"]},
        messages=[{"role": "user", "content": "1"}], renderer="r", requires="0.14",
    )  # fmt: skip
    await created(
        client, model="child", from_="BASE", system="New.", license=["MIT", "GPL"],
        parameters={"stop": ["c"]}, parser="p",
    )  # fmt: skip
    told = await shown(client, "child")
    assert told["system"] == "New."
    assert told["template"] == "{{ .System }}{{ .Prompt }}"
    assert told["license"] == "MIT\nGPL"
    assert told["messages"] == [{"role": "user", "content": "1"}]
    assert (told["renderer"], told["parser"], told["requires"]) == ("r", "p", "0.14")
    assert told["details"]["parent_model"] == "base:latest"
    assert told["parameters"].split() == ["stop", '"c"', "top_k", "3"]
    layers = manifest(store, "child").layers
    assert layers[0].from_ == "base:latest"
    assert [layer.role for layer in layers].count("system") == 1
    assert (await shown(client, "base"))["system"] == "Old."


async def test_the_old_name_of_a_field_and_no_stream(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/api/create", json={"name": "old", "FROM": "tiny", "stream": False, "modelfile": "x"}
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json() == {"status": "success"}
    assert (await shown(client, "old"))["details"]["parent_model"] == "tiny:latest"


async def test_overwriting_removes_what_only_the_old_one_named(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    for system in ("One.", "Two."):
        await created(client, model="MINE", from_="tiny", system=system)
        await created(client, model="mine", from_="tiny", system=system + ".")
    kept = {path.read_bytes() for path in store.blobs.folder.iterdir()}
    assert b"Two.." in kept
    assert not kept & {b"One.", b"One..", b"Two."}
    assert str(store.get(ModelName.parse("mine")).name) == "MINE:latest"


async def test_noprune_keeps_it(store: ModelStore, script: Script) -> None:
    async with client_for(backend_settings(store, noprune=True), script) as client:
        for system in ("One.", "Two."):
            await created(client, model="mine", from_="tiny", system=system)
    assert {b"One.", b"Two."} <= {path.read_bytes() for path in store.blobs.folder.iterdir()}


async def test_adapters_and_projectors_become_layers(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    digests = [await uploaded(client, raw) for raw in (model(), adapter(), projector())]
    await created(
        client, model="seeing", files={"w.gguf": digests[0], "mmproj": digests[2]},
        adapters={"lora.gguf": digests[1]},
    )  # fmt: skip
    content = store.content(store.get(ModelName.parse("seeing")))
    assert content.adapters == (store.blobs.path(digests[1]),)
    assert content.projectors == (store.blobs.path(digests[2]),)
    told = await shown(client, "seeing")
    assert "vision" in told["capabilities"]
    assert told["projector_info"]["clip.vision.block_count"] == 2
    assert f"ADAPTER {content.adapters[0]}" in told["modelfile"]
    assert told["modelfile"].count("\nFROM ") == 2
    await created(client, model="tuned", from_="plain", adapters={"l": digests[1]},
                  files={"p": digests[2]})  # fmt: skip
    roles = [layer.role for layer in manifest(store, "tuned").layers]
    assert sorted(roles) == ["adapter", "model", "projector"]


async def test_a_draft_is_kept_and_named_in_the_config(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    digest = await uploaded(client, model())
    await created(client, model="m", from_="tiny", draft_files={"d.gguf": digest})
    assert manifest(store, "m").layers[-1].role == "draft"
    assert config(store, "m")["draft"] == {"model_format": "gguf", "architecture": "llama"}
    answer = await client.post("/api/generate", json={"model": "m", "prompt": "x", "stream": False})
    assert answer.json()["response"] == "one two three"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "invalid model name"),
        ({"model": "a//b", "from": "tiny"}, "invalid model name"),
        ({"model": "m"}, "neither 'from' or 'files' was specified"),
        ({"model": "m", "files": {}}, "no files provided to convert"),
        ({"model": "m", "from": "a b"}, "invalid model name"),
        ({"model": "m", "files": {"/etc/passwd": ABSENT}}, "file path must be relative"),
        ({"model": "m", "files": {"../x": ABSENT}}, "file path must be relative"),
        ({"model": "m", "files": {"a/../../x": ABSENT}}, "file path must be relative"),
        ({"model": "m", "files": {"": ABSENT}}, "file path must be relative"),
        ({"model": "m", "files": {"a\\b": ABSENT}}, "file path must be relative"),
        ({"model": "m", "files": {"w.gguf": ""}}, "invalid digest format"),
        ({"model": "m", "files": {"w.gguf": "sha256:../../x"}}, "invalid digest format"),
        ({"model": "m", "files": {"w.gguf": ABSENT}},
         f"blob not found for w.gguf (digest {ABSENT})"),
        ({"model": "m", "from": "tiny", "adapters": {"a": ABSENT, "b": ABSENT}},
         "only one adapter is currently supported"),
        ({"model": "m", "from": "tiny", "adapters": {"a": ABSENT}},
         f"blob not found for a (digest {ABSENT})"),
        ({"model": "m", "from": "tiny", "requires": "soon"},
         "requires must be a valid semver (e.g. 0.14.0)"),
        ({"model": "m", "from": "tiny", "capabilities": ["flying"]},
         'unknown capability: "flying"'),
        ({"model": "m", "from": "tiny", "info": {"context_length": "9"}},
         'info field "context_length" must be a non-negative integer'),
        ({"model": "m", "from": "tiny", "info": {"base_name": 9}},
         'info field "base_name" must be a string'),
        ({"model": "m", "from": "tiny", "quantize": "q4_K_M"},
         "quantization is only supported for F16, BF16 and F32 models"),
        ({"model": "m", "files": {str(i): ABSENT for i in range(1025)}},
         "too many files: 1025 exceeds maximum 1024"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [True, False])
async def test_what_is_refused_before_anything_happens(
    client: httpx.AsyncClient, store: ModelStore, body: dict[str, Any], sentence: str, stream: bool
) -> None:
    status, said = await refused(client, **body, stream=stream)
    assert (status, said) == (400, sentence)
    assert {str(name) for name in store.manifests.names()} == {
        "tiny:latest", "plain:latest", "embedder:latest",
    }  # fmt: skip


@pytest.mark.parametrize("template", ["{{ .Prompt", "{{ if }}", "{{ nothing }}", "{{ end }}"])
async def test_a_template_must_parse(client: httpx.AsyncClient, template: str) -> None:
    status, sentence = await refused(client, model="m", from_="tiny", template=template)
    assert status == 400
    assert sentence.startswith("template error:")


async def test_an_unknown_quantization_is_named(client: httpx.AsyncClient) -> None:
    status, sentence = await refused(client, model="m", from_="tiny", quantize="q9")
    assert status == 400
    assert sentence.startswith("unknown quantization type q9")


@pytest.mark.parametrize(
    ("file", "raw", "sentence"),
    [
        ("w.gguf", b"no such thing", "supplied file was not in GGUF format"),
        ("w.gguf", b"", "supplied file was not in GGUF format"),
        ("weights", b"no such thing", "unknown type"),
        ("model.safetensors", b"\x08\0\0\0\0\0\0\0{}", "convert_hf_to_gguf.py"),
        ("pytorch_model.bin", b"PK\3\4....", "convert_hf_to_gguf.py"),
        ("w.gguf", b"GGUF", "cut short"),
        ("w.gguf", b"GGUF\0\0\0\3" + bytes(16), "big-endian"),
        ("w.gguf", model()[:-300], "outside the model file"),
        ("w.gguf", adapter(), "there is no model among the files"),
        ("config.json", b"{}", "no files provided to convert"),
    ],
)
async def test_files_that_are_no_model(
    client: httpx.AsyncClient, file: str, raw: bytes, sentence: str
) -> None:
    digest = await uploaded(client, raw)
    status, said = await refused(client, model="m", files={file: digest})
    assert status == 400
    assert sentence in said


async def test_files_beside_the_weights_are_passed_over(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    weights, other = await uploaded(client, model()), await uploaded(client, b"{}")
    await created(client, model="m", files={"a/w.gguf": weights, "a/config.json": other,
                                            "a/tokenizer.model": other})  # fmt: skip
    assert len(manifest(store, "m").layers) == 1


async def test_an_adapter_must_be_one_and_fit(client: httpx.AsyncClient) -> None:
    for raw, sentence in (
        (model(), "a.gguf is no LoRA adapter"),
        (adapter("gemma3"), "the adapter is for gemma3, the model is llama"),
        (b"no", "supplied file was not in GGUF format"),
    ):
        digest = await uploaded(client, raw)
        said = await refused(client, model="m", from_="tiny", adapters={"a.gguf": digest})
        assert said == (400, sentence)


async def test_two_models_are_not_one(client: httpx.AsyncClient) -> None:
    one, two = await uploaded(client, model()), await uploaded(client, model(other=1))
    status, sentence = await refused(client, model="m", files={"a.gguf": one, "b.gguf": two})
    assert (status, sentence) == (400, "there is more than one model among the files")
    status, sentence = await refused(client, model="m", from_="tiny", files={"a.gguf": one})
    assert status == 400
    assert "give either 'from' or a model file" in sentence


@pytest.mark.parametrize("body", [{"from": "big:120b-cloud"}, {"from": "x", "remote_host": "h"}])
async def test_models_of_a_cloud_are_refused(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    status, sentence = await refused(client, model="m", **body)
    assert status == 403
    assert "local" in sentence


async def test_a_base_whose_parameters_are_damaged_is_said_to_be(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    await created(client, model="m", from_="tiny", parameters={"top_k": 1})
    (layer,) = (one for one in manifest(store, "m").layers if one.role == "params")
    store.blobs.path(layer.digest).write_bytes(b"[]")
    response = await client.post(
        "/api/create", json={"model": "n", "from": "m", "parameters": {"top_k": 2}}
    )
    assert response.json() == {"error": "the parameters of the model are no object"}


async def test_many_creates_of_one_name_leave_one_whole_model(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    await asyncio.gather(*(
        created(client, model="m", from_="tiny", system=f"Number {i}.") for i in range(12)
    ))  # fmt: skip
    told = await shown(client, "m")
    assert told["system"].startswith("Number ")
    named = {path.name for path in store.blobs.folder.iterdir()}
    assert all(store.blobs.path(digest).name in named for digest in manifest(store, "m").digests)


async def test_show_and_create_make_the_same_again(
    client: httpx.AsyncClient, store: ModelStore, settings: BackendSettings
) -> None:
    from backend.models.modelfile import parse

    odd = 'A "quoted"\n  text """with all""" of\nit '
    await created(
        client, model="m", from_="tiny", template="{{ .Prompt }}\n", system=odd, requires="0.14.0",
        license=["One\n", "Two"], renderer="r", parser="p", messages=[{"role": "user",
        "content": " hi\n"}], parameters={"stop": ["<a>", ' "b"'], "temperature": 0.5, "top_k": 1},
    )  # fmt: skip
    parsed = parse((await shown(client, "m"))["modelfile"].encode())
    assert parse(str(parsed).encode()) == parsed
    parameters: dict[str, Any] = {"stop": []}
    for key, value in parsed.pairs("parameter"):
        if key == "stop":
            parameters["stop"].append(value)
        else:
            parameters[key] = json.loads(value)
    (weights,) = parsed.values("from")
    digest = "sha256:" + weights.rpartition("-")[2]
    await created(
        client, model="again", files={"w.gguf": digest}, template=parsed.last("template"),
        system=parsed.last("system"), license=list(parsed.values("license")),
        renderer=parsed.last("renderer"), parser=parsed.last("parser"), parameters=parameters,
        requires=parsed.last("requires"),
        messages=[{"role": role, "content": text} for role, text in parsed.pairs("message")],
    )  # fmt: skip
    one, two = await shown(client, "m"), await shown(client, "again")
    for field in ("template", "system", "license", "parameters", "messages", "renderer", "parser",
                  "requires", "model_info"):  # fmt: skip
        assert one[field] == two[field], field
