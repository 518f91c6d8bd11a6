"""The routes of the test registry, with the faults that a test asks for."""

import json
import re
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.backend.registry.faults import Faults, Seen

if TYPE_CHECKING:
    from tests.backend.registry.server import Registry

BLOCK = 4096


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: "Registry"

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
                if (ends is not None and at >= ends) or (stalls and at >= self.faults.stall_after):
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
