"""A registry on a real socket that keeps to the protocol, or breaks it where a test says so.

Started in a thread (`serve`), or as a process of its own (`python -m tests.backend.registry.server
FOLDER`, which serves the models of a store). It notes every request and every byte of a blob sent.
Asked as a proxy (`GET http://hf.co/...`), it plays any host.
"""

import base64
import hashlib
import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came; header names are lower-case."""

    method: str
    host: str
    path: str
    target: str
    """Path and query as they stood in the request."""
    headers: dict[str, str]
    body: bytes = b""

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)


@dataclass(slots=True)
class Faults:
    """What goes wrong; the defaults are nothing."""

    pause: float = 0.0
    """Seconds before every block of a blob."""
    breaks: dict[str, list[int]] = field(default_factory=dict)
    """For a digest: after how many bytes its answers break off, one entry an answer."""
    stalls: int = 0
    """How many answers with a blob stop in the middle and keep the connection."""
    stalled: threading.Event = field(default_factory=threading.Event)
    """Set to end the stalls."""
    statuses: list[int] = field(default_factory=list)
    """Statuses that the next requests for blobs get instead of their blob."""
    contents: dict[str, bytes] = field(default_factory=dict)
    """Other bytes than a digest promises."""
    total: int | None = None
    """What Content-Range and Content-Length say of a blob's size."""
    ignores_ranges: bool = False
    shifts_ranges: bool = False
    manifest: bytes | None = None
    manifest_status: int = 200
    manifest_headers: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    """Host, path or both, to where requests for it are sent on, `{path}` filled in."""
    realm: str | None = None
    token: str | None = None
    """Wanted in Authorization; given out at /token."""
    token_answer: bytes | None = None
    mounts: bool = False
    part_statuses: list[int] = field(default_factory=list)
    """Statuses that the next parts of an upload get instead of being taken."""
    uploads_elsewhere: str = ""
    next_upload: str = ""
    """Where the parts after the first are sent, instead of where they belong."""


