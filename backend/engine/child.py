"""The edge of an engine's process, whichever engine it is.

The first line of stdin is JSON (see llama_runner.child_order); one line of JSON on stdout says
where the engine listens, or why it does not. The end of stdin ends the process. All that the engine
says goes to stderr.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from backend.engine.lifeline import die_with_parent, watch_pipe
from backend.engine.limits import confine


class Listening(Protocol):
    """A server with a model in it; it serves from threads of its own."""

    @property
    def listening_address(self) -> str:
        """Its URL."""
        ...


def run_child(serve: Callable[[dict[str, Any]], Listening]) -> None:
    """Serve what the parent orders until the parent goes."""
    order = json.loads(sys.stdin.buffer.readline())
    die_with_parent(order["parent"])
    watch_pipe(sys.stdin.fileno(), lambda: os._exit(0))
    confine()
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        server = serve(order)
    except Exception as error:  # noqa: BLE001 - the edge of the process: told to the parent
        _tell(answer, {"error": str(error)})
        os._exit(1)
    _tell(answer, {"url": server.listening_address})
    threading.Event().wait()


def _tell(answer: Any, message: dict[str, Any]) -> None:
    answer.write(json.dumps(message) + "\n")
    answer.close()
