"""Fetch a model from where it is: a bundled one from this machine, any other from its registry."""

import hashlib
import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from backend.answers.generation import Backend
from backend.errors import BackendError, InvalidModel, RegistryError
from backend.models.manifests import MANIFEST_TYPE, MAX_MANIFEST, Layer, Manifest, parse
from backend.models.names import ModelName
from backend.models.store import ModelStore
from backend.registry import placing
from backend.registry.client import Ask, RegistryClient
from backend.registry.download import Download
from backend.registry.keys import key_file
from backend.registry.limits import Limits
from backend.registry.partial import PartialBlob
from backend.registry.progress import Line, moved, status, told
from backend.registry.reference import Reference
from backend.registry.threads import in_thread


async def pull(
    backend: Backend, text: str, *, insecure: bool = False
) -> AsyncGenerator[Line, None]:
    """Progress lines until the model stands; closing the generator stops it, what came is kept.

    Raises InvalidName or InsecureProtocol before the first line, RegistryError or InvalidModel
    after it.
    """
    reference = Reference.parse(text, insecure=insecure)
    yield status("pulling manifest")
    try:
        bundled = await in_thread(placing.find, backend, reference.name)
        lines = bundled or _from_registry(backend, reference)
        async with aclosing(lines):
            async for line in lines:
                yield line
    except OSError as error:
        raise RegistryError(error.strerror or str(error)) from error
    yield status("success")


async def _from_registry(backend: Backend, reference: Reference) -> AsyncGenerator[Line, None]:
    store, key = backend.library.store, key_file(backend.settings.models_folder)
    manifest = await _manifest(reference, key, backend.transfers.limits)
    layers = list(dict.fromkeys((*manifest.layers, manifest.config)))
    await in_thread(_check_room, store, layers, backend.transfers.limits)
    async with AsyncExitStack() as stack:
        fetched: list[Download] = []
        for layer in layers:
            if await in_thread(_stands, store, layer):
                yield moved("pulling", layer, layer.size)
                continue
            blob = store.blobs.path(layer.digest)
            download = await stack.enter_async_context(backend.transfers.download(layer, blob))
            async with aclosing(_fetching(download, reference, key, backend)) as lines:
                async for line in lines:
                    yield line
            fetched.append(download)
        yield status("verifying sha256 digest")
        for download in fetched:
            await download.verify()
    async with aclosing(_published(backend, reference.name, manifest)) as lines:
        async for line in lines:
            yield line


async def _manifest(reference: Reference, key: Path, limits: Limits) -> Manifest:
    url = reference.url("manifests", reference.name.tag)
    ask = Ask("GET", url, {"Accept": MANIFEST_TYPE})
    try:
        async with RegistryClient(reference, key, limits) as registry:
            return parse(await registry.read(ask, MAX_MANIFEST))
    except (RegistryError, InvalidModel) as error:
        raise RegistryError(f"pull model manifest: {error}") from error


async def _fetching(
    download: Download, reference: Reference, key: Path, backend: Backend
) -> AsyncGenerator[Line, None]:
    def line() -> Line:
        return moved("pulling", download.layer, download.completed)

    task = download.start(reference, key)
    yield line()
    async with aclosing(told(task, line, backend.transfers.limits.report_every)) as lines:
        async for one in lines:
            yield one
    yield moved("pulling", download.layer, download.layer.size)


async def _published(
    backend: Backend, asked: ModelName, manifest: Manifest
) -> AsyncGenerator[Line, None]:
    """Write the manifest, byte for byte, then remove what only its forerunner named."""
    store = backend.library.store
    yield status("writing manifest")
    name = await in_thread(store.spelled, asked)
    unused = await in_thread(_old_digests, store, name) - manifest.digests
    await in_thread(store.publish, name, manifest.raw, prune=False)
    if unused and not backend.settings.noprune:
        yield status("removing unused layers")
        await in_thread(store.remove_unused, unused)


def _old_digests(store: ModelStore, name: ModelName) -> frozenset[str]:
    try:
        return store.manifests.read(name).digests
    except BackendError:
        return frozenset()


def _check_room(store: ModelStore, layers: Sequence[Layer], limits: Limits) -> None:
    """Refuse what cannot end: the disk must hold all that is still to come."""
    store.blobs.folder.mkdir(parents=True, exist_ok=True)
    disk, _, free = shutil.disk_usage(store.blobs.folder)
    missing = 0
    for digest, size in {layer.digest: layer.size for layer in layers}.items():
        if not store.blobs.has(digest):
            # never cut into parts what no disk holds: a size of 2^62 has 4 billion of them
            fits = size <= disk
            partial = PartialBlob(store.blobs.path(digest), size, limits) if fits else None
            missing += partial.missing if partial else size
    if missing > free:
        raise RegistryError(
            f"not enough disk space: {missing / 1e9:.1f} GB are to come, "
            f"{free / 1e9:.1f} GB are free"
        )


def _stands(store: ModelStore, layer: Layer) -> bool:
    """Whether the blob is there in its size; one that is damaged is thrown away."""
    if not store.blobs.has(layer.digest):
        return False
    if (found := store.blobs.size(layer.digest)) == layer.size:
        return True
    path = store.blobs.path(layer.digest)
    with path.open("rb") as file:
        digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    if digest == layer.digest:
        raise RegistryError(
            f"the manifest says that {digest[7:19]} has {layer.size} bytes; it has {found}"
        )
    path.unlink(missing_ok=True)
    return False