class Registry(ThreadingHTTPServer):
    """Blobs, manifests, faults, and what was asked and sent."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.faults = Faults()
        self.seen: list[Seen] = []
        self.sent: Counter[str] = Counter()
        self.uploads: dict[str, bytearray] = {}
        self.mounted: list[tuple[str, str]] = []
        self.changing = threading.Lock()

    def handle_error(self, *_: Any) -> None:
        """A client that goes is part of the tests."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def name(self, model: str = "library/tiny:latest") -> str:
        return f"{self.host}/{model}"

    def add_blob(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return digest

    def add_model(self, layers: dict[str, bytes], model: str = "library/tiny:latest") -> bytes:
        """Put up a model of these layers (role to content) and return its manifest."""
        config = b'{"model_format":"gguf","model_family":"llama"}'
        raw = manifest_of(
            [(f"application/vnd.ollama.image.{role}", body) for role, body in layers.items()],
            config,
        )
        for content in (*layers.values(), config):
            self.add_blob(content)
        repository, _, tag = model.rpartition(":")
        self.manifests[f"{repository}/manifests/{tag}"] = raw
        return raw

    def asked(self, method: str, part: str) -> list[Seen]:
        """The requests of that method with `part` in their path."""
        return [seen for seen in self.seen if seen.method == method and part in seen.path]


def manifest_of(layers: list[tuple[str, bytes]], config: bytes) -> bytes:
    def entry(media_type: str, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": entry("application/vnd.docker.container.image.v1+json", config),
        "layers": [entry(*layer) for layer in layers],
    }
    return json.dumps(manifest, indent=1).encode()  # not as anybody would write it again


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Registry

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._route()

    do_HEAD = do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815 - as http.server calls them

    @property
    def faults(self) -> Faults:
        return self.server.faults

    def _route(self) -> None:
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        host = url.netloc or headers.get("host", "")
        body = self.rfile.read(int(headers.get("content-length", 0)))
        self.url, self.body = url, body
        seen = Seen(self.command, host, url.path, self.path, headers, body)
        self.server.seen.append(seen)
        places = (host + url.path, url.path, host)
        target = next(filter(None, map(self.faults.redirects.get, places)), None)
        if url.path == "/token":
            self._give_token()
        elif url.path == "/_sent":
            self._answer(200, json.dumps(self.server.sent).encode())
        elif self._unauthorized(seen):
            realm = self.faults.realm or f"http://{host}/token"
            asks = f'Bearer realm="{realm}",service="{host}",scope="repository:library/tiny:pull"'
            self._answer(401, headers={"WWW-Authenticate": asks})
        elif target and self.command in ("GET", "HEAD"):
            self._answer(307, headers={"Location": target.format(path=url.path)})
        else:
            self._serve(url.path.removeprefix("/v2/"))

    def _unauthorized(self, seen: Seen) -> bool:
        wanted = self.faults.token
        own = not seen.path.startswith("/storage/")
        return bool(wanted) and own and seen.headers.get("authorization") != f"Bearer {wanted}"

    def _give_token(self) -> None:
        answer = self.faults.token_answer
        self._answer(200, answer or json.dumps({"token": self.faults.token}).encode())

    def _serve(self, path: str) -> None:
        if found := re.search(r"(?:blobs|storage)/(sha256:\w+)$", path):
            self._blob(found[1])
        elif "/blobs/uploads/" in path:
            self._upload(path)
        elif path.startswith("storage-upload/"):
            self._stored_part(path.rpartition("/")[2])
        elif "/manifests/" in path:
            self._manifest(path)
        else:
            self._answer(404)

    def _manifest(self, path: str) -> None:
        if self.command == "PUT":
            self.server.manifests[path] = self.body
            self._answer(201)
        elif self.faults.manifest is not None or self.faults.manifest_status != 200:
            raw, status = self.faults.manifest or b"", self.faults.manifest_status
            self._answer(status, raw, self.faults.manifest_headers)
        elif path in self.server.manifests:
            self._answer(200, self.server.manifests[path])
        else:
            self._answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')

    def _blob(self, digest: str) -> None:
        content = self.faults.contents.get(digest, self.server.blobs.get(digest))
        with self.server.changing:
            status = self.faults.statuses.pop(0) if self.faults.statuses else 200
        if status != 200 or content is None:
            self._answer(404 if status == 200 else status, b"not now")
            return
        total = len(content) if self.faults.total is None else self.faults.total
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked and not self.faults.ignores_ranges:
            start, stop = int(asked[1]), min(int(asked[2]) + 1, len(content))
            shown = start + 1 if self.faults.shifts_ranges else start
            headers = {"Content-Range": f"bytes {shown}-{stop - 1}/{total}"}
            self._send(206, content[start:stop], headers, digest)
        else:
            self._send(200, content, {"Content-Length": str(total)}, digest)

    def _send(self, status: int, body: bytes, headers: dict[str, str], digest: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        with self.server.changing:
            breaks = self.faults.breaks.get(digest, [])
            ends = breaks.pop(0) if breaks else None
            stalls, self.faults.stalls = self.faults.stalls > 0, max(self.faults.stalls - 1, 0)
        try:
            for at in range(0, len(body), BLOCK):
                time.sleep(self.faults.pause)
                if (ends is not None and at >= ends) or (stalls and at >= BLOCK):
                    if stalls:
                        self.faults.stalled.wait(20)
                    self.close_connection = True
                    return
                self.wfile.write(body[at : at + BLOCK])
                with self.server.changing:
                    self.server.sent[digest] += len(body[at : at + BLOCK])
        except OSError:
            self.close_connection = True

    def _upload(self, path: str) -> None:
        query = parse_qs(self.url.query)
        number = path.rpartition("/")[2]
        if self.command == "POST" and self.faults.mounts and "mount" in query:
            digest = query["mount"][0]
            self.server.mounted.append((digest, query["from"][0]))
            self._answer(201)
        elif self.command == "POST":
            number = str(len(self.server.uploads) + 1)
            self.server.uploads[number] = bytearray()
            self._answer(202, headers={"Location": f"{self.url.path}{number}?state=one%2Btwo"})
        elif self.command == "PATCH" and self.faults.part_statuses:
            asks = {"WWW-Authenticate": f'Bearer realm="http://{self.headers["Host"]}/token"'}
            self._answer(self.faults.part_statuses.pop(0), b"not now", asks)
        elif self.command == "PATCH":
            self._part(number)
        else:
            self._finish(number, query["digest"][0])

    def _part(self, number: str) -> None:
        here = f"{self.url.path}?{self.url.query}"
        headers = {"Docker-Upload-Location": self.faults.next_upload or here}
        if self.faults.uploads_elsewhere:
            place = f"{self.faults.uploads_elsewhere}/v2/storage-upload/{number}"
            self._answer(307, headers=headers | {"Location": place})
            return
        first = int(self.headers["Content-Range"].partition("-")[0])
        assert first == len(self.server.uploads[number])
        self.server.uploads[number] += self.body
        self._answer(202, headers=headers)

    def _stored_part(self, number: str) -> None:
        self.server.uploads[number] += self.body
        self._answer(200)

    def _finish(self, number: str, digest: str) -> None:
        content = bytes(self.server.uploads[number])
        if self.server.add_blob(content) == digest:
            self._answer(201)
        else:
            self._answer(400, b"digest does not match")

    def _answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            try:
                self.wfile.write(body)
            except OSError:
                self.close_connection = True


@contextmanager
def serve() -> Iterator[Registry]:
    """A running registry, gone at the end."""
    registry = Registry()
    thread = threading.Thread(target=registry.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield registry
    finally:
        registry.faults.stalled.set()
        registry.shutdown()
        thread.join()
        registry.server_close()


def verified(authorization: str, url: str) -> bool:
    """Whether a token was asked for with a good signature of the key it names."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    public, _, signed = authorization.partition(":")
    empty = base64.b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()
    key: Any = load_ssh_public_key(f"ssh-ed25519 {public}".encode())
    try:
        key.verify(base64.b64decode(signed), f"GET,{url},{empty}".encode())
    except InvalidSignature:
        return False
    return True


def main(folder: Path, pause: float) -> None:
    """Serve the models of a store until killed; the first line printed is the host."""
    registry = Registry()
    registry.faults.pause = pause
    for blob in (folder / "blobs").iterdir():
        registry.blobs[blob.name.replace("-", ":", 1)] = blob.read_bytes()
    for path in (folder / "manifests").glob("*/*/*/*"):
        _, namespace, model, tag = path.relative_to(folder / "manifests").parts
        registry.manifests[f"{namespace}/{model}/manifests/{tag}"] = path.read_bytes()
    print(registry.host, flush=True)
    registry.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
