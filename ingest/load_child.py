"""The child process that reads documents: `python -m ingest.load_child MEMORY_MB SECONDS`.

A request is a JSON line on standard input, {path, kind}; the document, or the code and sentence
of what was wrong, is a JSON line on standard output. The child limits its own memory and CPU
time and ends when its parent does.
"""

import json
import math
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ingest.errors import IngestError, UnreadableFile
from ingest.load import loader


def main(arguments: list[str]) -> None:
    """Read one document after the other until standard input ends."""
    memory_mb, seconds = int(arguments[0]), float(arguments[1])
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    _limit_memory(memory_mb)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a parser prints must not look like our answer
    while True:
        request = json.loads(requests.get())
        _limit_cpu(seconds)
        answer = json.dumps(_read(Path(request["path"]), request["kind"]), ensure_ascii=False)
        answers.write(answer.encode("utf-8", errors="replace") + b"\n")
        answers.flush()


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


def _listen(requests: "queue.SimpleQueue[bytes]") -> None:
    """Pass requests on; end when the parent's end closes, which a kill -9 of it does too.

    Read below Python's buffers: their lock, held by this thread, would abort a normal exit.
    """
    rest = b""
    while data := os.read(0, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            requests.put(line)
    os._exit(1)


def _limit_memory(memory_mb: int) -> None:
    if sys.platform == "win32":  # the parent's wall clock alone limits
        return
    import resource

    memory = memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_cpu(seconds: float) -> None:
    """Allow one more document's worth of CPU time on top of what was used so far."""
    if sys.platform == "win32":
        return
    import resource

    limit = math.ceil(time.process_time() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(sys.argv[1:])
