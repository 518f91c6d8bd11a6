"""Server-sent events: how the OpenAI and Anthropic routes frame their streams."""

from typing import Any

from backend.web.wire import dump

EVENT_STREAM = "text/event-stream"
DONE = b"data: [DONE]\n\n"  # OpenAI's own end mark of a stream


def event(data: Any, name: str = "") -> bytes:
    """One event; JSON has no raw newline, so its data is always one line."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + dump(data) + b"\n\n"
