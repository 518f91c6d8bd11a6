"""gotpl called with our functions and limits; whatever it raises becomes a TemplateError."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gotpl
from gotpl.parse.nodes import ParsedTemplate
from gotpl.parse.parser import parse_template

from backend.errors import TemplateError
from backend.prompts.go_functions import CLOCK, SHOW, TICK, functions
from backend.prompts.go_limits import BUDGET, MAX_SOURCE, Clock
from backend.prompts.go_source import written

# gotpl 0.1.0 lets out ValueError (a number of 4,300 digits) and RecursionError (500 `else if`); the
# others were not seen in 50,000 fuzzed templates, but nothing in it rules them out.
_PYTHONS = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)


def parsed(source: str) -> ParsedTemplate:
    """The tree of a template; raises TemplateError."""
    if len(source) > MAX_SOURCE:
        raise TemplateError(f"template error: longer than {MAX_SOURCE} characters")
    with as_template_errors():
        return parse_template(source, functions=functions().keys() - {SHOW, TICK})


def compiled(tree: ParsedTemplate, source: str) -> gotpl.Template:
    """A tree parsed from `source`, made ready to run; raises TemplateError."""
    with as_template_errors():
        rewritten = written(tree, source)
        policy = gotpl.SandboxPolicy(
            allow_functions=functions(),
            allow_custom_lookup=True,  # of go_values.Struct, the one class that has it
            max_template_chars=4 * MAX_SOURCE,
            default_budget=BUDGET,
        )
        return gotpl.Template(
            rewritten.text,
            delimiters=rewritten.delimiters,
            functions=functions(),
            missing_key="zero",
            sandbox=policy,
        )


def run(template: gotpl.Template, root: dict[str, Any]) -> str:
    """The text of a template; raises TemplateError also where the limits are exceeded."""
    token = CLOCK.set(Clock())
    try:
        with as_template_errors():
            return template.render(root)
    finally:
        CLOCK.reset(token)


@contextmanager
def as_template_errors() -> Iterator[None]:
    """What a template makes gotpl, or a walk through its tree, raise."""
    try:
        yield
    except (gotpl.TemplateError, *_PYTHONS) as error:
        raise TemplateError(f"template error: {error}") from error
