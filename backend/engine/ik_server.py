"""The loopback server of an ik_llama.cpp child: those routes of llama.cpp's that a runner asks.

One thread belongs to the engine and takes the requests in their order; each connection has a thread
of its own, which writes what the engine tells and notices when its client goes. So neither a slow
reader nor one that left holds the engine.
"""

import hmac
import json
import queue
import select
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from backend.engine.ik_completion import Cancelled, Completer, Event, Model, Unfit

NOT_HERE = "this engine cannot do that"
LOOK_SECONDS = 0.1  # how often a waiting connection looks whether its client is still there


class Prompts(Protocol):
    """Writes prompts from conversations; `jinja_template.ChatTemplate` does."""

    def render(self, conversation: Mapping[str, Any]) -> str:
        """The prompt; raises ValueError when the template cannot."""
        ...


@dataclass(eq=False, slots=True)
class _Job:
    """A completion on its way: `told` are its events, an exception, or None for the end."""

    body: dict[str, Any]
    told: queue.SimpleQueue[Event | Exception | None] = field(default_factory=queue.SimpleQueue)
    cancelled: threading.Event = field(default_factory=threading.Event)


class IkServer(ThreadingHTTPServer):
    """Serves one model on a port of its own until the process ends."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, model: Model, prompts: Prompts, api_key: str) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.model, self.prompts = model, prompts
        self.expected = f"Bearer {api_key}".encode()
        self.jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._completer = Completer(model)
        threading.Thread(target=self._work, name="engine", daemon=True).start()

    @property
    def listening_address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def _work(self) -> None:
        while True:
            job = self.jobs.get()
            try:
                if not job.cancelled.is_set():
                    for event in self._completer.complete(job.body, job.cancelled.is_set):
                        job.told.put(event)
            except Cancelled:
                pass
            except Exception as error:  # noqa: BLE001 - one request's end, not the engine's; it is told
                job.told.put(error)
            job.told.put(None)


class _Connection(BaseHTTPRequestHandler):
    server: IkServer

    def do_GET(self) -> None:
        if not self._may_ask():
            return
        if self.path == "/health":
            self._answer(200, {"status": "ok"})
        else:
            self._refuse(501, NOT_HERE)

    def do_POST(self) -> None:
        if not self._may_ask():
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)))
        model = self.server.model
        match self.path:
            case "/completion":
                self._complete(body)
            case "/tokenize":
                tokens = model.tokenize(body["content"], special=body["add_special"])
                self._answer(200, {"tokens": tokens})
            case "/detokenize":
                text = b"".join(model.piece(token, special=True) for token in body["tokens"])
                self._answer(200, {"content": text.decode("utf-8", "replace")})
            case "/apply-template":
                self._render(body)
            case _:
                self._refuse(501, NOT_HERE)

    def _may_ask(self) -> bool:
        given = (self.headers["Authorization"] or "").encode()
        if hmac.compare_digest(given, self.server.expected):
            return True
        self._refuse(401, "Invalid API Key")
        return False

    def _render(self, conversation: Mapping[str, Any]) -> None:
        try:
            self._answer(200, {"prompt": self.server.prompts.render(conversation)})
        except ValueError as error:
            self._refuse(400, str(error))

    def _complete(self, body: dict[str, Any]) -> None:
        job = _Job(body)
        self.server.jobs.put(job)
        try:
            self._write_events(job)
        except OSError:  # the client is gone, in the middle of a line
            pass
        finally:
            job.cancelled.set()

    def _write_events(self, job: _Job) -> None:
        begun = False
        while (event := self._next(job)) is not None:
            if isinstance(event, Exception):
                self._tell(event, begun=begun)
                return
            if not begun:
                begun = True
                self._begin(200, "text/event-stream")
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")

    def _next(self, job: _Job) -> Event | Exception | None:
        while True:
            try:
                return job.told.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                if _gone(self.connection):
                    return None

    def _tell(self, error: Exception, *, begun: bool) -> None:
        known = isinstance(error, Unfit)
        sentence = str(error) if known else f"the engine failed: {error!r}"
        if begun:
            self.wfile.write(b"data: " + json.dumps(_error(sentence)).encode() + b"\n\n")
        else:
            self._refuse(400 if known else 500, sentence)

    def _answer(self, status: int, value: Mapping[str, Any]) -> None:
        self._begin(status, "application/json")
        self.wfile.write(json.dumps(value).encode())

    def _refuse(self, status: int, sentence: str) -> None:
        self._answer(status, _error(sentence))

    def _begin(self, status: int, kind: str) -> None:
        # HTTP/1.0: the end of the connection is the end of the answer; runners keep none open.
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing of single requests."""


def _error(sentence: str) -> dict[str, Any]:
    return {"error": {"message": sentence}}


def _gone(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    if not readable:
        return False
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
