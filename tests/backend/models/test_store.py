"""Ollama's layout on disk: what is written can be read, what is damaged is passed over."""

import hashlib
import json
from pathlib import Path

import pytest

from backend.errors import InvalidDigest, InvalidModel, InvalidName, ModelNotFound
from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.gguf_files import write_gguf


def manifest_path(store: ModelStore, name: str) -> Path:
    return store.folder.joinpath("manifests", *ModelName.parse(name).parts)


def test_a_model_is_written_as_ollama_writes_it(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    source = write_gguf(tmp_path / "a.gguf")
    added = store.add(
        "Foo:7b", source, template="{{ .Prompt }}", params={"stop": ["x"]}, system="Be.",
        licenses=("L1", "L2"),
    )  # fmt: skip
    raw = manifest_path(store, "Foo:7b").read_bytes()
    manifest = json.loads(raw)
    roles = [layer["mediaType"].rpartition(".")[2] for layer in manifest["layers"]]
    assert roles == ["model", "template", "system", "params", "license", "license"]
    assert added.digest == hashlib.sha256(raw).hexdigest()
    for layer in [manifest["config"], *manifest["layers"]]:
        blob = store.blobs.path(layer["digest"])
        assert blob.stat().st_size == layer["size"]
        assert f"sha256:{hashlib.sha256(blob.read_bytes()).hexdigest()}" == layer["digest"]
    assert added.size == sum(x["size"] for x in [manifest["config"], *manifest["layers"]])
    content = store.content(added)
    assert (content.template, content.system, content.params) == (
        "{{ .Prompt }}", "Be.", {"stop": ["x"]},
    )  # fmt: skip
    assert content.licenses == ("L1", "L2")
    assert added.config["model_family"] == "llama"
    assert added.config["context_length"] == 64


def test_adding_twice_changes_nothing(store: ModelStore, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*") if path.is_file()}
    store.add("tiny", tmp_path / "tiny.gguf")
    store.add("TINY", tmp_path / "tiny.gguf")
    after = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*") if path.is_file()}
    assert after == before


def test_weights_are_linked_not_copied(store: ModelStore, tmp_path: Path) -> None:
    weights = store.content(store.get(ModelName.parse("tiny"))).weights
    assert weights.samefile(tmp_path / "tiny.gguf")


def test_only_sound_files_and_names_are_stored(store: ModelStore, tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"not a model")
    with pytest.raises(InvalidModel):
        store.add("bad", bad)
    with pytest.raises(InvalidName):
        store.add("../up", tmp_path / "tiny.gguf")
    assert [str(name) for name in store.manifests.names()].count("bad:latest") == 0


def test_names_are_found_ignoring_case(store: ModelStore) -> None:
    assert str(store.get(ModelName.parse("TINY")).name) == "tiny:latest"
    with pytest.raises(ModelNotFound):
        store.get(ModelName.parse("absent"))


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[]",
        b'{"config":null}',
        b'{"config":{"mediaType":"x","digest":"sha256:../../etc/passwd","size":1},"layers":[]}',
        b'{"config":{"mediaType":"x","digest":"sha256:short","size":1},"layers":[]}',
    ],
)
def test_a_damaged_manifest_hides_only_itself(store: ModelStore, manifest: bytes) -> None:
    path = manifest_path(store, "damaged")
    path.parent.mkdir(parents=True)
    path.write_bytes(manifest)
    assert sorted(str(model.name) for model in store.models()) == [
        "embedder:latest", "plain:latest", "tiny:latest",
    ]  # fmt: skip
    with pytest.raises(InvalidModel):
        store.get(ModelName.parse("damaged"))


@pytest.mark.parametrize("digest", ["", "sha256:", "sha256:" + "g" * 64, "sha256:" + "a" * 65,
                                    "sha256:../" + "a" * 61, "md5:" + "a" * 64,
                                    "sha256:" + "a" * 64 + "\n"])  # fmt: skip
def test_only_a_digest_becomes_a_blob_path(store: ModelStore, digest: str) -> None:
    with pytest.raises(InvalidDigest, match="invalid digest format"):
        store.blobs.path(digest)


def test_an_empty_folder_holds_no_models(tmp_path: Path) -> None:
    assert ModelStore(tmp_path / "absent").models() == []
