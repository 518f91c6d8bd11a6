"""The error body of Anthropic's API."""

import secrets
from typing import Any

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}


def error_body(sentence: str, status: int) -> dict[str, Any]:
    """What an Anthropic client reads from an error answer or from an `error` event."""
    return {
        "type": "error",
        "error": {"type": _KINDS.get(status, "api_error"), "message": sentence},
        "request_id": f"req_{secrets.token_hex(12)}",
    }
