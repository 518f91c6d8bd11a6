"""Models on disk, in Ollama's own layout, so that a folder of Ollama's can be used as it is.

    manifests/<host>/<namespace>/<model>/<tag>   a JSON manifest
    blobs/sha256-<64 hex>                        config, weights, template, ...

Nothing read from the disk is trusted: path parts pass the rules of `names.py`, digests must match
a full pattern before they become a path, and a manifest is bounded in size.
"""

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from backend.errors import InvalidModel, InvalidName, ModelNotFound
from backend.models import gguf
from backend.models.config import config_of
from backend.models.names import ModelName

MAX_MANIFEST = 4 << 20
MAX_TEXT_LAYER = 16 << 20
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.ollama.image."

_DIGEST = re.compile(r"sha256[:-][0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Layer:
    """One blob of a model: its role (`model`, `template`, ...), digest and size in bytes."""

    role: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model as its manifest describes it; `digest` is the manifest file's own sha256 (hex)."""

    name: ModelName
    digest: str
    modified_at: datetime
    config: Mapping[str, Any]
    config_size: int
    layers: tuple[Layer, ...]

    @property
    def size(self) -> int:
        """Bytes of all layers and the config together."""
        return self.config_size + sum(layer.size for layer in self.layers)


@dataclass(frozen=True, slots=True)
class ModelContent:
    """What the layers of a model say, read: the weights' path and the texts around them."""

    weights: Path
    template: str | None = None
    system: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[Mapping[str, Any], ...] = ()
    licenses: tuple[str, ...] = ()


class ModelStore:
    """The models under one folder (`OLLAMA_MODELS`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._manifests = folder / "manifests"
        self._blobs = folder / "blobs"

    def names(self) -> list[ModelName]:
        """Every name that has a manifest file; paths that break the rules are passed over."""
        return list(self._names())

    def models(self) -> list[StoredModel]:
        """Every readable model, newest first; a corrupt manifest hides only itself."""
        models = []
        for name in self._names():
            try:
                models.append(self._open(name))
            except (InvalidModel, ModelNotFound):
                continue
        return sorted(models, key=lambda model: model.modified_at, reverse=True)

    def get(self, name: ModelName) -> StoredModel:
        """The model of that name, case ignored; raises ModelNotFound or InvalidModel."""
        return self._open(name.spelled_like(self._names()))

    def content(self, model: StoredModel) -> ModelContent:
        """The texts in the model's layers and the path of its weights; raises InvalidModel."""
        weights = [layer for layer in model.layers if layer.role == "model"]
        if not weights:
            raise InvalidModel(f"{model.name} has no weights")
        template, system, params = (
            self._last_text(model, role) for role in ("template", "system", "params")
        )
        return ModelContent(
            weights=self.blob(weights[0].digest),
            template=template,
            system=system or "",
            params=_json(params or "{}", dict),
            messages=_messages(self._last_text(model, "messages") or "[]"),
            licenses=tuple(self._text(at) for at in model.layers if at.role == "license"),
        )

    def blob(self, digest: str) -> Path:
        """The path of a blob; raises InvalidModel for anything but `sha256:<64 hex>`."""
        if not _DIGEST.fullmatch(digest):
            raise InvalidModel("invalid digest format")
        return self._blobs / f"sha256-{digest[7:].lower()}"

    def add(
        self,
        name: str,
        gguf_path: Path,
        *,
        template: str | None = None,
        params: Mapping[str, Any] | None = None,
        system: str | None = None,
        licenses: Sequence[str] = (),
    ) -> StoredModel:
        """Store a GGUF file as a model and return it; doing it again changes nothing.

        The weights are hard-linked where the file system allows it, else copied. Raises
        InvalidName, InvalidModel (not a sound GGUF) or OSError (disk full, no permission).
        """
        header = gguf.read(gguf_path)
        target = ModelName.parse(name).spelled_like(self._names())
        layers = [self._add_file("model", gguf_path)]
        if template is not None:
            layers.append(self._add_text("template", template))
        if system is not None:
            layers.append(self._add_text("system", system))
        if params:
            layers.append(self._add_text("params", json.dumps(dict(params))))
        layers += [self._add_text("license", text) for text in licenses]
        config = json.dumps(config_of(header), separators=(",", ":"))
        self._write_manifest(target, self._add_text("config", config), layers)
        return self._open(target)

    def _names(self) -> Iterator[ModelName]:
        for path in self._manifests.glob("*/*/*/*"):
            try:
                name = ModelName(*path.relative_to(self._manifests).parts)
            except InvalidName:
                continue
            if path.is_file():
                yield name

    def _open(self, name: ModelName) -> StoredModel:
        path = self._manifests.joinpath(*name.parts)
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_MANIFEST + 1)
                changed = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime).astimezone()
        except OSError as error:
            raise ModelNotFound(f"model '{name}' not found") from error
        if len(raw) > MAX_MANIFEST:
            raise InvalidModel(f"the manifest of {name} is too large")
        try:
            manifest = json.loads(raw)
            config, layers = _layer(manifest["config"]), manifest["layers"]
            parsed = tuple(_layer(entry) for entry in layers)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InvalidModel(f"the manifest of {name} is damaged") from error
        settings = _json(self._text(config), dict)
        digest = hashlib.sha256(raw).hexdigest()
        return StoredModel(name, digest, changed, settings, config.size, parsed)

    def _last_text(self, model: StoredModel, role: str) -> str | None:
        found = [layer for layer in model.layers if layer.role == role]
        return self._text(found[-1]) if found else None

    def _text(self, layer: Layer) -> str:
        try:
            with self.blob(layer.digest).open("rb") as file:
                raw = file.read(MAX_TEXT_LAYER + 1)
        except OSError as error:
            raise InvalidModel(f"the {layer.role} layer is missing") from error
        if len(raw) > MAX_TEXT_LAYER:
            raise InvalidModel(f"the {layer.role} layer is too large")
        return raw.decode("utf-8", "replace")

    def _add_text(self, role: str, text: str) -> Layer:
        raw = text.encode()
        layer = Layer(role, f"sha256:{hashlib.sha256(raw).hexdigest()}", len(raw))
        path = self.blob(layer.digest)
        if not path.is_file() or path.stat().st_size != len(raw):
            _write(path, raw)
        return layer

    def _add_file(self, role: str, source: Path) -> Layer:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        layer = Layer(role, f"sha256:{digest}", source.stat().st_size)
        path = self.blob(layer.digest)
        if not path.is_file() or path.stat().st_size != layer.size:
            _place(source, path)
        return layer

    def _write_manifest(self, name: ModelName, config: Layer, layers: Sequence[Layer]) -> None:
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _entry(config, CONFIG_TYPE),
            "layers": [_entry(layer, LAYER_TYPE + layer.role) for layer in layers],
        }
        path = self._manifests.joinpath(*name.parts)
        raw = json.dumps(manifest, separators=(",", ":")).encode()
        if not path.is_file() or path.read_bytes() != raw:
            _write(path, raw)


def _layer(entry: Mapping[str, Any]) -> Layer:
    digest, size = entry["digest"], entry["size"]
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ValueError("invalid digest format")
    if not isinstance(size, int) or size < 0:
        raise ValueError("invalid layer size")
    return Layer(str(entry["mediaType"]).removeprefix(LAYER_TYPE), digest, size)


def _entry(layer: Layer, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": layer.digest, "size": layer.size}


def _json(text: str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidModel("a layer of the model is not JSON") from error
    if not isinstance(value, kind):
        raise InvalidModel("a layer of the model has the wrong JSON type")
    return value


def _messages(text: str) -> tuple[Mapping[str, Any], ...]:
    messages = _json(text, list)
    for one in messages:
        said = (one.get("role"), one.get("content")) if isinstance(one, dict) else (None,)
        if not all(isinstance(part, str) for part in said):
            raise InvalidModel("a message in the model lacks its role or content")
    return tuple(messages)


def _write(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}-{uuid.uuid4().hex}-partial")
    try:
        partial.write_bytes(raw)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _place(source: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}-{uuid.uuid4().hex}-partial")
    try:
        try:
            os.link(source, partial)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(source, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
