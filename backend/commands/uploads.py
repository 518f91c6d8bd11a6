"""Sends files to the server as blobs: each is hashed here, and sent only where it is missing."""

import hashlib
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path

from backend.commands.errors import CommandFailed
from backend.commands.progress import Progress
from backend.commands.server import Server

STEP = 1 << 20
SHOWN = len("sha256:") + 12
"""Characters of a digest that tell it from every other one a person has."""


def upload_all(server: Server, files: Mapping[str, Path], display: Progress) -> dict[str, str]:
    """Each name with the digest of its file, all of them at the server; raises CommandFailed."""
    return {name: upload(server, path, display) for name, path in files.items()}


def upload(server: Server, path: Path, display: Progress) -> str:
    """The digest of the file, whose bytes the server then has; raises CommandFailed."""
    if not path.is_file():  # a device or a pipe may never end
        raise CommandFailed(f"{path} is not a regular file")
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            digest = _digest(file)
            if not server.has_blob(digest):
                file.seek(0)
                server.add_blob(digest, size, _told(file, digest, size, display))
    except OSError as error:
        raise CommandFailed(f"couldn't read {path}: {error.strerror or error}") from error
    return digest


def _digest(file: BufferedReader) -> str:
    return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _told(file: BufferedReader, digest: str, size: int, display: Progress) -> Iterator[bytes]:
    done, status = 0, f"copying file {digest[:SHOWN]}"
    while part := file.read(STEP):
        yield part
        done += len(part)
        display.show({"status": status, "digest": digest, "total": size, "completed": done})
