"""Any bytes are a picture of bounded size, or a BadRequest."""

import io
from contextlib import suppress

from PIL import Image

from backend.answers.images import MAX_PIXELS, as_png, decoded
from backend.errors import BadRequest
from tests.backend.answers.test_pictures import picture
from tests.fuzz.mutations import near

CASES = near([picture(kind, size=(40, 30)) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP")])


def check(raw: bytes) -> None:
    """Decode it, and look at what came out."""
    try:
        made = as_png(raw)
    except BadRequest:
        return
    with Image.open(io.BytesIO(made)) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        assert image.width * image.height <= MAX_PIXELS
    with suppress(BadRequest):
        decoded([raw.decode("latin-1")])
