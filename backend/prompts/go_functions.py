"""The functions a template may call: Go's own and Ollama's, each within the limits.

gotpl's builtins serve where they agree with Go; those here replace the ones that do not, or that
have to know the values of go_values.
"""

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import cache, wraps
from typing import Any

from gotpl.errors import TemplateExecutionError
from gotpl.runtime.gofmt import sprintf
from gotpl.runtime.sync_vm import _builtin_functions, format_value
from gotpl.runtime.values import INVALID, UNTYPED_NIL

from backend.prompts.go_limits import MAX_PADDING, Clock, bounded
from backend.prompts.go_values import NO_VALUE, PrintsJson, Struct, TypeNames, go_json

SHOW, TICK = "_show", "_tick"  # not to be named by a template, see go_source
CLOCK: ContextVar[Clock] = ContextVar("clock")

_DIRECTIVE = re.compile(r"%[^A-Za-z%]*")
_NUMBER = re.compile(r"\d+")
_TYPESCRIPT = {
    "string": "string", "number": "number", "integer": "number", "boolean": "boolean",
    "array": "any[]", "object": "Record<string, any>", "null": "null",
}  # fmt: skip


@cache
def functions() -> Mapping[str, Callable[..., Any]]:
    """By name, all that a template can call, and the two that go_source puts in."""
    builtins = {name: one for name, one in _builtin_functions("go").items() if name != "call"}
    escapes = {name: _of_texts(builtins[name]) for name in ("html", "js", "urlquery")}
    ours = {
        "eq": _eq, "ne": _ne, "print": _print, "println": _println, "printf": _printf,
        "json": _json, "currentDate": _today, "yesterdayDate": _yesterday,
        "toTypeScriptType": _typescript, SHOW: _show, TICK: _tick,
    }  # fmt: skip
    return {name: _limited(one) for name, one in (builtins | escapes | ours).items()}


def shown(value: Any) -> str:
    """A value as `{{ . }}` prints it."""
    if isinstance(value, str):
        return value
    if value is None or value is INVALID:
        return NO_VALUE
    if isinstance(value, (PrintsJson, Struct)):
        return go_json(value)
    if isinstance(value, TypeNames) and len(value) < 2:
        return "".join(value)
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{_inner(value[key])}' for key in sorted(value))}]"
    if isinstance(value, (list, tuple)):
        return f"[{' '.join(map(_inner, value))}]"
    return format_value(value)


def _inner(value: Any) -> str:
    return "<nil>" if value is None else shown(value)


def _limited(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def checked(*values: Any) -> Any:
        CLOCK.get().check()
        bounded(sum(len(value) for value in values if isinstance(value, str)))
        result = function(*values)
        if isinstance(result, str):
            bounded(len(result))
        return result

    return checked


def _of_texts(function: Callable[..., Any]) -> Callable[..., Any]:
    def escaped(*values: Any) -> Any:
        return function(*(one if _plain(one) else shown(one) for one in values))

    return escaped


def _nil(value: Any) -> bool:
    return value is None or value is INVALID or value is UNTYPED_NIL


def _plain(value: Any) -> bool:
    return not isinstance(value, (Struct, Mapping, list, tuple))


def _show(*values: Any) -> str:
    if values and values[0] is UNTYPED_NIL:
        raise TemplateExecutionError("nil is not a command")
    return shown(values[0]) if values else NO_VALUE


def _tick() -> str:
    return ""


def _eq(first: Any, *others: Any) -> bool:
    if not others:
        raise TemplateExecutionError("missing argument for comparison")
    return any(_equal(first, other) for other in others)


def _ne(first: Any, second: Any) -> bool:
    return not _equal(first, second)


def _equal(left: Any, right: Any) -> bool:
    # Unlike gotpl's: Go calls a missing value and any other unequal, it is no error.
    if _nil(left) or _nil(right):
        return _nil(left) and _nil(right)
    left, right = _one_name(left), _one_name(right)
    if _kind(left) != _kind(right):
        raise TemplateExecutionError("incompatible types for comparison")
    if _kind(left) is object:
        raise TemplateExecutionError("non-comparable type")
    return bool(left == right)


def _one_name(value: Any) -> Any:
    return value[0] if isinstance(value, TypeNames) and len(value) == 1 else value


def _kind(value: Any) -> type:
    return next((kind for kind in (bool, int, float, str) if isinstance(value, kind)), object)


def _print(*values: Any) -> str:
    parts: list[str] = []
    for index, value in enumerate(values):
        text = isinstance(value, str) or (index > 0 and isinstance(values[index - 1], str))
        parts.append(("" if text or not index else " ") + _printed(value))
    return "".join(parts)


def _println(*values: Any) -> str:
    return " ".join(map(_printed, values)) + "\n"


def _printed(value: Any) -> str:
    return "<nil>" if _nil(value) else shown(value)


def _printf(template: Any, *values: Any) -> str:
    if not isinstance(template, str):
        raise TemplateExecutionError("printf needs a format text")
    directives = _DIRECTIVE.findall(template)
    widths = [int(number) for one in directives for number in _NUMBER.findall(one)[:4]]
    stars = sum(one.count("*") for one in directives)
    largest = max((abs(one) for one in values if isinstance(one, int)), default=0)
    if sum(widths) + stars * largest > MAX_PADDING:
        raise TemplateExecutionError(f"printf asks for more than {MAX_PADDING} characters")
    texts = [_formattable(value) for value in values]
    longest = max((len(one) for one in texts if isinstance(one, str)), default=0)
    bounded(len(template) + 2 * len(directives) * longest)
    return sprintf(template, *texts)


def _formattable(value: Any) -> Any:
    if _nil(value):
        return UNTYPED_NIL
    return shown(value) if isinstance(value, (Struct, Mapping, list, tuple)) else value


def _json(*values: Any) -> str:
    value = values[0] if values else None
    return go_json(None if _nil(value) else value)


def _today(*_: Any) -> str:
    return datetime.now().astimezone().strftime("%Y-%m-%d")


def _yesterday(*_: Any) -> str:
    return (datetime.now().astimezone() - timedelta(days=1)).strftime("%Y-%m-%d")


def _typescript(value: Any) -> str:
    if not isinstance(value, Struct):
        return "any"
    choices = value.get("AnyOf")
    if choices:
        return " | ".join(map(_typescript, choices))
    names = value.get("Type") or ()
    return " | ".join(_TYPESCRIPT.get(name, "any") for name in names) or "any"
