"""Images in OpenAI's requests: data URIs only, as nothing is fetched from the network."""

import re
from typing import Any

from backend.errors import BadRequest

_DATA_URI = re.compile(r"data:(?:image/(?:jpeg|jpg|png|webp))?;base64,", re.IGNORECASE)


def base64_image(url: Any) -> str:
    """The base64 text of an `image_url` (a string, or an object with `url`); raises BadRequest.

    Whether it decodes, and to which image, is checked where Ollama's own `images` are.
    """
    if isinstance(url, dict):
        url = url.get("url")
    if not isinstance(url, str):
        raise BadRequest("invalid message format")
    start = _DATA_URI.match(url)
    if start is None:
        raise BadRequest(
            "invalid image input: only data URIs of png, jpeg or webp images are read, no links"
        )
    return url[start.end() :]
