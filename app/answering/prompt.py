"""Evidence and question to a prompt; the templates are the versioned files in prompts/.

The part that never changes stands first, so that the model server finds it in its cache, then
the evidence, and the question last.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.answering.chat_model import Prompt, Turn
from app.answering.forms import PROMPTS, Form
from app.answering.words import is_cjk

_USER = "=== user ===\n"
_EVIDENCE, _QUESTION = "{evidence}", "{question}"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A piece of evidence as the model sees it, under the number of its source."""

    n: int
    text: str
    origin: str = ""
    """Document and page, for a model that can use it."""


def build(
    form: Form, model: str, question: str, exhibits: Sequence[Exhibit], num_ctx: int
) -> Prompt:
    """Return the prompt for a model of that form, in the question's language."""
    template = template_text(form.template, "zh" if is_cjk(question) else "en")
    show = shown_line if form.prompt == "completion" else shown_passage
    evidence = "\n".join(show(exhibit) for exhibit in exhibits)
    system, _, user = template.rpartition(_USER)
    filled = _fill(user, evidence, " ".join(question.split()))
    turns = (Turn("system", system.strip()), Turn("user", filled)) if system else ()
    return Prompt(
        model=model,
        text=None if turns else filled,
        turns=turns,
        num_ctx=num_ctx,
        max_tokens=form.max_tokens,
        stop=form.stop,
    )


def shown_line(exhibit: Exhibit) -> str:
    """One line a piece of evidence: text that brings line breaks cannot pose as the prompt.

    Without its number, which a base model only copies.
    """
    return " ".join(exhibit.text.split())


def shown_passage(exhibit: Exhibit) -> str:
    """Evidence between tags; its own tags are escaped, so it cannot close them."""
    origin = f' from="{html.escape(exhibit.origin)}"' if exhibit.origin else ""
    text = exhibit.text.replace("<passage", "&lt;passage").replace("</passage", "&lt;/passage")
    return f'<passage n="{exhibit.n}"{origin}>\n{text.strip()}\n</passage>'


@lru_cache(maxsize=32)
def template_text(template: str, language: str) -> str:
    """Return the template in that language without its last line break."""
    return (PROMPTS / f"{template}.{language}.txt").read_text("utf-8").rstrip("\n")


def _fill(template: str, evidence: str, question: str) -> str:
    """Fill both places at once: evidence that holds "{question}" stays as it is."""
    before, _, rest = template.partition(_EVIDENCE)
    between, _, after = rest.partition(_QUESTION)
    return f"{before}{evidence}{between}{question}{after}"
