"""What a model can do by what its template speaks of."""

from backend.errors import TemplateError
from backend.prompts.go_template import go_template
from backend.prompts.jinja import jinja_thinking_tags


def abilities(go: str | None, jinja: str | None) -> list[str]:
    """Those of tools, insert and thinking that the template in force supports, in this order.

    `go` is the TEMPLATE layer, which counts where there is one; `jinja` the file's own template.
    A template that does not parse gives no thinking: the error comes when it is used.
    """
    if go:
        found = {"tools": ".Tools" in go, "insert": ".Suffix" in go, "thinking": _thinks(go)}
    else:
        text = jinja or ""
        tools = "tools" in text or "tool_call" in text
        found = {"tools": tools, "thinking": jinja_thinking_tags(text) is not None}
    return [name for name, can in found.items() if can]


def _thinks(go: str) -> bool:
    if ".Thinking" not in go:  # spares the list of models a parse of every template
        return False
    try:
        return go_template(go).thinking_tags is not None
    except TemplateError:
        return False
