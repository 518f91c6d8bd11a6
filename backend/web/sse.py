"""Server-sent events: how the OpenAI and Anthropic routes frame their streams."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from starlette.requests import Request

from backend.errors import BackendError
from backend.web.http_errors import error_body, status_of
from backend.web.streaming import Framing
from backend.web.wire import dump

EVENT_STREAM = "text/event-stream"
DONE = b"data: [DONE]\n\n"  # OpenAI's end mark

Answer: TypeAlias = Mapping[str, Any]


def event(data: Any, name: str = "") -> bytes:
    """One event; JSON has no raw newline, so its data is always one line."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + dump(data) + b"\n\n"


def openai_stream(
    request: Request, chunks: Callable[[Answer], Iterable[dict[str, Any]]]
) -> Framing:
    """Unnamed events and `[DONE]` after the answer's last object; not after an error."""

    def frame(answer: dict[str, Any]) -> bytes:
        parts = b"".join(map(event, chunks(answer)))
        return parts + DONE if answer["done"] else parts

    def error(broken: BackendError) -> bytes:
        return event(error_body(request.url.path, str(broken), status_of(broken)))

    return Framing(EVENT_STREAM, frame, error)


def named_stream(
    events: Callable[[Answer], Iterable[dict[str, Any]]],
    failed: Callable[[str, int], Iterable[dict[str, Any]]],
) -> Framing:
    """Events that carry their name as `type`; `failed` makes those of an error and its status."""

    def frames(found: Iterable[dict[str, Any]]) -> bytes:
        return b"".join(event(one, one["type"]) for one in found)

    def error(broken: BackendError) -> bytes:
        return frames(failed(str(broken), status_of(broken)))

    return Framing(EVENT_STREAM, lambda answer: frames(events(answer)), error)
