"""The downloads under way in this process: those who want the same blob share one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backend.errors import RegistryError
from backend.models.manifests import Layer
from backend.registry.bundled import LANGUAGE_MODELS, LanguageModel
from backend.registry.limits import Limits

if TYPE_CHECKING:
    from backend.registry.download import Download


class Transfers:
    """What pull and push share, for as long as the server runs; one event loop, no threads."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.bundled: tuple[LanguageModel, ...] = LANGUAGE_MODELS
        self._downloads: dict[Path, Download] = {}
        self._ending: dict[Path, asyncio.Task[None]] = {}

    @property
    def busy(self) -> bool:
        """Whether anything is being downloaded."""
        return bool(self._downloads)

    @asynccontextmanager
    async def download(self, layer: Layer, blob: Path) -> "AsyncIterator[Download]":
        """The download of that layer, begun or joined; the last to leave the block ends it."""
        while blob in self._ending:
            await asyncio.shield(self._ending[blob])
        from backend.registry.download import Download  # its HTTP client would slow the start

        download = self._downloads.setdefault(blob, Download(layer, blob, self.limits))
        if download.layer.size != layer.size:
            raise RegistryError(
                f"{layer.digest[7:19]} is on its way with {download.layer.size} bytes, "
                f"not {layer.size}"
            )
        download.waiting += 1
        try:
            yield download
        finally:
            download.waiting -= 1
            if not download.waiting:
                self._ending[blob] = asyncio.create_task(self._end(blob, download))
                await asyncio.shield(self._ending[blob])

    async def _end(self, blob: Path, download: "Download") -> None:
        """In a task of its own: who leaves may be cancelled, the files must be left alone first."""
        await download.stop()
        del self._downloads[blob], self._ending[blob]
