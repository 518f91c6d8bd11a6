"""Which template writes a model's prompts, and what it says that replies look like."""

from dataclasses import dataclass

from backend.models.library import OpenModel
from backend.prompts.go_template import PLAIN, GoTemplate, go_template
from backend.prompts.jinja import jinja_thinking_tags, jinja_tool_tag

# The keys of a config that name one of Ollama's own renderers (Go code for a family of models).
_NATIVE = ("renderer", "parser")


@dataclass(frozen=True, slots=True)
class PromptForm:
    """A Go template, or None where llama.cpp renders the file's own Jinja.

    `tool_call_tag` opens a tool call in a reply, `thinking_tags` stand around its thinking.
    """

    go: GoTemplate | None
    tool_call_tag: str
    thinking_tags: tuple[str, str] | None


def prompt_form(model: OpenModel, template: str | None = None) -> PromptForm:
    """The form of a model's prompts; `template` is a request's own and goes before the model's.

    A model whose config names one of Ollama's native renderers or parsers is written by its own
    Jinja, where it has one. Raises TemplateError for a Go template that does not parse.
    """
    jinja = model.header.chat_template
    native = any(model.stored.config.get(key) for key in _NATIVE)
    source = template or (None if native and jinja else model.content.template)
    if source is None and jinja is not None:
        return PromptForm(None, jinja_tool_tag(jinja), jinja_thinking_tags(jinja))
    go = go_template(source or PLAIN)
    return PromptForm(go, go.tool_call_tag, go.thinking_tags)
