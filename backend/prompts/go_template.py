"""The part of Go's text/template that plain Ollama templates use: fields, if/else, trim marks.

`{{ .System }}`, `{{ if .System }}..{{ else }}..{{ end }}` and `{{- -}}` are rendered; anything more
(range, functions, variables) raises UnsupportedTemplate, it is never guessed at.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.errors import UnsupportedTemplate

PLAIN = "{{ .Prompt }}"
_ACTION = re.compile(r"\{\{(-\s)?\s*(.*?)\s*(\s-)?\}\}", re.DOTALL)
_FIELD = re.compile(r"\.([A-Z][A-Za-z]*)")
_IF = re.compile(r"if\s+\.([A-Z][A-Za-z]*)")


@dataclass(slots=True)
class _Branch:
    name: str
    then: "list[str | _Field | _Branch]" = field(default_factory=list)
    otherwise: "list[str | _Field | _Branch]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str


class _Cut(Exception):
    pass


class Template:
    """A parsed template; parsing raises UnsupportedTemplate."""

    def __init__(self, source: str) -> None:
        self._nodes = _parse(source)

    def render(self, values: Mapping[str, str], *, until_response: bool = False) -> str:
        """The text; with `until_response` it ends where the model's reply would begin."""
        out: list[str] = []
        try:
            _render(self._nodes, values, out, cut=until_response)
        except _Cut:
            return "".join(out)
        return "".join(out)


def render_conversation(template: Template, messages: list[Mapping[str, str]]) -> str:
    """The prompt for a conversation: the template once a turn, the last one cut at the reply.

    The system text is given to the first turn only; consecutive messages of a role are one.
    """
    turns: list[dict[str, str]] = [{}]
    for role, content in _collated(messages):
        name = {"system": "System", "user": "Prompt", "assistant": "Response"}.get(role, "Prompt")
        later = {"System": ("Prompt", "Response"), "Prompt": ("Response",), "Response": ()}[name]
        if name in turns[-1] or any(part in turns[-1] for part in later):
            turns.append({})
        turns[-1][name] = content
    whole = [template.render(turn) for turn in turns[:-1]]
    return "".join(whole) + template.render(turns[-1], until_response=True)


def _collated(messages: list[Mapping[str, str]]) -> list[tuple[str, str]]:
    merged: list[tuple[str, str]] = []
    for message in messages:
        role, content = message["role"], message["content"]
        if merged and merged[-1][0] == role:
            content = f"{merged.pop()[1]}\n\n{content}"
        merged.append((role, content))
    return merged


def _parse(source: str) -> "list[str | _Field | _Branch]":
    root: list[str | _Field | _Branch] = []
    stack: list[tuple[_Branch, list[str | _Field | _Branch]]] = []
    nodes, at, trim = root, 0, False
    for action in _ACTION.finditer(source):
        _add_text(nodes, source[at : action.start()], left=trim, right=bool(action[1]))
        at, trim = action.end(), bool(action[3])
        nodes = _apply(action[2], nodes, stack)
    _add_text(nodes, source[at:], left=trim, right=False)
    if stack:
        raise UnsupportedTemplate("template error: unexpected EOF")
    if not any(_mentions(node, "Response") for node in root):
        root.append(_Field("Response"))
    return root


def _add_text(nodes: "list[str | _Field | _Branch]", text: str, *, left: bool, right: bool) -> None:
    text = text.lstrip() if left else text
    text = text.rstrip() if right else text
    if text:
        nodes.append(text)


def _apply(
    action: str,
    nodes: "list[str | _Field | _Branch]",
    stack: "list[tuple[_Branch, list[str | _Field | _Branch]]]",
) -> "list[str | _Field | _Branch]":
    shown, condition = _FIELD.fullmatch(action), _IF.fullmatch(action)
    if shown:
        nodes.append(_Field(shown[1]))
        return nodes
    if condition:
        branch = _Branch(condition[1])
        nodes.append(branch)
        stack.append((branch, nodes))
        return branch.then
    if action == "else" and stack:
        return stack[-1][0].otherwise
    if action == "end" and stack:
        return stack.pop()[1]
    if action.startswith("/*"):
        return nodes
    raise UnsupportedTemplate(
        f"template error: this version renders fields and if/else only, not {{{{ {action} }}}}"
    )


def _mentions(node: "str | _Field | _Branch", name: str) -> bool:
    if isinstance(node, _Branch):
        return any(_mentions(inner, name) for inner in (*node.then, *node.otherwise))
    return isinstance(node, _Field) and node.name == name


def _render(
    nodes: "list[str | _Field | _Branch]", values: Mapping[str, str], out: list[str], *, cut: bool
) -> None:
    for node in nodes:
        if isinstance(node, str):
            out.append(node)
        elif isinstance(node, _Branch):
            taken = node.then if values.get(node.name) else node.otherwise
            _render(taken, values, out, cut=cut)
        else:
            out.append(values.get(node.name, ""))
            if cut and node.name == "Response":
                raise _Cut
