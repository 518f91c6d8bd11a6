"""Ollama's JSON on the wire: bodies in, objects, times and error bodies out."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from backend.errors import BadRequest

JSON = "application/json; charset=utf-8"
MAX_BODY = 256 << 20
MAX_DEPTH = 256  # what goes through a value by recursion must come to its end
MAX_VALUES = 4 << 20  # 256 MB of empty objects would be 20 GB of Python's
_FARTHEST = timedelta(days=365.25 * 292)  # as far as 64-bit nanoseconds reach
_HALF = re.compile("[\ud800-\udfff]")
_KINDS = {list: "array", str: "string", bool: "bool"}  # as Go names them; all else is a number


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_not_json)


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object of a request, whatever its content type says (curl sends form data).

    Keys are lower-cased, as Ollama's decoder ignores their case, and nulls are dropped, as it
    leaves their fields as they were. Raises BadRequest.
    """
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > MAX_BODY:
            raise BadRequest(f"the request body is larger than {MAX_BODY >> 20} MB")
    if not raw.strip():
        raise BadRequest("missing request body")
    if sum(map(raw.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise BadRequest(f"the request body holds more than {MAX_VALUES} values")
    try:
        value, _ = _DECODER.raw_decode(raw.decode("utf-8", "replace").lstrip())
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"invalid JSON: {error}") from error
    if value is None:  # Go leaves the request as it is then, with nothing in it
        return {}
    if not isinstance(value, dict):
        kind = _KINDS.get(type(value), "number")
        raise BadRequest(f"json: cannot unmarshal {kind} into Go value of the request type")
    if _deeper(value, MAX_DEPTH):
        raise BadRequest(f"invalid JSON: nested deeper than {MAX_DEPTH}")
    if b"\\ud" in raw or b"\\uD" in raw:
        value = _sound(value)
    return as_decoded(value)


def _deeper(value: dict[str, Any], most: int) -> bool:
    level: list[Any] = [value]
    for _ in range(most):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _sound(value: Any) -> Any:
    """The value with half a surrogate pair replaced, as Go's decoder does; no UTF-8 holds one."""
    if isinstance(value, str):
        return _HALF.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_sound(item) for item in value]
    if isinstance(value, dict):
        return {_sound(key): _sound(item) for key, item in value.items()}
    return value


def as_decoded(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object as Go's decoder fills a struct from it: key case ignored, nulls passed over."""
    return {key.lower(): item for key, item in value.items() if item is not None}


def dump(value: Any) -> bytes:
    """Compact JSON; a lone surrogate becomes a replacement character instead of an error."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


def json_response(value: Any, status: int = 200) -> Response:
    """A JSON answer with the content type that Ollama sends."""
    return Response(dump(value), status, media_type=JSON)


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` without what Go's omitempty leaves out: zero, false, empty, None."""
    return {key: value for key, value in values.items() if value}


def utc_now() -> str:
    """Now, as `created_at` wants it: RFC 3339 in UTC with a Z."""
    return rfc3339(datetime.now(UTC))


def rfc3339(when: datetime) -> str:
    """RFC 3339 with the fraction's trailing zeros left out, `Z` for UTC."""
    # isoformat, as it stands in every streamed object: strftime took 0.02 ms, this a tenth of it
    text = when.replace(tzinfo=None).isoformat()
    if when.microsecond:
        text = text.rstrip("0")
    if when.tzinfo is UTC or not when.utcoffset():  # a local time without offset too, as in Go
        return text + "Z"
    offset = when.strftime("%z")
    return f"{text}{offset[:3]}:{offset[3:5]}"


def expiry(seconds: float) -> str:
    """The local time in `seconds`; for ever is 292 years ahead."""
    ahead = min(timedelta(seconds=min(seconds, 1e10)), _FARTHEST)
    return rfc3339(datetime.now(UTC).astimezone() + ahead)
