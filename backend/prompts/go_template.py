"""Go's text/template as Ollama's models use it: the one door to gotpl.

gotpl runs behind a sandbox policy (no methods, listed functions), a budget and a clock; every
failure of a template is a TemplateError. Why gotpl: docs/decisions/0008-go-templates.md.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from backend.prompts.conversation import Conversation, collated, text_of

if TYPE_CHECKING:
    import gotpl
    from gotpl.parse.nodes import ParsedTemplate

PLAIN = "{{ .Prompt }}"
_REPLY = "{{ .Response }}"
_NAMES = {"system": "System", "user": "Prompt", "assistant": "Response"}


@lru_cache(maxsize=32)
def go_template(source: str) -> "GoTemplate":
    """The parsed template; the last few are kept, as one is parsed in 3 ms and more."""
    return GoTemplate(source)


class GoTemplate:
    """A parsed template; raises TemplateError for what Ollama would refuse too.

    `variables` are the names it uses, in lower case; `thinking_tags` and `tool_call_tag` are what
    its own rendering of earlier messages says that replies look like.
    """

    def __init__(self, source: str) -> None:
        from backend.prompts import go_tree  # gotpl takes 0.2 s to import: not at the start
        from backend.prompts.go_engine import as_template_errors, parsed

        self._source = text_of(source)
        with as_template_errors():  # a walk down a deep tree may run out of stack
            tree = parsed(self._source)
            go_tree.refuse_bare_calls(tree)
            self.variables: frozenset[str] = go_tree.variables(tree)
            if not self.variables & {"messages", "response"}:
                self._source += _REPLY
                tree = parsed(self._source)
            self.thinking_tags: tuple[str, str] | None = go_tree.thinking_tags(tree)
            self.tool_call_tag: str = go_tree.tool_call_tag(tree)
            self._whole = self._compiled(tree)
            self._up_to_reply = self._whole
            if "messages" not in self.variables:
                self._up_to_reply = self._compiled(go_tree.cut_at_reply(tree))

    def render(self, conversation: Conversation) -> str:
        """The prompt; raises TemplateError where the template fails or exceeds its limits."""
        system, messages = collated(conversation.messages)
        if conversation.prompt and conversation.suffix:
            before, after = text_of(conversation.prompt), text_of(conversation.suffix)
            gap = {"Prompt": before, "Suffix": after, "Response": ""}
            return self._run(self._whole, gap | conversation.thinking)
        if "messages" not in self.variables:
            return self._turns(messages, conversation.thinking)
        from backend.prompts.go_values import message_value, tool_values

        root: dict[str, Any] = {
            "System": system,
            "Messages": [message_value(message) for message in messages],
            "Tools": tool_values(conversation.tools),
            "Response": "",
        }
        return self._run(self._whole, root | conversation.thinking)

    def _turns(self, messages: list[dict[str, Any]], thinking: dict[str, Any]) -> str:
        """The template once a turn, the last one cut where the reply begins."""
        done: list[str] = []
        turn: dict[str, Any] = dict.fromkeys(_NAMES.values(), "")
        for message in messages:
            name = _NAMES.get(message["role"])
            if name is None:
                continue
            if (name == "System" and (turn["Prompt"] or turn["Response"])) or (
                name == "Prompt" and turn["Response"]
            ):
                done.append(self._run(self._whole, turn | thinking))
                turn = dict.fromkeys(_NAMES.values(), "")
            turn[name] = message["content"]
        return "".join(done) + self._run(self._up_to_reply, turn | thinking)

    def _compiled(self, tree: "ParsedTemplate") -> "gotpl.Template":
        from backend.prompts.go_engine import compiled

        return compiled(tree, self._source)

    def _run(self, template: "gotpl.Template", root: dict[str, Any]) -> str:
        from backend.prompts.go_engine import run

        return run(template, root)
