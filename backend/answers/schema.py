"""Checks a JSON schema before the engine sees it.

llama.cpp answers without any constraint when it cannot compile a schema (seen with b11434: an
unknown type, a dangling $ref, a broken pattern and an empty enum all gave free text with status
200), so what it would pass over in silence is refused here.
"""

import re
from collections.abc import Mapping
from typing import Any

from backend.errors import BadRequest

TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
MAX_DEPTH = 64
_VERBATIM = ("enum", "const", "default", "examples")  # their content is data, not schema
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise BadRequest where the schema cannot be followed; says which part and why."""
    _check(schema, schema, "format", 0)


def _check(node: Any, root: Mapping[str, Any], where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise BadRequest(f"invalid format: the schema is nested deeper than {MAX_DEPTH}")
    if isinstance(node, list):
        for item in node:
            _check(item, root, where, depth + 1)
        return
    if not isinstance(node, Mapping):
        return
    _check_words(node, root, where)
    for key, value in node.items():
        if key in _NAMED and isinstance(value, Mapping):
            for name, inner in value.items():
                _check(inner, root, f"{where}.{key}.{name}", depth + 1)
        elif key not in _VERBATIM:
            _check(value, root, f"{where}.{key}", depth + 1)


def _check_words(node: Mapping[str, Any], root: Mapping[str, Any], where: str) -> None:
    kinds = node.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in TYPES:
            raise BadRequest(f"invalid format: {where}.type is {kind!r}, not one of {TYPES}")
    if node.get("enum") == []:
        raise BadRequest(f"invalid format: {where}.enum is empty, so nothing could be answered")
    reference = node.get("$ref")
    if isinstance(reference, str) and not _resolves(reference, root):
        raise BadRequest(
            f"invalid format: {where}.$ref points to {reference!r}, which is not there"
        )
    pattern = node.get("pattern")
    if isinstance(pattern, str):
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise BadRequest(f"invalid format: {where}.pattern: {error}") from error


def _resolves(reference: str, root: Mapping[str, Any]) -> bool:
    if not reference.startswith("#"):
        return False
    node: Any = root
    for step in filter(None, reference[1:].split("/")):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and name.isdigit() and int(name) < len(node):
            node = node[int(name)]
        elif isinstance(node, Mapping) and name in node:
            node = node[name]
        else:
            return False
    return True
