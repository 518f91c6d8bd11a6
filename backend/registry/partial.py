"""A blob on its way from a registry: `<blob>-partial`, filled from many places at once.

It becomes the blob only when the whole file has the right sha256. What was fetched stays when a
download breaks off, and the notes of its parts say what that is.
"""

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from backend.errors import RegistryError
from backend.registry.limits import Limits
from backend.registry.parts import Part, fit, plan

_BLOCK = 4 << 20
_LONGEST_NOTE = 1024


class PartialBlob:
    """The file and the notes for a blob of `total` bytes that will be `blob`."""

    def __init__(self, blob: Path, total: int, limits: Limits) -> None:
        self._blob = blob
        self._path = blob.with_name(f"{blob.name}-partial")
        self._total, self._limits = total, limits
        self.parts = list(fit(self._noted(), total)) if self._path.is_file() else []
        self._unsaved: dict[int, int] = {}
        self._file = -1
        self._given_up = threading.Event()

    @property
    def completed(self) -> int:
        """Bytes that are there."""
        return sum(part.completed for part in self.parts)

    @property
    def missing(self) -> int:
        """Bytes that are not."""
        return self._total - self.completed

    def open(self) -> None:
        """Make ready to write, with the parts of an earlier download if they fit this one."""
        self._blob.parent.mkdir(parents=True, exist_ok=True)
        if not self.parts:
            self.replan(plan(self._total, self._limits))
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        os.truncate(self._file, self._total)

    def replan(self, parts: list[Part]) -> None:
        """Forget what was fetched, and fetch these parts instead."""
        for path in self._notes():
            path.unlink(missing_ok=True)
        self.parts = parts
        for part in parts:  # all of them, as only notes that make up a whole blob count
            self.save(part)

    def write(self, part: Part, piece: bytes) -> None:
        """Put the next bytes of a part in their place; at times note how far it is."""
        view = memoryview(piece)
        while view:
            view = view[os.pwrite(self._file, view, part.start + len(piece) - len(view)) :]
        part.completed += len(piece)
        unsaved = self._unsaved.get(part.number, 0) + len(piece)
        self._unsaved[part.number] = unsaved
        if unsaved >= self._limits.save_every or not part.missing:
            self.save(part)

    def save(self, part: Part) -> None:
        """Note how far a part is; the note is replaced as a whole."""
        path = self._path.with_name(f"{self._path.name}-{part.number}")
        fresh = path.with_name(f"{path.name}-new")
        fresh.write_bytes(part.note())
        fresh.replace(path)
        self._unsaved[part.number] = 0

    def close(self) -> None:
        """Note how far every part is, and stop writing; doing it twice is no harm."""
        if self._file < 0:
            return
        os.close(self._file)
        self._file = -1
        for part in self.parts:
            if part.completed and self._path.exists():
                self.save(part)

    def give_up(self) -> None:
        """Let a check that is under way end soon; the file stays as it is."""
        self._given_up.set()

    def become_blob(self, digest: str) -> None:
        """Put the file under its name if its sha256 is `digest`; else throw it away.

        Raises RegistryError then, or where it was given up meanwhile.
        """
        found = self._digest()
        if found == digest:
            self._path.replace(self._blob)
        else:
            self._path.unlink()
        self.replan([])
        if found != digest:
            raise RegistryError(
                f"digest mismatch, file must be downloaded again: want {digest}, got {found}"
            )

    def _digest(self) -> str:
        whole = hashlib.sha256()
        with self._path.open("rb") as file:
            while block := file.read(_BLOCK):
                whole.update(block)
                if self._given_up.is_set():
                    raise RegistryError("the check of the download was given up")
            os.fsync(file.fileno())
        return f"sha256:{whole.hexdigest()}"

    def _notes(self) -> Iterator[Path]:
        """Every file of notes, those half replaced among them."""
        yield from self._path.parent.glob(f"{self._path.name}-*")

    def _noted(self) -> Iterator[Part | None]:
        for path in self._notes():
            if path.name.rpartition("-")[2].isdigit():
                with path.open("rb") as file:
                    yield Part.read(file.read(_LONGEST_NOTE))
