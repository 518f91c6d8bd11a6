"""Values as Go's template engine sees them: structs, maps and lists that print as Ollama's do.

A tool, the tools, the arguments of a call and the properties of a function print as JSON with
sorted map keys; numbers out of JSON are float64, so a million prints as `1e+06`. Source of the
shapes: docs/decisions/0008-go-templates.md.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gotpl.errors import TemplateExecutionError

from backend.prompts.conversation import text_of

NO_VALUE = "<no value>"
_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)
_EXPONENT_FROM = 1e21  # from here on Go's encoder writes an exponent


class Struct:
    """A Go struct: fields by name, always true, and an error for a field it does not have.

    `json_names` are the keys of its JSON in order, `optional` those left out when empty.
    """

    __slots__ = ("_fields", "_json")

    def __init__(
        self, fields: Mapping[str, Any], json_names: Mapping[str, str], optional: frozenset[str]
    ) -> None:
        self._fields = fields
        self._json = (json_names, optional)

    def __gotemplate_lookup__(self, field: str) -> Any:
        if field not in self._fields:
            raise TemplateExecutionError(f"can't evaluate field {field}")
        return self._fields[field]

    def as_json(self) -> dict[str, Any]:
        """What Go's encoder would be given, its keys in the order of the struct."""
        names, optional = self._json
        return {
            key: self._fields[field]
            for field, key in names.items()
            if self._fields[field] or field not in optional
        }

    def get(self, field: str) -> Any:
        """The field, or None."""
        return self._fields.get(field)


class PrintsJson:
    """Marks a map or list that prints as its JSON."""


class JsonMap(dict[str, Any], PrintsJson):
    """Arguments of a call, or properties of a function."""


class JsonList(list[Any], PrintsJson):
    """The tools."""


class TypeNames(list[str]):
    """The `type` of a property: prints `string` for one, `[string null]` for several."""


def go_json(value: Any) -> str:
    """JSON as Go's encoder writes it: map keys sorted, `<>&` escaped, no spaces."""
    text = json.dumps(_encodable(value), ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def _encodable(value: Any) -> Any:
    if isinstance(value, Struct):
        return {key: _encodable(inner) for key, inner in value.as_json().items()}
    if isinstance(value, TypeNames) and len(value) == 1:
        return value[0]
    if isinstance(value, Mapping):
        return {str(key): _encodable(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [_encodable(inner) for inner in value]
    if isinstance(value, float):
        return _number(value)
    return value


def _number(value: float) -> int | float | None:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < _EXPONENT_FROM else value


def from_json(value: Any) -> Any:
    """A decoded JSON value as Go holds it in an `any`: numbers are float64."""
    if isinstance(value, Mapping):
        return {str(key): from_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [from_json(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def message_value(message: Mapping[str, Any]) -> Struct:
    """`{role, content, thinking?, images?, tool_calls?, tool_name?, tool_call_id?}`."""
    calls = [_call_value(call) for call in _objects(message.get("tool_calls"))]
    fields = {
        "Role": text_of(message.get("role")),
        "Content": text_of(message.get("content")),
        "Thinking": text_of(message.get("thinking")),
        "Images": list(message.get("images") or ()),
        "ToolCalls": calls,
        "ToolName": text_of(message.get("tool_name")),
        "ToolCallID": text_of(message.get("tool_call_id")),
    }
    return Struct(fields, {name: name for name in fields}, frozenset())


def _call_value(call: Mapping[str, Any]) -> Struct:
    function = _object(call.get("function"))
    inner = {
        "Index": _whole(function.get("index")),
        "Name": text_of(function.get("name")),
        "Arguments": JsonMap(from_json(_object(function.get("arguments")))),
    }
    fields = {
        "ID": text_of(call.get("id")),
        "Function": Struct(inner, {name: name for name in inner}, frozenset()),
    }
    return Struct(fields, {name: name for name in fields}, frozenset())


def tool_values(tools: Sequence[Mapping[str, Any]]) -> JsonList:
    """The tools of a request, `{type, function: {name, description, parameters}}` each."""
    return JsonList(_tool_value(tool) for tool in tools)


def _tool_value(tool: Mapping[str, Any]) -> Struct:
    function = _object(tool.get("function"))
    given = _object(function.get("parameters"))
    parameters = Struct(
        {
            "Type": text_of(given.get("type")),
            "Defs": from_json(given.get("$defs")),
            "Items": from_json(given.get("items")),
            "Required": [text_of(name) for name in _items(given.get("required"))],
            "Properties": _properties(given.get("properties")),
        },
        {"Type": "type", "Defs": "$defs", "Items": "items", "Required": "required",
         "Properties": "properties"},
        frozenset({"Defs", "Items", "Required"}),
    )  # fmt: skip
    inner = {
        "Name": text_of(function.get("name")),
        "Description": text_of(function.get("description")),
        "Parameters": parameters,
    }
    names = {"Name": "name", "Description": "description", "Parameters": "parameters"}
    return Struct(
        {
            "Type": text_of(tool.get("type")),
            "Items": from_json(tool.get("items")),
            "Function": Struct(inner, names, frozenset()),
        },
        {"Type": "type", "Items": "items", "Function": "function"},
        frozenset({"Items"}),
    )


def _properties(given: Any) -> JsonMap:
    return JsonMap({str(name): _property(inner) for name, inner in _object(given).items()})


def _property(given: Any) -> Struct:
    one = _object(given)
    kinds = one.get("type")
    nested = _properties(one["properties"]) if _object(one.get("properties")) else None
    names = {"AnyOf": "anyOf", "Type": "type", "Items": "items", "Description": "description",
             "Enum": "enum", "Properties": "properties", "Required": "required"}  # fmt: skip
    return Struct(
        {
            "AnyOf": [_property(inner) for inner in _objects(one.get("anyOf"))],
            "Type": TypeNames([kinds] if isinstance(kinds, str) else map(text_of, _items(kinds))),
            "Items": from_json(one.get("items")),
            "Description": text_of(one.get("description")),
            "Enum": [from_json(inner) for inner in _items(one.get("enum"))],
            "Properties": nested,
            "Required": [text_of(name) for name in _items(one.get("required"))],
        },
        names,
        frozenset(names),
    )


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in _items(value) if isinstance(one, Mapping)]
