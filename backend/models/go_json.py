"""JSON as Go's encoder writes it, for files whose digest Ollama and Ragstone should agree on."""

import json
from typing import Any

_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def go_json(value: Any) -> bytes:
    """Compact JSON, keys in the order given; `<`, `>`, `&` and line separators escaped.

    Those characters stand in strings only, so escaping the finished text is safe.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPES).encode("utf-8", "replace")


def go_line(value: Any) -> bytes:
    """The same with the line break at its end that Go's stream encoder writes."""
    return go_json(value) + b"\n"
