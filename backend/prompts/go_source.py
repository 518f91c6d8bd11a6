"""A parsed Go template written back as source for gotpl, with two calls put in.

Each printing action ends in `| _show`, so that Ollama's values print as Ollama prints them though
they are ordinary maps and lists to `range`, `index` and `len`. Each body of a range or definition
starts with `_tick`, so that a loop without any other call meets the clock too. The delimiters
are two characters that the source does not have: its text needs no escaping then.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from gotpl.parse.nodes import (
    ActionNode,
    BlockNode,
    BreakNode,
    ContinueNode,
    IfNode,
    ListNode,
    ParsedTemplate,
    PipeNode,
    RangeNode,
    TemplateCallNode,
    TemplateNode,
    TextNode,
    WithNode,
)

from backend.prompts.go_functions import SHOW, TICK

_PRIVATE_USE = range(0xE000, 0xF900)
_WORDS = {IfNode: "if", WithNode: "with", RangeNode: "range", BreakNode: "break"}


@dataclass(frozen=True, slots=True)
class GoSource:
    """Source text for gotpl and its delimiters."""

    text: str
    delimiters: tuple[str, str]


def written(tree: ParsedTemplate, source: str) -> GoSource:
    """`tree`, which was parsed from `source`, as source again; raises ValueError (see below)."""
    taken = set(source)
    free = (chr(code) for code in _PRIVATE_USE if chr(code) not in taken)
    left, right = next(free, ""), next(free, "")
    if not right:
        raise ValueError("it uses all of Unicode's private characters")
    writer = _Writer(source.encode(), left, right)
    parts = [*writer.body(tree.root)]
    for definition in tree.definitions:
        parts += [writer.action(f"define {json.dumps(definition.name)}"), writer.action(TICK)]
        parts += [*writer.body(definition.body), writer.action("end")]
    return GoSource("".join(parts), (left, right))


@dataclass(frozen=True, slots=True)
class _Writer:
    source: bytes  # gotpl counts positions in bytes
    left: str
    right: str

    def action(self, inner: str) -> str:
        return f"{self.left} {inner} {self.right}"

    def body(self, body: ListNode) -> Iterator[str]:
        for node in body.nodes:
            yield from self._node(node)

    def _node(self, node: TemplateNode) -> Iterator[str]:
        if isinstance(node, TextNode):
            yield node.text
        elif isinstance(node, ActionNode):
            shows = "" if node.pipeline.declarations else f" | {SHOW}"
            yield self.action(self._pipe(node.pipeline) + shows)
        elif isinstance(node, (TemplateCallNode, BlockNode)):
            pipe = self._pipe(node.pipeline) if node.pipeline else ""
            yield self.action(f"template {json.dumps(node.name)} {pipe}")
        elif isinstance(node, (BreakNode, ContinueNode)):
            yield self.action("break" if isinstance(node, BreakNode) else "continue")
        else:
            yield from self._branch(node)
            yield self.action("end")

    def _branch(self, node: IfNode | WithNode | RangeNode, prefix: str = "") -> Iterator[str]:
        yield self.action(f"{prefix}{_WORDS[type(node)]} {self._pipe(node.pipeline)}")
        if isinstance(node, RangeNode):
            yield self.action(TICK)
        yield from self.body(node.body)
        if node.else_body is None:
            return
        inner = node.else_body.nodes[0] if len(node.else_body.nodes) == 1 else None
        if isinstance(inner, (IfNode, WithNode)) and type(inner) is type(node):
            yield from self._branch(inner, "else ")  # gotpl counts depth without `else if`
            return
        yield self.action("else")
        yield from self.body(node.else_body)

    def _pipe(self, pipe: PipeNode) -> str:
        return self.source[pipe.start : pipe.end].decode()
