"""Models on disk, in Ollama's own layout, so that a folder of Ollama's can be used as it is.

    manifests/<host>/<namespace>/<model>/<tag>   a JSON manifest
    blobs/sha256-<64 hex>                        config, weights, template, ...

Nothing read from the disk is trusted: path parts pass the rules of `names.py`, digests a full
pattern before they become a path, and manifests and texts are bounded in size.
"""

import hashlib
import json
import logging
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from backend.errors import InvalidModel, ModelNotFound
from backend.models import gguf, manifest_list, manifests
from backend.models.blobs import Blobs, canonical
from backend.models.config import complete, config_of
from backend.models.go_json import go_line
from backend.models.manifests import CONFIG_TYPE, MAX_MANIFEST, Layer, Manifest, Manifests
from backend.models.names import ModelName

MAX_TEXT_LAYER = 16 << 20

log = logging.getLogger(__name__)
_ANY_DIGEST = re.compile(rb"sha256[:-][0-9a-fA-F]{64}")


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
    adapters: tuple[Path, ...] = ()
    projectors: tuple[Path, ...] = ()


class ModelStore:
    """The models under one folder (`OLLAMA_MODELS`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifests = Manifests(folder / "manifests")
        self.blobs = Blobs(folder / "blobs")
        # A manifest is written, or unused blobs removed, by one thread at a time: else a blob
        # could go between the check that it is there and the manifest that names it.
        self._changing = threading.RLock()

    def models(self) -> list[StoredModel]:
        """Every readable model, newest first; a corrupt manifest hides only itself."""
        models = []
        for name in self.manifests.names():
            try:
                models.append(self._open(name))
            except (InvalidModel, ModelNotFound):
                continue
        return sorted(models, key=lambda model: model.modified_at, reverse=True)

    def get(self, name: ModelName) -> StoredModel:
        """The model of that name, case ignored; raises ModelNotFound or InvalidModel."""
        return self._open(self.spelled(name))

    def spelled(self, name: ModelName) -> ModelName:
        """The name with each part in the spelling that a stored one has."""
        return name.spelled_like(self.manifests.names())

    def content(self, model: StoredModel) -> ModelContent:
        """The texts in the model's layers and the paths of its weights; raises InvalidModel."""
        weights = self._paths(model, "model")
        if not weights:
            raise InvalidModel(f"{model.name} has no weights")
        template = self._last_text(model, "template")
        return ModelContent(
            weights=weights[0],
            template=self._last_text(model, "prompt") if template is None else template,
            system=self._last_text(model, "system") or "",
            params=_json(self._last_text(model, "params") or "{}", dict),
            messages=_messages(self._last_text(model, "messages") or "[]"),
            licenses=tuple(self.text(at) for at in model.layers if at.role == "license"),
            adapters=self._paths(model, "adapter"),
            projectors=self._paths(model, "projector"),
        )

    def text(self, layer: Layer) -> str:
        """The text of a small layer; raises InvalidModel."""
        try:
            with self.blobs.path(layer.digest).open("rb") as file:
                raw = file.read(MAX_TEXT_LAYER + 1)
        except OSError as error:
            raise InvalidModel(f"the {layer.role} layer is missing") from error
        if len(raw) > MAX_TEXT_LAYER:
            raise InvalidModel(f"the {layer.role} layer is too large")
        return raw.decode("utf-8", "replace")

    def copy(self, source: ModelName, destination: ModelName) -> None:
        """Give a model a second name; raises ModelNotFound."""
        source, destination = self.spelled(source), self.spelled(destination)
        if source != destination:
            with self._changing:
                self.manifests.write(destination, self.manifests.bytes_of(source)[0])

    def delete(self, name: ModelName) -> None:
        """Remove a model and the blobs that no other one names; raises ModelNotFound."""
        name = self.spelled(name)
        with self._changing:
            digests = self._named_in(self.manifests.bytes_of(name)[0])
            self.manifests.remove(name)
            self.remove_unused(digests)

    def publish(self, name: ModelName, raw: bytes, *, prune: bool = True) -> None:
        """Write a manifest whose blobs are all there; `prune` what only its forerunner named.

        Raises InvalidModel where a blob is missing.
        """
        new = manifests.parse(raw)
        with self._changing:
            self._check_blobs(new)
            old = self._named_in(self._raw(name))
            self.manifests.write(name, raw)
            if prune:
                self.remove_unused(old - new.digests)

    def remove_unused(self, digests: Iterable[str]) -> None:
        """Remove those of these blobs that no manifest names, not even a damaged one.

        Nothing goes while there is a manifest that cannot be read to its end.
        """
        with self._changing:
            doomed = {canonical(digest) for digest in digests}
            try:
                kept = self.used() if doomed else set()
            except InvalidModel as error:
                log.warning("unused blobs are kept: %s", error)
                return
            for digest in doomed - kept:
                self.blobs.remove(digest)

    def used(self) -> set[str]:
        """Every digest that stands in a manifest, however damaged; InvalidModel as above."""
        found: set[str] = set()
        for name in list(self.manifests.names()):
            raw = self._raw(name)
            if len(raw) > MAX_MANIFEST or (not raw and self.manifests.path(name).exists()):
                raise InvalidModel(f"the manifest of {name} cannot be read")
            found |= self._named_in(raw)
        return found

    def add_text(self, role: str, text: str) -> Layer:
        """Store a text as a layer."""
        raw = text.encode("utf-8", "replace")
        return Layer.of(role, self.blobs.add_bytes(raw), len(raw))

    def add_config(self, config: Mapping[str, Any], layers: Sequence[Layer] = ()) -> Layer:
        """Store the config of a model made of these layers as a layer."""
        raw = go_line(complete(config, [layer.digest for layer in layers]))
        return Layer(CONFIG_TYPE, self.blobs.add_bytes(raw), len(raw))

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
        target = self.spelled(ModelName.parse(name))
        layers = [Layer.of("model", self.blobs.add_file(gguf_path), gguf_path.stat().st_size)]
        if template is not None:
            layers.append(self.add_text("template", template))
        if system is not None:
            layers.append(self.add_text("system", system))
        if params:
            layers.append(self.add_text("params", go_line(dict(params)).decode()))
        layers += [self.add_text("license", text) for text in licenses]
        config = self.add_config(config_of(header), layers)
        self.publish(target, manifests.build(config, layers))
        return self._open(target)

    def _open(self, name: ModelName) -> StoredModel:
        raw, changed = self.manifests.bytes_of(name)
        try:
            manifest = manifests.parse(manifest_list.runnable(raw, self.blobs))
        except InvalidModel as error:
            raise InvalidModel(f"the manifest of {name} is damaged: {error}") from error
        config = _json(self.text(manifest.config), dict)
        digest = hashlib.sha256(raw).hexdigest()
        return StoredModel(name, digest, changed, config, manifest.config.size, manifest.layers)

    def _paths(self, model: StoredModel, role: str) -> tuple[Path, ...]:
        return tuple(self.blobs.path(at.digest) for at in model.layers if at.role == role)

    def _last_text(self, model: StoredModel, role: str) -> str | None:
        found = [layer for layer in model.layers if layer.role == role]
        return self.text(found[-1]) if found else None

    def _raw(self, name: ModelName) -> bytes:
        try:
            return self.manifests.bytes_of(name)[0]
        except ModelNotFound:
            return b""

    def _named_in(self, raw: bytes) -> set[str]:
        # By pattern, not by parsing: what a damaged manifest still names must not be removed. A
        # manifest may itself be a blob (the newer folder's links), or be named by a list of them.
        found = {canonical(one.decode()) for one in _ANY_DIGEST.findall(raw)}
        found.add(f"sha256:{hashlib.sha256(raw).hexdigest()}")
        for child in manifest_list.children(raw, list(found), self.blobs):
            found |= {canonical(one.decode()) for one in _ANY_DIGEST.findall(child)}
        return found

    def _check_blobs(self, manifest: Manifest) -> None:
        for digest in sorted(manifest.digests):
            if not self.blobs.has(digest):
                raise InvalidModel(f"the blob {digest} is missing")


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
