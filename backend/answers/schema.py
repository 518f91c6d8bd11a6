"""Checks a JSON schema before the engine sees it.

What the engine cannot compile it says in its log only (engine/constraint.py hears it, when the
reply has begun), so the usual mistakes are refused here, before a model is loaded. And what would
keep the engine busy or take its memory is bounded: a `maxItems` of 10 million ended the child, and
256 KB of properties took it 10 s (b11549).
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from backend.errors import BadRequest

TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
MAX_DEPTH = 64
MAX_BYTES = 128 << 10
MAX_ITEMS = 20_000  # all minItems and maxItems together: each one is a state of the grammar
MAX_PATTERNS = 4_000  # characters of all patterns together
_FLAGS = re.compile(r"(?<!\\)\(\?[aiLmsux-]+[:)]")
_VERBATIM = ("enum", "const", "default", "examples")  # their content is data, not schema
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise BadRequest where the schema cannot be followed; says which part and why."""
    size = len(json.dumps(schema))
    if size > MAX_BYTES:
        raise BadRequest(f"invalid format: the schema has {size} bytes, more than {MAX_BYTES}")
    _check_counts(schema)
    _check(schema, schema, "format", 0)


def _check_counts(schema: Mapping[str, Any]) -> None:
    items, patterns = 0.0, 0
    for node in _objects(schema):
        bounds = [node.get(word) for word in ("minItems", "maxItems")]
        items += sum(min(max(one, 0), 1e9) for one in bounds if isinstance(one, int | float))
        pattern = node.get("pattern")
        patterns += len(pattern) if isinstance(pattern, str) else 0
    if items > MAX_ITEMS:
        raise BadRequest(f"invalid format: minItems and maxItems add up to more than {MAX_ITEMS}")
    if patterns > MAX_PATTERNS:
        raise BadRequest(f"invalid format: the patterns have more than {MAX_PATTERNS} characters")


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    if isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _objects(inner)


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
    if isinstance(reference, str) and pointed_at(root, reference) is None:
        raise BadRequest(
            f"invalid format: {where}.$ref points to {reference!r}, which is not there"
        )
    pattern = node.get("pattern")
    if isinstance(pattern, str):
        if _FLAGS.search(pattern):  # with them, to compile one takes Python seconds
            raise BadRequest(f"invalid format: {where}.pattern sets flags; a schema's has none")
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise BadRequest(f"invalid format: {where}.pattern: {error}") from error


def pointed_at(root: Mapping[str, Any], reference: str) -> Any:
    """What a `$ref` into the same schema points at; None where nothing is there."""
    node: Any = root if reference.startswith("#") else None
    for step in filter(None, reference[1:].split("/")):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list):
            node = node[int(name)] if name.isdigit() and int(name) < len(node) else None
        else:
            node = node.get(name) if isinstance(node, Mapping) else None
    return node
