"""Media type → loader. Whoever reads a stranger's file does so through `ingest.readers`."""

from dataclasses import dataclass
from importlib import import_module

from ingest import errors, media_type
from ingest.loaded import Loader

LOADERS = {
    media_type.PDF: "ingest.loaders.pdf",
    media_type.DOCX: "ingest.loaders.docx",
    media_type.HTML: "ingest.loaders.html",
    media_type.MARKDOWN: "ingest.loaders.markdown",
    media_type.TEXT: "ingest.loaders.text",
    media_type.CSV: "ingest.loaders.table",
    media_type.TSV: "ingest.loaders.table",
}
"""Modules by name: a child imports only the one it needs (bs4 alone takes 170 ms)."""


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """What the reading of one document may take: wall and CPU seconds, and MiB of memory."""

    seconds: float = 300
    memory_mb: int = 4096


def loader(kind: str) -> Loader:
    """Return the loader of a media type. Raises UnsupportedType, which lists the known ones."""
    if kind not in LOADERS:
        known = ", ".join(sorted(LOADERS))
        raise errors.UnsupportedType(f"There is no loader for {kind}. Known: {known}.")
    load_file: Loader = import_module(LOADERS[kind]).load
    return load_file
