"""Bring a model to a registry: every blob that is missing there, then the manifest."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from backend.answers.generation import Backend
from backend.errors import BackendError, ModelNotFound, RegistryError
from backend.models.manifests import MANIFEST_TYPE, Manifest
from backend.models.store import ModelStore
from backend.registry.client import Ask, RegistryClient
from backend.registry.keys import key_file
from backend.registry.progress import Line, moved, status, told
from backend.registry.reference import Reference
from backend.registry.threads import in_thread
from backend.registry.upload import Upload

_MAX_REPLY = 64 << 10


async def push(
    backend: Backend, text: str, *, insecure: bool = False
) -> AsyncGenerator[Line, None]:
    """Progress lines until the registry has the model; closing the generator stops it.

    Raises, after the first line, InvalidName, InsecureProtocol, ModelNotFound, InvalidModel or
    RegistryError.
    """
    yield status("retrieving manifest")
    try:
        reference = Reference.parse(text, insecure=insecure)
        manifest = await in_thread(_manifest, backend.library.store, reference, text)
    except BackendError:
        yield status("couldn't retrieve manifest")
        raise
    key = key_file(backend.settings.models_folder)
    try:
        async with RegistryClient(reference, key, backend.transfers.limits) as registry:
            for layer in dict.fromkeys((*manifest.layers, manifest.config)):
                blob = backend.library.store.blobs.path(layer.digest)
                upload = Upload(layer, blob, backend.transfers.limits)
                async with aclosing(_sending(upload, registry, backend)) as lines:
                    async for line in lines:
                        yield line
            yield status("pushing manifest")
            url = reference.url("manifests", reference.name.tag)
            sent = Ask("PUT", url, {"Content-Type": MANIFEST_TYPE}, manifest.raw)
            await registry.read(sent, _MAX_REPLY)
    except OSError as error:
        raise RegistryError(error.strerror or str(error)) from error
    yield status("success")


def _manifest(store: ModelStore, reference: Reference, text: str) -> Manifest:
    """The model's manifest, every blob of it there in its size."""
    try:
        manifest = store.manifests.read(store.spelled(reference.name))
    except ModelNotFound as error:
        raise ModelNotFound(f"model '{text}' not found") from error
    for layer in (*manifest.layers, manifest.config):
        if not store.blobs.has(layer.digest) or store.blobs.size(layer.digest) != layer.size:
            raise RegistryError(f"the blob {layer.digest} is missing or damaged")
    return manifest


async def _sending(
    upload: Upload, registry: RegistryClient, backend: Backend
) -> AsyncGenerator[Line, None]:
    def line() -> Line:
        return moved("pushing", upload.layer, upload.completed)

    task = asyncio.create_task(upload.run(registry))
    try:
        async with aclosing(told(task, line, backend.transfers.limits.report_every)) as lines:
            async for one in lines:
                yield one
        yield line()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
