"""Who may speak to the server, and what of a request may reach a runner."""

import base64
import io
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PIL import Image

from backend.engine.fake_runner import Script
from backend.models import manifests
from backend.models.manifests import Layer
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from tests.backend.answers.test_pictures import picture
from tests.backend.conftest import backend_settings
from tests.backend.gguf_files import TINY, write_gguf
from tests.backend.security.conftest import Server, running

ROUTES = [
    ("GET", "/"), ("GET", "/api/tags"), ("GET", "/api/ps"), ("GET", "/api/version"),
    ("POST", "/api/generate"), ("POST", "/api/chat"), ("POST", "/api/embed"),
    ("POST", "/api/show"), ("POST", "/api/pull"), ("POST", "/api/push"), ("POST", "/api/create"),
    ("POST", "/api/copy"), ("DELETE", "/api/delete"), ("POST", "/api/blobs/sha256:" + "a" * 64),
    ("HEAD", "/api/blobs/sha256:" + "a" * 64), ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"), ("POST", "/v1/messages"), ("OPTIONS", "/api/chat"), ("GET", "/nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_cve_2024_28224_another_host_than_this_machine_is_refused_everywhere(
    server: Server, method: str, path: str
) -> None:
    for host in ("evil.example", "evil.example:11434", "localhost.evil.example", "127.0.0.1.evil",
                 "8.8.8.8", "[2001:db8::1]", "localhost@evil.example"):  # fmt: skip
        response = await server.client.request(method, path, headers={"host": host}, content=b"{}")
        assert (response.status_code, response.content) == (403, b""), host
    for host in ("localhost", "127.0.0.1:11434", "[::1]:11434"):
        response = await server.client.request(method, path, headers={"host": host})
        assert response.status_code != 403, host


async def test_cve_2024_28224_two_hosts_are_one_too_many(server: Server) -> None:
    for hosts in (("localhost", "evil.example"), ("evil.example", "localhost")):
        lines = "".join(f"Host: {host}\r\n" for host in hosts)
        answer = await server.raw(f"GET /api/tags HTTP/1.1\r\n{lines}\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 403")


async def test_cve_2024_28224_pages_of_other_sites_are_refused_before_anything_happens(
    server: Server,
) -> None:
    headers = {"origin": "https://evil.example", "content-type": "text/plain"}
    body = b'{"model":"tiny"}'
    response = await server.client.request("DELETE", "/api/delete", headers=headers, content=body)
    assert (response.status_code, response.content) == (403, b"")
    assert (await server.post("/api/show", model="tiny")).status_code == 200


@pytest.fixture
async def guarded(store: ModelStore, script: Script) -> AsyncIterator[Server]:
    async with running(backend_settings(store, token="a long secret"), script) as server:
        yield server


@pytest.mark.parametrize(("method", "path"), [one for one in ROUTES if one[0] != "OPTIONS"])
async def test_cve_2025_63389_nobody_without_the_token_gets_an_answer(
    guarded: Server, method: str, path: str
) -> None:
    for given in (None, "", "Bearer", "Bearer a long secre", "Bearer a long secret!",
                  "Basic YTpi", "bearer a long secret", "Bearer A LONG SECRET"):  # fmt: skip
        headers = {} if given is None else {"authorization": given}
        response = await guarded.client.request(method, path, headers=headers, content=b"{}")
        assert response.status_code == 401, given
        assert response.headers["www-authenticate"] == "Bearer"
    headers = {"authorization": "Bearer a long secret"}
    assert (await guarded.client.request(method, path, headers=headers)).status_code != 401


def test_cve_2025_63389_only_this_machine_is_listened_to_by_default() -> None:
    assert BackendSettings().address.host == "127.0.0.1"
    assert "a long secret" not in repr(BackendSettings(token="a long secret"))


def chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def png(width: int, height: int, *between: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" * 64))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(between) + body + chunk(b"IEND", b"")


def packed_text() -> bytes:
    """A PNG whose comment unpacks to 256 MB."""
    packed = zlib.compress(bytes(256 << 20), 9)
    return png(4, 4, chunk(b"iTXt", b"c\0\1\0\0\0" + packed))


def scans() -> bytes:
    """A JPEG of 4 megapixels that is drawn 20,000 times: it decodes, in 100 s."""
    out = io.BytesIO()
    Image.new("RGB", (2000, 2000), (9, 9, 9)).save(out, "JPEG", progressive=True)
    whole = out.getvalue()
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * 20_000 + b"\xff\xd9"


PICTURES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "random bytes": lambda: bytes(range(256)) * 4,
    "50,000 x 50,000": lambda: png(50_000, 50_000),
    "2 billion x 1": lambda: png(2_000_000_000, 1),
    "no pixels": lambda: png(0, 0),
    "cut short": lambda: picture(size=(500, 500))[:-100],
    "a header alone": lambda: picture()[:40],
    "a packed comment": packed_text,
    "a JPEG cut short": lambda: picture("JPEG", size=(200, 200))[:300],
    "a JPEG of 20,000 scans": scans,
    "a WebP cut short": lambda: picture("WEBP", size=(200, 200))[:-20],
    "a WebP that lies": lambda: picture("WEBP")[:4] + b"\xff" * 4 + picture("WEBP")[8:],
    "a BMP of 2^31 rows": lambda: picture("BMP")[:22] + b"\0\0\0\x80" + picture("BMP")[26:],
    "an SVG": lambda: b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>",
    "a TIFF": lambda: picture("TIFF"),
    "PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
}


@pytest.fixture
def seeing(store: ModelStore, tmp_path: Path) -> ModelStore:
    made = store.add("seeing", write_gguf(tmp_path / "s.gguf", {**TINY, "general.name": "seeing"}))
    eyes = write_gguf(tmp_path / "eyes.gguf", {**TINY, "general.architecture": "clip"})
    layer = Layer.of("projector", store.blobs.add_file(eyes), eyes.stat().st_size)
    layers = [*made.layers, layer]
    store.manifests.write(made.name, manifests.build(store.add_config(made.config, layers), layers))
    return store


@pytest.mark.parametrize("kind", PICTURES)
async def test_cve_2025_15514_a_crafted_picture_reaches_no_runner(
    seeing: ModelStore, server: Server, kind: str
) -> None:
    image = base64.b64encode(PICTURES[kind]()).decode()
    messages = [{"role": "user", "content": "what?", "images": [image]}]
    parts = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}]
    asked = {"model": "seeing", "messages": [{"role": "user", "content": parts}]}
    for path, body in (
        ("/api/chat", {"model": "seeing", "messages": messages}),
        ("/api/generate", {"model": "seeing", "prompt": "what?", "images": [image]}),
        ("/v1/chat/completions", asked),
    ):
        response = await server.post(path, **body)
        assert response.status_code == 400, response.text[:200]
        assert "image" in response.text
    assert server.script.requests == []
    assert server.script.loads == 0


async def test_an_animation_is_its_first_picture(seeing: ModelStore, server: Server) -> None:
    out = io.BytesIO()
    frames = [Image.new("RGB", (4, 4), (shade, 0, 0)) for shade in range(0, 250, 5)]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    image = base64.b64encode(out.getvalue()).decode()
    body = {"model": "seeing", "prompt": "x", "images": [image]}
    assert (await server.post("/api/generate", **body)).status_code == 200
    (request,) = server.script.requests
    (shown,) = request.images
    with Image.open(io.BytesIO(shown)) as made:
        assert (made.format, getattr(made, "n_frames", 1)) == ("PNG", 1)
