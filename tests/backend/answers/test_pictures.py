"""Pictures before any native code sees them: decoding, bounds, and their places in the prompt."""

import base64
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from backend.answers.images import as_png, decoded, marked, placed
from backend.engine.fake_runner import Script
from backend.engine.runner import MEDIA
from backend.errors import BadRequest
from backend.models import manifests
from backend.models.manifests import Layer
from backend.models.store import ModelStore
from tests.backend.conftest import backend_settings, client_for
from tests.backend.gguf_files import TINY, write_gguf

COLOUR = (200, 30, 60)


def picture(kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (6, 4)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, COLOUR).convert(mode).save(out, kind)
    return out.getvalue()


def text_of(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("JPEG", "RGB"),
     ("JPEG", "CMYK"), ("WEBP", "RGB"), ("GIF", "P"), ("BMP", "RGB")],
)  # fmt: skip
def test_every_kind_becomes_a_plain_png(kind: str, mode: str) -> None:
    with Image.open(io.BytesIO(as_png(picture(kind, mode)))) as made:
        assert (made.format, made.mode, made.size) == ("PNG", "RGB", (6, 4))


def test_a_picture_lying_on_its_side_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    out = io.BytesIO()
    Image.new("RGB", (6, 4), COLOUR).save(out, "JPEG", exif=exif)
    with Image.open(io.BytesIO(as_png(out.getvalue()))) as made:
        assert made.size == (4, 6)


