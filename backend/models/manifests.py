"""Manifests: which blobs make up a model, one small JSON file for each name.

    manifests/<host>/<namespace>/<model>/<tag>

Written key for key as Ollama writes them, so that either program reads the other's. A manifest
from a disk or a registry is not trusted: bounded in size, every digest and size checked.
"""

import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from backend.errors import InvalidDigest, InvalidModel, InvalidName, ModelNotFound
from backend.models.blobs import canonical
from backend.models.go_json import go_line
from backend.models.names import DEFAULT_HOST, ModelName

MAX_MANIFEST = 4 << 20
MAX_LAYERS = 1 << 16
MAX_SIZE = (1 << 63) - 1  # of one layer; sums of larger ones are numbers that JSON cannot show
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.ollama.image."
_NEWER_HOST = "ollama.com"  # stands for registry.ollama.ai in the newer folder


@dataclass(frozen=True, slots=True)
class Layer:
    """One blob of a model; `digest` is `sha256:<hex>`, `size` bytes, `from_` a model's name."""

    media_type: str
    digest: str
    size: int
    from_: str = ""
    name: str = ""

    @classmethod
    def of(cls, role: str, digest: str, size: int, from_: str = "") -> Self:
        """A layer of one of Ollama's own media types, e.g. role `template`."""
        return cls(LAYER_TYPE + role, digest, size, from_)

    @property
    def role(self) -> str:
        """`model`, `template`, ...; the whole media type where it is not one of Ollama's."""
        return self.media_type.removeprefix(LAYER_TYPE)

    @classmethod
    def parse(cls, entry: Any) -> Self:
        """A layer from the JSON of a manifest; raises InvalidModel."""
        if not isinstance(entry, dict):
            raise InvalidModel("a layer of the manifest is no object")
        media_type, digest, size = (entry.get(key) for key in ("mediaType", "digest", "size"))
        if not isinstance(media_type, str) or not isinstance(digest, str):
            raise InvalidModel("a layer of the manifest lacks its type or digest")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_SIZE:
            raise InvalidModel("a layer of the manifest has an impossible size")
        try:
            digest = canonical(digest)
        except InvalidDigest as error:
            raise InvalidModel(f"a layer of the manifest has an {error}") from error
        names = (entry.get(key) for key in ("from", "name"))
        return cls(
            media_type, digest, size, *(one if isinstance(one, str) else "" for one in names)
        )

    def as_json(self) -> dict[str, Any]:
        """The layer as it stands in a manifest."""
        entry: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
        }
        named = {"from": self.from_, "name": self.name}
        return entry | {key: value for key, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checked manifest; `raw` are its bytes as they came, of which the model's digest is made."""

    config: Layer
    layers: tuple[Layer, ...]
    raw: bytes

    @property
    def digests(self) -> frozenset[str]:
        """Every blob that the manifest names, the config among them."""
        return frozenset(layer.digest for layer in (self.config, *self.layers))


def parse(raw: bytes) -> Manifest:
    """The manifest that `raw` holds; raises InvalidModel."""
    if len(raw) > MAX_MANIFEST:
        raise InvalidModel(f"the manifest is larger than {MAX_MANIFEST >> 20} MB")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidModel("the manifest is not JSON") from error
    layers = value.get("layers") or [] if isinstance(value, dict) else None
    if not isinstance(layers, list) or len(layers) > MAX_LAYERS:
        raise InvalidModel("the manifest has no list of layers, or too long a one")
    found = Manifest(Layer.parse(value.get("config")), tuple(map(Layer.parse, layers)), raw)
    if len({(one.digest, one.size) for one in (found.config, *found.layers)}) > len(found.digests):
        raise InvalidModel("the manifest gives one blob two sizes")
    return found


def build(config: Layer, layers: Sequence[Layer]) -> bytes:
    """The bytes of a manifest."""
    return go_line(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": config.as_json(),
            "layers": [layer.as_json() for layer in layers],
        }
    )


class Manifests:
    """The manifests under one folder, and under `manifests-v2` beside it.

    Later versions of Ollama keep theirs in the second one, as links to blobs, with another host for
    its own registry; what stands there is read first. We write into the first one only.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._newer = folder.with_name("manifests-v2")

    def names(self) -> Iterator[ModelName]:
        """Every name that has a manifest; paths that break the rules of names are passed over."""
        newer = dict.fromkeys(_names_in(self._newer, {_NEWER_HOST: DEFAULT_HOST}))
        yield from newer
        yield from (name for name in _names_in(self.folder, {}) if name not in newer)

    def strays(self) -> Iterator[Path]:
        """Files where a manifest could stand, under names that break the rules."""
        for root in (self.folder, self._newer):
            for path in root.glob("*/*/*/*"):
                if path.is_file() and not _is_name(path.relative_to(root).parts):
                    yield path

    def path(self, name: ModelName) -> Path:
        """Where the manifest of that name is, or would be written."""
        newer = self._newer_path(name)
        try:
            stands = newer.is_file()
        except OSError:  # a host may be longer than a file's name
            stands = False
        return newer if stands else self.folder.joinpath(*name.parts)

    def bytes_of(self, name: ModelName) -> tuple[bytes, datetime]:
        """The file as it is, cut above the bound, and when it was written; ModelNotFound."""
        try:
            with self.path(name).open("rb") as file:
                changed = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime).astimezone()
                return file.read(MAX_MANIFEST + 1), changed
        except OSError as error:
            raise ModelNotFound(f"model '{name}' not found") from error

    def read(self, name: ModelName) -> Manifest:
        """The manifest of exactly that name; raises ModelNotFound or InvalidModel."""
        try:
            return parse(self.bytes_of(name)[0])
        except InvalidModel as error:
            raise InvalidModel(f"the manifest of {name} is damaged: {error}") from error

    def write(self, name: ModelName, raw: bytes) -> None:
        """Put a manifest in its place as a whole, byte for byte; the same bytes stay untouched."""
        path = self.path(name)
        if path.is_file() and path.read_bytes() == raw:
            return
        path = self.folder.joinpath(*name.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{uuid.uuid4().hex}.partial")  # no tag begins with a dot
        try:
            partial.write_bytes(raw)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        _remove(self._newer, self._newer_path(name))

    def remove(self, name: ModelName) -> None:
        """Remove a manifest and the folders it leaves empty; raises ModelNotFound."""
        found = _remove(self._newer, self._newer_path(name))
        if not _remove(self.folder, self.folder.joinpath(*name.parts)) and not found:
            raise ModelNotFound(f"model '{name}' not found")

    def remove_empty_folders(self) -> None:
        """Remove the folders under which there is no manifest, the deepest first."""
        for root in (self.folder, self._newer):
            folders = [path for path in root.rglob("*") if path.is_dir() and not path.is_symlink()]
            for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
                _removed(folder)

    def _newer_path(self, name: ModelName) -> Path:
        host, *rest = name.parts
        return self._newer.joinpath(_NEWER_HOST if host == DEFAULT_HOST else host, *rest)


def _names_in(folder: Path, hosts: Mapping[str, str]) -> Iterator[ModelName]:
    for path in folder.glob("*/*/*/*"):
        host, *rest = path.relative_to(folder).parts
        if path.is_file() and _is_name((host, *rest)):
            yield ModelName(hosts.get(host, host), *rest)


def _is_name(parts: Sequence[str]) -> bool:
    try:
        ModelName(*parts)
    except InvalidName:
        return False
    return True


def _remove(root: Path, path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    for folder in path.relative_to(root).parents:
        if folder.parts and not _removed(root / folder):
            break
    return True


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # something else is in it
        return False
    return True
