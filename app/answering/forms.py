"""Which prompt form and how much context each model gets: prompts/forms.toml as a table."""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Literal

PROMPTS = Path(__file__).parent / "prompts"


@dataclass(frozen=True, slots=True)
class Form:
    """A row of forms.toml, which says what each field means."""

    match: tuple[str, ...]
    prompt: Literal["completion", "chat"]
    template: str
    evidence: Literal["sentences", "passages"]
    sentences: int
    evidence_tokens: int
    num_ctx: int
    max_tokens: int
    stop: tuple[str, ...]
    quote: Literal["always", "when_needed"]


@lru_cache(maxsize=1)
def forms() -> tuple[Form, ...]:
    """Return the rows, in the file's order."""
    rows = tomllib.loads((PROMPTS / "forms.toml").read_text("utf-8"))["form"]
    return tuple(
        Form(**{**row, "match": tuple(row["match"]), "stop": tuple(row["stop"])}) for row in rows
    )


def form_for(model: str) -> Form:
    """Return the form of a model by its name; the last row fits every name."""
    name = model.rsplit("/", 1)[-1].lower()
    return next(form for form in forms() if any(fnmatchcase(name, glob) for glob in form.match))