def header_of(width: int, height: int) -> bytes:
    """A PNG that announces these measures and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" * 64))
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(8_001, 8_000), (40_000, 40_000), (2_000_000_000, 2)])
def test_a_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(BadRequest, match="more than 64 megapixels"):
        as_png(header_of(*size))


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 60))
def test_damaged_bytes_are_an_error_and_nothing_else(noise: bytes, at: int) -> None:
    whole = picture()
    for raw in (noise, whole[:at], whole[:at] + noise + whole[at + len(noise) :]):
        try:
            as_png(raw)
        except BadRequest as error:
            assert "image" in str(error)  # noqa: PT017 - either outcome is right, others are not


@pytest.mark.parametrize(
    "text", ["data:image/png;base64,AAAA", "not base64!", "AAA", "A===", "/some/x.png", "é"]
)
def test_only_base64_is_decoded(text: str) -> None:
    with pytest.raises(BadRequest, match="illegal base64 data"):
        decoded([text])


def test_line_breaks_in_base64_are_passed_over() -> None:
    text = text_of(picture())
    assert decoded([f"{text[:8]}\r\n{text[8:]}"]) == [picture()]


@pytest.mark.parametrize(
    ("text", "numbers", "expected"),
    [("what?", [0], "[img-0]what?"), ("what?", [3, 4], "[img-3][img-4]what?"),
     ("see [img] and [img].", [0, 1], "see [img-0] and [img-1]."),
     ("see [img].", [0, 1], "[img-1]see [img-0]."), ("[img]", [], "[img]")],
)  # fmt: skip
def test_a_mark_stands_where_the_text_wants_it_or_in_front(
    text: str, numbers: list[int], expected: str
) -> None:
    assert marked(text, numbers) == expected


@settings(deadline=None)
@given(st.text(), st.lists(st.binary(max_size=3), max_size=4))
def test_there_are_as_many_places_as_pictures(text: str, images: list[bytes]) -> None:
    marks = "".join(f"[img-{i}]" for i in range(len(images)))
    prompt, shown = placed(f"{MEDIA}{marks}{text}{MEDIA}[img-99]", images)
    assert prompt.count(MEDIA) == len(shown) >= len(images)
    assert shown[: len(images)] == tuple(images)
    assert prompt.endswith("[img-99]")


@pytest.fixture
def seeing(store: ModelStore, tmp_path: Path) -> ModelStore:
    """Adds `seeing`, with a projector layer that fake runners never open."""
    metadata = {**TINY, "general.name": "seeing", "llama.context_length": 4096}
    made = store.add("seeing", write_gguf(tmp_path / "seeing.gguf", metadata))
    eyes = write_gguf(tmp_path / "eyes.gguf", {**TINY, "general.architecture": "clip"})
    layer = Layer.of("projector", store.blobs.add_file(eyes), eyes.stat().st_size)
    layers = [*made.layers, layer]
    config = store.add_config(made.config, layers)
    store.manifests.write(made.name, manifests.build(config, layers))
    return store


async def test_the_engine_gets_pngs_in_the_order_of_their_places(
    seeing: ModelStore, script: Script
) -> None:
    first, second = picture("WEBP"), picture(size=(3, 3))
    messages = [
        {"role": "user", "content": "this [img] is", "images": [text_of(first)]},
        {"role": "assistant", "content": "red"},
        {"role": "user", "content": "and this?", "images": [text_of(second)]},
    ]
    body: dict[str, Any] = {"model": "seeing", "messages": messages, "stream": False}
    async with client_for(backend_settings(seeing), script) as client:
        assert (await client.post("/api/chat", json=body)).status_code == 200
        raw = {"model": "seeing", "raw": True, "prompt": "see [img] well", "stream": False}
        raw["images"] = [text_of(second)]
        assert (await client.post("/api/generate", json=raw)).status_code == 200
        (info,) = [await client.post("/api/chat", json=body | {"_debug_render_only": True})]
        assert info.json()["_debug_info"]["image_count"] == 2
        (shown,) = (await client.get("/api/ps")).json()["models"]
    chat, generate = script.requests
    assert (chat.prompt, generate.prompt) == ((), ())
    assert f"this {MEDIA} is" in chat.text
    assert f"{MEDIA}and this?" in chat.text
    assert generate.text == f"see {MEDIA} well"
    assert [Image.open(io.BytesIO(one)).size for one in chat.images] == [(6, 4), (3, 3)]
    assert all(one.startswith(b"\x89PNG") for one in (*chat.images, *generate.images))
    assert shown["context_length"] == 4096


async def test_a_model_with_eyes_has_room_for_what_it_sees(
    seeing: ModelStore, script: Script
) -> None:
    seen: list[int] = []
    async with client_for(backend_settings(seeing), script) as client:
        for asked in (64, 3000):
            body = {"model": "seeing", "options": {"num_ctx": asked}}
            await client.post("/api/generate", json=body)
            (shown,) = (await client.get("/api/ps")).json()["models"]
            seen.append(shown["context_length"])
    assert seen == [2048, 3000]


async def test_each_picture_counts_when_messages_are_dropped(
    seeing: ModelStore, script: Script
) -> None:
    image = text_of(picture())
    messages = [{"role": "user", "content": f"m{i}", "images": [image]} for i in range(4)]
    body = {"model": "seeing", "messages": messages, "options": {"num_ctx": 2048}, "stream": False}
    async with client_for(backend_settings(seeing), script) as client:
        assert (await client.post("/api/chat", json=body)).status_code == 200
    (request,) = script.requests
    assert len(request.images) == 2  # 2 × 768 of 2,048
    assert "m2" in request.text
    assert "m1" not in request.text


@pytest.mark.parametrize("route", ["chat", "generate"])
@pytest.mark.parametrize(
    ("model", "image", "status", "error"),
    [("seeing", "no base64", 400, "illegal base64 data"),
     ("absent", "no base64", 400, "illegal base64 data"),  # a body is read before a name
     ("seeing", "AAAA", 400, "the image cannot be decoded"),
     ("plain", "AAAA", 400, '"plain" does not support image input'),
     ("seeing", 7, 400, "images")],
)  # fmt: skip
async def test_a_bad_picture_never_reaches_a_runner(
    seeing: ModelStore, script: Script, route: str, model: str, image: Any, status: int, error: str
) -> None:
    given = {"images": [image]}
    bodies: dict[str, Any] = {
        "chat": {"messages": [{"role": "user", "content": "x", **given}]},
        "generate": {"prompt": "x", **given},
    }
    async with client_for(backend_settings(seeing), script) as client:
        response = await client.post(f"/api/{route}", json={"model": model, **bodies[route]})
    assert response.status_code == status
    assert error in response.json()["error"]
    assert script.loads == 0


async def test_a_conversation_may_go_on_without_pictures(
    seeing: ModelStore, script: Script
) -> None:
    body = {"model": "seeing", "messages": [{"role": "user", "content": f"{MEDIA} [img-0]"}]}
    async with client_for(backend_settings(seeing), script) as client:
        response: httpx.Response = await client.post("/api/chat", json=body)
    assert response.status_code == 200
    (request,) = script.requests
    assert (request.images, request.text) == ((), "")
    assert request.prompt
