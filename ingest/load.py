"""Media type → loader, run in a child process so that a crash or a bomb ends with a sentence."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ingest import errors, media_type
from ingest.errors import IngestError, ParsingTimedOut, UnreadableFile
from ingest.loaded import LoadedDocument, Loader

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

_ROOT = Path(__file__).resolve().parent.parent
_POLL_SECONDS = 0.05
_ERRORS = {error.code: error for error in vars(errors).values()
           if isinstance(error, type) and issubclass(error, IngestError)}  # fmt: skip


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


def load(
    path: Path,
    kind: str,
    limits: ParseLimits | None = None,
    check: Callable[[], None] = lambda: None,
) -> LoadedDocument:
    """Read a file of media type `kind` in a child process of its own.

    Starting the child costs 0.17 s (measured), most of it Python's imports. Raises the
    IngestError that the loader raised, UnreadableFile when the child crashed or ran out of
    memory, ParsingTimedOut, or whatever `check` raises to end the work.
    """
    limits = limits or ParseLimits()
    with tempfile.TemporaryDirectory(prefix="ragstone-load-") as folder:
        out = Path(folder) / "document.json"
        command = [sys.executable, "-m", "ingest.load_child", str(path), kind, str(out)]
        command += [str(limits.memory_mb), str(limits.seconds)]
        with subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as child:  # fmt: skip
            try:
                _wait(child, limits, check)
            finally:
                child.kill()
        return _result(out, child.returncode)


def _wait(child: subprocess.Popen[bytes], limits: ParseLimits, check: Callable[[], None]) -> None:
    deadline = time.monotonic() + limits.seconds
    while True:
        try:
            child.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        else:
            return
        check()
        if time.monotonic() > deadline:
            raise ParsingTimedOut(
                f"Reading the document took longer than {limits.seconds:g} s. "
                "RAGSTONE_PARSE_SECONDS allows more."
            )


def _result(out: Path, returncode: int) -> LoadedDocument:
    try:
        answer: dict[str, Any] = json.loads(out.read_text("utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise UnreadableFile(
            f"The reader of this format crashed on the document (exit {returncode}): it "
            "is damaged, or needs more memory than RAGSTONE_PARSE_MEMORY_MB allows."
        ) from error
    if "code" in answer:
        raise _ERRORS.get(answer["code"], UnreadableFile)(answer["message"])
    return LoadedDocument.from_json(answer)
