"""The child process that reads one document: `python -m ingest.load_child PATH TYPE OUT MB S`.

It limits its own memory and CPU time, ends when its parent does, and writes the document, or
the code and sentence of what was wrong, as JSON.
"""

import json
import math
import os
import sys
import threading
from pathlib import Path
from typing import Any

from ingest.errors import IngestError, UnreadableFile
from ingest.load import loader


def main(arguments: list[str]) -> None:
    """Read the document that the command line names."""
    path, kind, out, memory_mb, seconds = arguments
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit(int(memory_mb), float(seconds))
    answer = json.dumps(_read(Path(path), kind), ensure_ascii=False)
    Path(out).write_text(answer, "utf-8")


def _read(path: Path, kind: str) -> dict[str, Any]:
    try:
        return loader(kind)(path).to_json()
    except IngestError as error:
        return _fault(error)
    except MemoryError:
        return _fault(
            UnreadableFile("Reading the document needs more than RAGSTONE_PARSE_MEMORY_MB allows.")
        )
    except Exception as error:  # noqa: BLE001 - a parser's bug on a strange file is that file's end
        return _fault(
            UnreadableFile(f"The document cannot be read ({type(error).__name__}): {error}"[:500])
        )


def _fault(error: IngestError) -> dict[str, Any]:
    return {"code": error.code, "message": str(error)}


def _end_with_parent() -> None:
    """End when the parent's end of our stdin closes, which a kill -9 of it does too.

    Read below Python's buffers: their lock, held by this thread, would abort a normal exit.
    """
    while os.read(0, 1):
        pass
    os._exit(1)


def _limit(memory_mb: int, seconds: float) -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's wall clock alone limits
        return
    memory = memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    cpu = math.ceil(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1:])
