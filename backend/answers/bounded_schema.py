"""A JSON schema as Ollama's converter reads it: what it does not name is not allowed for.

By the letter of JSON Schema an object may have any property more and a number any digits, and
llguidance, which compiles schemas here, keeps to the letter. llama.cpp's own converter, which
Ollama uses, does not, and clients count on that: asked for `name` and `age`, SmolLM2-135M went on
inventing properties until its token limit cut the JSON off, and is done after 14 tokens where the
object is closed; Gemma-270M gave a population zeros until the repeat guard ended it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from backend.answers.schema import pointed_at

Node: TypeAlias = Mapping[str, Any]

FARTHEST = 2**53 - 1  # beyond it JSON's readers no longer agree on a number
MOST = 50_000  # nodes and names that are gone through for objects of several schemas
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_SINGLE = ("items", "contains", "additionalProperties", "unevaluatedProperties", "not",
           "if", "then", "else")  # fmt: skip
_JOINING = ("properties", "allOf", "$ref", "anyOf", "oneOf")  # two of them: both must hold
_DECIDED = ("additionalProperties", "unevaluatedProperties", "patternProperties")
_LOWER, _UPPER = ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")


def bounded(schema: Node) -> dict[str, Any]:
    """The schema with its objects closed and its numbers bounded, where it leaves that open.

    Where several schemas describe one object together, it is closed around the properties of all
    of them. The empty schema, which allows everything, asks for an object.
    """
    made: dict[str, Any] = _Bounding(schema).copy(schema)
    return made or {"type": "object"}


class _Bounding:
    def __init__(self, root: Node) -> None:
        self._root = root
        self._left = MOST
        begun = [one for node in _nodes(root) if _joins(node) for one in self._joined(node)]
        # ids of the nodes that describe an object together with others
        self._parts = {id(node) for node in self._reached(begun)}

    def copy(self, node: Any) -> Any:
        """`node` and all below it, bounded."""
        if not isinstance(node, Mapping):
            return node
        made = {key: self._inner(key, value) for key, value in node.items()}
        if id(node) not in self._parts:
            made |= self._closing(node, made)
        return made | _number_bounds(node)

    def _inner(self, key: str, value: Any) -> Any:
        if key in _LISTS and isinstance(value, list):
            return [self.copy(item) for item in value]
        if key in _NAMED and isinstance(value, Mapping):
            return {name: self.copy(item) for name, item in value.items()}
        return self.copy(value) if key in _SINGLE else value

    def _closing(self, node: Node, made: dict[str, Any]) -> dict[str, Any]:
        together = self._reached([node]) if _joins(node) else [node]
        named = [name for part in together for name in _properties(part)]
        self._left -= len(together) + len(named)
        decided = any(word in part for part in together for word in _DECIDED)
        if decided or not named or self._left < 0:
            return {}
        own = made.get("properties", {})
        others = {name: True for name in named if name not in own}
        return {"properties": {**own, **others}, "additionalProperties": False}

    def _reached(self, begun: Sequence[Node]) -> list[Node]:
        """`begun` and the nodes below or behind them that speak of the same objects."""
        found = {id(node): node for node in begun}
        waiting = list(begun)
        while waiting and len(found) < self._left:
            for other in self._joined(waiting.pop()):
                if id(other) not in found:
                    found[id(other)] = other
                    waiting.append(other)
        return list(found.values())

    def _joined(self, node: Node) -> Iterator[Node]:
        for key in ("allOf", "anyOf", "oneOf"):
            listed = node.get(key)
            for item in listed if isinstance(listed, list) else ():
                if isinstance(item, Mapping):
                    yield item
        reference = node.get("$ref")
        target = pointed_at(self._root, reference) if isinstance(reference, str) else None
        if isinstance(target, Mapping):
            yield target


def _joins(node: Node) -> bool:
    listed = node.get("allOf")
    several = isinstance(listed, list) and len(listed) > 1
    return several or sum(word in node for word in _JOINING) > 1


def _properties(node: Node) -> list[str]:
    named = node.get("properties")
    return list(named) if isinstance(named, Mapping) else []


def _number_bounds(node: Node) -> dict[str, int]:
    kinds = node.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    told = [node[word] for word in (*_LOWER, *_UPPER) if word in node]
    known = all(isinstance(one, int | float) and abs(one) <= FARTHEST for one in told)
    # What says more of its numbers is left alone: llguidance mixes bounds and `multipleOf` up.
    more = "multipleOf" in node or "enum" in node or "const" in node
    if not known or more or not ("integer" in kinds or "number" in kinds):
        return {}
    lower = {} if any(word in node for word in _LOWER) else {"minimum": -FARTHEST}
    upper = {} if any(word in node for word in _UPPER) else {"maximum": FARTHEST}
    return lower | upper


def _nodes(node: Any) -> Iterator[Node]:
    if not isinstance(node, Mapping):
        return
    yield node
    for key, value in node.items():
        inner = [value] if key in _SINGLE else []
        if key in _LISTS and isinstance(value, list):
            inner = value
        elif key in _NAMED and isinstance(value, Mapping):
            inner = list(value.values())
        for item in inner:
            yield from _nodes(item)
