"""What a parsed Go template says about itself: its variables, its tags, where the reply goes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from gotpl.parse.nodes import (
    ActionNode,
    BreakNode,
    ContinueNode,
    FieldNode,
    IfNode,
    ListNode,
    ParenthesizedNode,
    ParsedTemplate,
    PipeNode,
    RangeNode,
    TemplateCallNode,
    TemplateNode,
    TextNode,
    VariableNode,
    WithNode,
)

Branch: TypeAlias = IfNode | WithNode | RangeNode
BRACE = "{"


def variables(tree: ParsedTemplate) -> frozenset[str]:
    """Every field and variable named anywhere, in lower case."""
    bodies = [tree.root, *(one.body for one in tree.definitions)]
    pipes = (pipe for body in bodies for node in walk(body) for pipe in _pipes(node))
    return frozenset(name.lower() for pipe in pipes for name in names(pipe))


def refuse_bare_calls(tree: ParsedTemplate) -> None:
    """Raises ValueError for a `{{ template "x" }}` that passes nothing on, as Ollama does."""
    for body in (tree.root, *(one.body for one in tree.definitions)):
        for node in walk(body):
            if isinstance(node, TemplateCallNode) and node.pipeline is None:
                raise ValueError("undefined template specified")


def walk(body: ListNode) -> Iterator[TemplateNode]:
    """All nodes below, in the order of the text."""
    for node in body.nodes:
        yield node
        if isinstance(node, (IfNode, WithNode, RangeNode)):
            yield from walk(node.body)
            if node.else_body is not None:
                yield from walk(node.else_body)


def names(pipe: PipeNode) -> Iterator[str]:
    """The names in a pipeline: `.Function.Name` has two, `$x.Role` has `$x` and `Role`."""
    for command in pipe.commands:
        for term in command.arguments:
            if isinstance(term, FieldNode):
                yield from term.fields
            elif isinstance(term, VariableNode):
                yield from (term.name, *term.fields)
            elif isinstance(term, ParenthesizedNode):
                yield from names(term.pipeline)
                yield from term.fields


def _pipes(node: TemplateNode) -> Iterator[PipeNode]:
    if not isinstance(node, (TextNode, BreakNode, ContinueNode)) and node.pipeline is not None:
        yield node.pipeline


def cut_at_reply(tree: ParsedTemplate) -> ParsedTemplate:
    """The template up to its first `{{ .Response }}`, which stays; the rest is gone."""
    root, _ = _cut(tree.root)
    return replace(tree, root=root)


def _cut(body: ListNode) -> tuple[ListNode, bool]:
    kept: list[TemplateNode] = []
    for node in body.nodes:
        if isinstance(node, ActionNode) and _is_reply(node.pipeline):
            return ListNode((*kept, node)), True
        if isinstance(node, (IfNode, WithNode, RangeNode)):
            node, found = _cut_branch(node)
            if found:
                return ListNode((*kept, node)), True
        kept.append(node)
    return ListNode(tuple(kept)), False


def _cut_branch(node: Branch) -> tuple[Branch, bool]:
    then, found = _cut(node.body)
    if found:
        return replace(node, body=then, else_body=None), True
    if node.else_body is None:
        return node, False
    otherwise, found = _cut(node.else_body)
    return replace(node, else_body=otherwise), found


def _is_reply(pipe: PipeNode) -> bool:
    for command in pipe.commands:
        for term in command.arguments:
            if isinstance(term, FieldNode) and "Response" in term.fields:
                return True
            if isinstance(term, ParenthesizedNode) and _is_reply(term.pipeline):
                return True
    return False


def thinking_tags(tree: ParsedTemplate) -> tuple[str, str] | None:
    """The texts around `.Thinking` where the messages are gone through; None without both."""
    found: tuple[str, str] | None = None
    for node in walk(tree.root):
        if isinstance(node, RangeNode) and "Messages" in names(node.pipeline):
            found = _around_thinking(node.body) or found
    return found


def _around_thinking(body: ListNode) -> tuple[str, str] | None:
    found: tuple[str, str] | None = None
    lists = [body, *(one for node in walk(body) for one in _bodies(node))]
    for one in lists:
        printed = [node for node in one.nodes if isinstance(node, ActionNode)]
        if not any("Thinking" in names(node.pipeline) for node in printed):
            continue
        first, last = one.nodes[0], one.nodes[-1]
        if isinstance(first, TextNode) and isinstance(last, TextNode) and first is not last:
            tags = first.text.strip(), last.text.strip()
            found = tags if all(tags) else found
    return found


def _bodies(node: TemplateNode) -> Iterator[ListNode]:
    if isinstance(node, (IfNode, WithNode, RangeNode)):
        yield node.body
        if node.else_body is not None:
            yield node.else_body


def tool_call_tag(tree: ParsedTemplate) -> str:
    """The text that opens a call in an assistant's message, else an opening brace."""
    for node in walk(tree.root):
        if isinstance(node, IfNode) and "ToolCalls" in names(node.pipeline):
            text = _first_text(node.body) or ""
            return text.strip().replace("\r\n", "\n").partition(BRACE)[0].rstrip() or BRACE
    return BRACE


def _first_text(body: ListNode) -> str | None:
    for node in body.nodes:
        if isinstance(node, TextNode):
            if node.text.strip():
                return node.text
            continue
        for inner in _bodies(node):
            text = _first_text(inner)
            if text is not None:
                return text
        return None
    return None
