"""Pictures of a request: decoded and checked before any native code sees them.

Native image decoders have crashed runners on crafted bytes (the CVE-2025-15514 class). So every
picture is decoded here in Python, bounded in size, and handed on as a plain PNG of our own making;
llama.cpp's decoder never reads what a client sent.
"""

import asyncio
import base64
import binascii
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backend.engine.runner import MEDIA
from backend.errors import BadRequest

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 64_000_000  # 8,000 x 8,000; a camera's largest, and 200 MB when decoded
# A JPEG is drawn anew by each scan: 95 bytes more cost 0.05 s at 64 megapixels, and their number
# has no end. Cameras and programs write 10, a file with previews in it a few times that.
MAX_SCANS = 100
_SCAN = b"\xff\xda"
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
ANYWHERE = "[img]"
_MARK = re.compile(r"\[img-(\d{1,6})\]")


def decoded(encoded: Any) -> Any:
    """The bytes behind a list of base64 texts; raises BadRequest on other texts, data URLs too.

    What is no list of texts is given back as it is: the request's own check names its type.
    """
    if not isinstance(encoded, list):
        return encoded
    return [_bytes(text) if isinstance(text, str) else text for text in encoded]


async def as_pngs(raw: Sequence[bytes]) -> tuple[bytes, ...]:
    """Each picture by `as_png`, one after the other in a thread."""
    return tuple([await asyncio.to_thread(as_png, one) for one in raw])


def as_png(raw: bytes) -> bytes:
    """A picture as an RGB PNG, turned upright; raises BadRequest on what is no sound picture.

    An animation gives its first frame.
    """
    from PIL import Image

    if raw.startswith(b"\xff\xd8") and raw.count(_SCAN) > MAX_SCANS:
        raise BadRequest(f"the image cannot be decoded: it has more than {MAX_SCANS} scans")
    Image.MAX_IMAGE_PIXELS = None  # Pillow's own bound warns first and refuses at the double of it
    try:
        with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
            sound = image.width * image.height <= MAX_PIXELS
            out = _png(image) if sound else b""
    except Exception as error:  # Pillow's decoders raise a dozen kinds on damaged files
        raise BadRequest(f"the image cannot be decoded: {error}") from error
    if not sound:
        raise BadRequest(f"the image has more than {MAX_PIXELS // 10**6} megapixels")
    return out


def _png(image: "Image") -> bytes:
    from PIL import ImageOps

    out = io.BytesIO()
    ImageOps.exif_transpose(image).convert("RGB").save(out, "PNG", compress_level=1)
    return out.getvalue()


def marked(text: str, numbers: Sequence[int]) -> str:
    """The text with a mark for each picture: where it says `[img]`, else in front."""
    front = ""
    for number in numbers:
        mark = f"[img-{number}]"
        if ANYWHERE in text:
            text = text.replace(ANYWHERE, mark, 1)
        else:
            front += mark
    return front + text


def placed(prompt: str, images: Sequence[bytes]) -> tuple[str, tuple[bytes, ...]]:
    """The prompt with llama.cpp's mark at each place, and the pictures in that order.

    A mark without a picture stays text; a picture that no mark names is left out.
    """
    prompt = prompt.replace(MEDIA, "")  # a text must not pass for a place: the counts would differ
    shown: list[bytes] = []

    def place(mark: re.Match[str]) -> str:
        number = int(mark[1])
        if number >= len(images):
            return mark[0]
        shown.append(images[number])
        return MEDIA

    return _MARK.sub(place, prompt), tuple(shown)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"illegal base64 data in images: {error}") from error
