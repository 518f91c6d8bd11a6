"""The error body of OpenAI's API."""

from typing import Any

_KINDS = {400: "invalid_request_error", 404: "not_found_error"}


def error_body(sentence: str, status: int) -> dict[str, Any]:
    """What an OpenAI client reads from an error answer or from a stream that breaks off."""
    kind = _KINDS.get(status, "api_error")
    return {"error": {"message": sentence, "type": kind, "param": None, "code": None}}
