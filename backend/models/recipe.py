"""A model in the making: its config and layers, changed one by one, then published."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backend.errors import InvalidModel
from backend.models import manifests
from backend.models.blobs import digest_of
from backend.models.go_json import go_line
from backend.models.manifests import Layer
from backend.models.names import ModelName
from backend.models.store import ModelStore


class Recipe:
    """The config and layers so far; texts become blobs at once, the manifest at the end."""

    def __init__(
        self, store: ModelStore, config: Mapping[str, Any], layers: Sequence[Layer]
    ) -> None:
        self.config = dict(config)
        self.layers = list(layers)
        self._store = store
        self._new: set[str] = set()

    def replace_template(self, text: str) -> None:
        """The template in place of the one there is, the oldest kind included."""
        self._replace("template", text.encode("utf-8", "replace"), also="prompt")

    def replace_system(self, text: str) -> None:
        """The system prompt in place of the one there is."""
        self._replace("system", text.encode("utf-8", "replace"))

    def replace_messages(self, messages: Sequence[Mapping[str, str]]) -> None:
        """The examples in place of those there are."""
        self._replace("messages", go_line([dict(one) for one in messages]))

    def replace_layer(self, old: Layer, new: Layer) -> None:
        """A blob made a moment ago in place of another one."""
        self.layers[self.layers.index(old)] = new
        self._new.add(new.digest)

    def add_license(self, text: str) -> None:
        """One more licence, unless that text is there already."""
        layer = self._layer("license", text.encode("utf-8", "replace"))
        if all((one.role, one.digest) != ("license", layer.digest) for one in self.layers):
            self.layers.append(layer)

    def merge_parameters(self, new: Mapping[str, Any]) -> None:
        """These parameters over those there are, a name at a time."""
        old: dict[str, Any] = {}
        for layer in self.layers:
            if layer.role == "params":
                old |= _object(self._store.text(layer))
        merged = old | dict(new)
        self._replace("params", go_line({key: merged[key] for key in sorted(merged)}))

    def statuses(self) -> Iterator[str]:
        """A line for each layer: whether its blob is new or was there."""
        for layer in self.layers:
            verb = "creating new" if layer.digest in self._new else "using existing"
            yield f"{verb} layer {layer.digest}"

    def publish(self, name: ModelName, *, prune: bool) -> None:
        """Write the config and the manifest; raises InvalidModel where a blob has gone."""
        config = self._store.add_config(self.config, self.layers)
        self._store.publish(name, manifests.build(config, self.layers), prune=prune)

    def _replace(self, role: str, raw: bytes, *, also: str = "") -> None:
        self.layers = [layer for layer in self.layers if layer.role not in (role, also)]
        self.layers.append(self._layer(role, raw))

    def _layer(self, role: str, raw: bytes) -> Layer:
        digest = digest_of(raw)
        if not self._store.blobs.has(digest):
            self._new.add(digest)
        return Layer.of(role, self._store.blobs.add_bytes(raw), len(raw))


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidModel("the parameters of the model are not JSON") from error
    if not isinstance(value, dict):
        raise InvalidModel("the parameters of the model are no object")
    return value
