"""The parameters of a model as people read them: in `/api/show` and in a Modelfile."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from backend.models.modelfile import Command

_NAMED = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t",
          "\v": r"\v", '"': r"\"", "\\": r"\\"}  # fmt: skip


def parameters_text(params: Mapping[str, Any]) -> str:
    """A line for each value: the name in 30 columns, then the value as Go spells a literal."""
    return "\n".join(f"{name:<30} {_literal(value)}" for name, value in _each(params))


def parameter_commands(params: Mapping[str, Any]) -> Iterator[Command]:
    """A PARAMETER command for each value."""
    for name, value in _each(params):
        text = value if isinstance(value, str) else _literal(value)
        yield Command("parameter", f"{name} {text}")


def _each(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        for one in value if isinstance(value, list) else [value]:
            yield name, one


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return f'"{"".join(map(_escaped, value))}"'
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def _escaped(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 1 << 16 else char
