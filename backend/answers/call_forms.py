"""The forms in which models write a tool call: JSON with a name, a name before JSON, XML-like."""

import json
import re
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal, TypeAlias

MAX_LEAD = 300  # characters between tag and call; more of anything else is no call
_ALPHABET = string.ascii_lowercase + string.digits
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}\[\]]', re.DOTALL)
_FUNCTION = re.compile(r"\s*(?:<function=)?([^>\s]{1,200})>", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>]{1,200})>\n?(.*?)\n?</parameter>", re.DOTALL)
_FUNCTION_OPEN, _FUNCTION_END = "<function=", "</function>"
_NAME_KEYS = ("name", "function", "tool", "tool_name")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
_LIST_START = re.compile(r"\[\s*(?:[{\]]|\Z)")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of the tool `name`, the `index`th of a reply."""

    id: str
    index: int
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """Calls by name and arguments, and where in the text they end."""

    calls: tuple[tuple[str, dict[str, Any]], ...]
    end: int


class _Verdict(Enum):
    UNDECIDED = 1
    NOT_A_CALL = 2


UNDECIDED: Final = _Verdict.UNDECIDED
NOT_A_CALL: Final = _Verdict.NOT_A_CALL
Verdict: TypeAlias = Literal[_Verdict.UNDECIDED, _Verdict.NOT_A_CALL]


class Tools:
    """The names of a request's tools and the types of their parameters."""

    def __init__(self, tools: Sequence[Mapping[str, Any]]) -> None:
        functions = [tool.get("function") or {} for tool in tools]
        self._parameters = {
            str(one["name"]): (one.get("parameters") or {}).get("properties") or {}
            for one in functions
            if one.get("name")
        }
        names = sorted(self._parameters, key=len, reverse=True)
        self._named = re.compile("|".join(map(_word, names))) if names else None

    def __contains__(self, name: object) -> bool:
        return name in self._parameters

    def last_named(self, text: str) -> str | None:
        """The tool named last in a text."""
        found = self._named.findall(text) if self._named else []
        return str(found[-1]) if found else None

    def typed(self, name: str, parameter: str, text: str) -> Any:
        """The value that a parameter's text stands for: itself where a string is asked for."""
        kind = self._parameters[name].get(parameter)
        if isinstance(kind, Mapping) and kind.get("type") == "string":
            return text
        try:
            return json.loads(text)
        except ValueError:
            return text


def call_id() -> str:
    """A fresh id of a call: `call_` and eight letters or digits."""
    return "call_" + "".join(secrets.choice(_ALPHABET) for _ in range(8))


def read_calls(text: str, start: int, tools: Tools) -> "Found | Verdict":
    """The calls that stand in `text` from `start`, behind a tag of that length.

    UNDECIDED while more text could still make it one; the answer never changes with more text.
    """
    rest = text[start:]
    if text[:start].endswith(_FUNCTION_OPEN) or rest.lstrip().startswith(_FUNCTION_OPEN):
        return _written_out(text, start, tools)
    if rest.strip() and _FUNCTION_OPEN.startswith(rest.lstrip()):
        return UNDECIDED
    at = _json_start(text, start)
    if at is None:
        return UNDECIDED if len(rest) <= MAX_LEAD else NOT_A_CALL
    if at - start > MAX_LEAD:
        return NOT_A_CALL
    end = _json_end(text, at)
    if end is None:
        return UNDECIDED
    try:
        value = json.loads(text[at:end], strict=False)
    except (ValueError, RecursionError):
        return NOT_A_CALL
    name = tools.last_named(text[start:at])
    calls = ((name, value),) if name and isinstance(value, dict) else _named_calls(value, tools)
    return Found(calls, end) if calls else NOT_A_CALL


def _json_start(text: str, start: int) -> int | None:
    """Where an object, or a list of objects, begins."""
    for at in range(start, min(len(text), start + MAX_LEAD + 1)):
        if text[at] == "{":
            return at
        if text[at] == "[":
            listed = _LIST_START.match(text, at)
            if listed:
                return at if listed.end() < len(text) or listed[0][-1] in "{]" else None
    return None


def _json_end(text: str, start: int) -> int | None:
    depth = 0
    for token in _STRUCTURE.finditer(text, start):
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
            if depth == 0:
                return token.end()
    return None


def _named_calls(value: Any, tools: Tools) -> tuple[tuple[str, dict[str, Any]], ...]:
    if isinstance(value, list):
        return tuple(call for one in value for call in _named_calls(one, tools))
    if not isinstance(value, dict):
        return ()
    inner = value.get("function", value.get("tool_calls"))
    if isinstance(inner, (dict, list)):
        return _named_calls(inner, tools)
    name = next((value[key] for key in _NAME_KEYS if key in value), "")
    if not isinstance(name, str) or name not in tools:
        return ()
    arguments: Any = next((value[key] for key in _ARGUMENT_KEYS if key in value), {})
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            return ()
    return ((name, arguments or {}),) if isinstance(arguments or {}, dict) else ()


def _written_out(text: str, start: int, tools: Tools) -> "Found | Verdict":
    """`<function=name>` with JSON or `<parameter=…>` inside, up to `</function>`."""
    end = text.find(_FUNCTION_END, start)
    if end < 0:
        return UNDECIDED
    opened = _FUNCTION.match(text, start)
    if opened is None or opened[1] not in tools:
        return NOT_A_CALL
    body = text[opened.end() : end]
    name = opened[1]
    arguments: Any = {key: tools.typed(name, key, value) for key, value in _PARAMETER.findall(body)}
    if not arguments and body.strip():
        try:
            arguments = json.loads(body)
        except ValueError:
            return NOT_A_CALL
    whole = isinstance(arguments, dict)
    return Found(((name, arguments),), end + len(_FUNCTION_END)) if whole else NOT_A_CALL


def _word(name: str) -> str:
    return rf"(?<!\w){re.escape(name)}(?!\w)"
