"""The bundled models: pulled from this machine, with no network, and from elsewhere if not here."""

import hashlib
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from backend.answers.generation import Backend
from backend.models.names import ModelName
from backend.models.store import ModelStore
from backend.registry.bundled import LANGUAGE_MODELS, LanguageModel, Package
from tests.backend.processes import backend_process
from tests.backend.registry.conftest import error_of, left_over, lines, statuses

NAME = ModelName.parse("tiny:1b")
MODELS = Path(__file__).resolve().parents[3] / ".models"


def wheel(folder: Path, name: str, files: dict[str, bytes]) -> Package:
    package = Package(name, "1.0.0", "", 1)
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / package.wheel, "w") as archive:
        for member, content in files.items():
            archive.writestr(member, content)
        info = f"{name.replace('-', '_')}-1.0.0.dist-info/METADATA"
        archive.writestr(info, f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n")
    return package


@pytest.fixture
def downloads(backend: Backend) -> Path:
    return backend.settings.bundled_folder / ".downloads"


@pytest.fixture
def tiny(
    backend: Backend, downloads: Path, gguf: bytes, monkeypatch: pytest.MonkeyPatch
) -> LanguageModel:
    """A model of two packages, which lie as wheels where a set-up leaves them."""
    first = wheel(downloads, "tiny-one", {"one/a": gguf[:100], "one/LICENSE": b"Be kind."})
    second = wheel(downloads, "tiny-two", {"two/b": gguf[100:]})
    model = LanguageModel(
        name="tiny:1b",
        title="Tiny",
        sha256=hashlib.sha256(gguf).hexdigest(),
        parts=((first, "one/a"), (second, "two/b")),
        licences=((first, "one/LICENSE"),),
        template="{{ .Prompt }}",
    )
    backend.transfers.bundled = (model,)
    for name in ("HTTPS_PROXY", "HTTP_PROXY"):  # whatever would go out ends here
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    return model


def as_pulled(model: LanguageModel) -> list[str]:
    return [
        "pulling manifest",
        f"pulling {model.sha256[:12]}",
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]


def check(store: ModelStore, gguf: bytes) -> None:
    content = store.content(store.get(NAME))
    assert content.weights.read_bytes() == gguf
    assert content.template == "{{ .Prompt }}"
    assert content.licenses == ("Be kind.",)
    assert left_over(store) == []


@pytest.mark.parametrize("asked", ["tiny:1b", "TINY:1B", "registry.ollama.ai/library/tiny:1b"])
async def test_a_bundled_model_is_pulled_from_its_packages(
    client: httpx.AsyncClient, store: ModelStore, tiny: LanguageModel, gguf: bytes, asked: str
) -> None:
    said = await lines(client, "pull", model=asked)
    assert statuses(said) == as_pulled(tiny)
    last = [line for line in said if "digest" in line][-1]
    assert last["completed"] == last["total"] == len(gguf)
    check(store, gguf)


async def test_installed_packages_are_taken_too(
    client: httpx.AsyncClient,
    store: ModelStore,
    tiny: LanguageModel,
    gguf: bytes,
    downloads: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = tmp_path / "site-packages"
    for package in tiny.packages:
        with zipfile.ZipFile(downloads / package.wheel) as archive:
            archive.extractall(site)
    shutil.rmtree(downloads)
    monkeypatch.syspath_prepend(site)
    assert statuses(await lines(client, "pull", model="tiny:1b")) == as_pulled(tiny)
    check(store, gguf)


async def test_what_set_up_has_placed_is_linked(
    client: httpx.AsyncClient,
    store: ModelStore,
    backend: Backend,
    tiny: LanguageModel,
    gguf: bytes,
    downloads: Path,
    tmp_path: Path,
) -> None:
    shutil.rmtree(downloads)
    placed = ModelStore(backend.settings.bundled_folder / "ollama")
    placed.add("tiny:1b", tmp_path / "tiny.gguf", template="{{ .Prompt }}", licenses=["Be kind."])
    said = statuses(await lines(client, "pull", model="tiny:1b"))
    assert said[0] == "pulling manifest"
    assert said[1] == f"pulling {tiny.sha256[:12]}"
    assert said[-3:] == as_pulled(tiny)[-3:]
    check(store, gguf)
    digest = f"sha256:{tiny.sha256}"
    assert store.blobs.path(digest).samefile(placed.blobs.path(digest))
    mine, other = store.manifests.bytes_of(NAME)[0], placed.manifests.bytes_of(NAME)[0]
    assert mine == other


async def test_a_damaged_model_of_the_set_up_is_told(
    client: httpx.AsyncClient,
    store: ModelStore,
    backend: Backend,
    tiny: LanguageModel,
    gguf: bytes,
    tmp_path: Path,
) -> None:
    placed = ModelStore(backend.settings.bundled_folder / "ollama")
    placed.add("tiny:1b", tmp_path / "tiny.gguf")
    weights = placed.blobs.path(f"sha256:{tiny.sha256}")
    weights.unlink()  # a hard link of the file that it came from
    weights.write_bytes(bytes(len(gguf)))
    assert "is damaged; run `make setup` again" in error_of(
        await lines(client, "pull", model="tiny:1b")
    )
    assert store.models() == []


async def test_a_model_that_stands_is_only_looked_at(
    client: httpx.AsyncClient,
    store: ModelStore,
    tiny: LanguageModel,
    gguf: bytes,
    downloads: Path,
) -> None:
    await lines(client, "pull", model="tiny:1b")
    before = store.manifests.path(NAME).stat().st_mtime_ns
    shutil.rmtree(downloads)
    said = statuses(await lines(client, "pull", model="tiny:1b"))
    assert said[-1] == "success"
    assert store.manifests.path(NAME).stat().st_mtime_ns == before
    check(store, gguf)


async def test_other_bytes_than_were_bundled_are_refused(
    client: httpx.AsyncClient, store: ModelStore, backend: Backend, tiny: LanguageModel
) -> None:
    backend.transfers.bundled = (replace(tiny, sha256="0" * 64),)
    said = error_of(await lines(client, "pull", model="tiny:1b"))
    assert said.startswith("a package of tiny:1b is damaged: digest mismatch")
    assert left_over(store) == []
    assert store.models() == []


async def test_a_broken_wheel_counts_as_none(
    client: httpx.AsyncClient, store: ModelStore, tiny: LanguageModel, downloads: Path
) -> None:
    broken = downloads / tiny.packages[1].wheel
    broken.write_bytes(broken.read_bytes()[:50])
    said = error_of(await lines(client, "pull", model="tiny:1b", insecure=False))
    assert said.startswith("pull model manifest: GET https://registry.ollama.ai/v2/library/tiny/")


async def test_a_bundled_name_that_is_not_here_is_asked_of_the_registry(
    client: httpx.AsyncClient, tiny: LanguageModel, downloads: Path
) -> None:
    shutil.rmtree(downloads)
    said = error_of(await lines(client, "pull", model="tiny:1b", insecure=False))
    assert said.startswith("pull model manifest: GET https://registry.ollama.ai/v2/library/tiny/")


async def test_only_the_very_name_is_bundled(
    client: httpx.AsyncClient, tiny: LanguageModel
) -> None:
    for name in ("tiny", "tiny:2b", "me/tiny:1b", "127.0.0.1:1/library/tiny:1b"):
        said = error_of(await lines(client, "pull", model=name))
        assert said.startswith("pull model manifest: GET ")


@pytest.mark.model
@pytest.mark.parametrize("name", [model.name for model in LANGUAGE_MODELS])
def test_the_shipped_models_are_pulled_offline_and_speak(tmp_path: Path, name: str) -> None:
    if not ModelStore(MODELS / "ollama").models():
        pytest.skip("no models; `make setup` places them")
    offline = {"HTTPS_PROXY": "http://127.0.0.1:1", "RAGSTONE_MODELS_DIR": str(MODELS)}
    with backend_process(tmp_path / "models", **offline) as (_, url):
        answer = httpx.post(f"{url}/api/pull", json={"model": name, "stream": False}, timeout=60)
        assert answer.json() == {"status": "success"}
        (tag,) = httpx.get(f"{url}/api/tags").json()["models"]
        assert tag["name"] == name
        body = {"model": name, "prompt": "One two", "stream": False, "options": {"num_predict": 2}}
        said = httpx.post(f"{url}/api/generate", json=body, timeout=120).json()
        assert said["done"] is True, said
