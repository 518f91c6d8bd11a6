"""POST /v1/embeddings: texts in, vectors as numbers or as base64 of little-endian floats."""

import base64
import struct
from collections.abc import Sequence
from typing import Any

from backend.answers.requests import EmbedRequest, parse
from backend.errors import BadRequest
from backend.openai.sampling import OpenAIBody


class EmbeddingsRequest(OpenAIBody):
    """The fields that this server honours."""

    input: Any = None
    dimensions: int = 0
    encoding_format: str = "float"

    def texts(self) -> list[str]:
        """The texts in order, an empty one too; raises BadRequest."""
        given = [self.input] if isinstance(self.input, str) else self.input
        if not isinstance(given, list) or not given:
            raise BadRequest("invalid input")
        if any(isinstance(one, int | list) for one in given):
            raise BadRequest("invalid input type: send texts; token ids are not supported")
        if not all(isinstance(one, str) for one in given):
            raise BadRequest("invalid input type")
        return given

    def base64(self) -> bool:
        """Whether vectors go out as base64; raises BadRequest on another format."""
        asked = self.encoding_format.lower()
        if asked not in ("float", "base64", ""):
            raise BadRequest(
                f"Invalid value for 'encoding_format' = {self.encoding_format}. "
                "Supported values: ['float', 'base64']."
            )
        return asked == "base64"


def embed_request(asked: EmbeddingsRequest) -> EmbedRequest:
    """The same request to /api/embed; raises BadRequest."""
    body = {"model": asked.model, "input": asked.texts(), "dimensions": asked.dimensions}
    return parse(EmbedRequest, body)


def embedding_list(
    model: str, vectors: Sequence[Sequence[float]], tokens: int, *, as_base64: bool
) -> dict[str, Any]:
    """The answer; `tokens` counts those of all texts."""
    data = [
        {
            "object": "embedding",
            "embedding": packed(vector) if as_base64 else list(vector),
            "index": index,
        }
        for index, vector in enumerate(vectors)
    ]
    counts = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": counts}


def packed(vector: Sequence[float]) -> str:
    """A vector as base64 of 32-bit floats, little-endian: what OpenAI's client asks for unasked."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
