"""Parameters of a model as people type them: words in, values of the right type out."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from backend.answers.options import LoadOptions, SamplingOptions
from backend.commands.errors import CommandFailed

DEPRECATED = (
    "penalize_newline", "low_vram", "f16_kv", "logits_all", "vocab_only", "use_mlock",
    "mirostat", "mirostat_tau", "mirostat_eta",
)  # fmt: skip
"""What older Modelfiles set and no engine reads any more; named in a warning and left out."""
_DEFAULTS = {
    field.name: field.default for kind in (LoadOptions, SamplingOptions) for field in fields(kind)
} | {"draft_num_predict": 0}
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


def typed(name: str, words: Sequence[str]) -> Any:
    """The value of a parameter; `stop` keeps all words, the others take the first.

    Raises CommandFailed for an unknown name or a word of the wrong kind.
    """
    if name not in _DEFAULTS:
        raise CommandFailed(f"unknown parameter '{name}'")
    default = _DEFAULTS[name]
    if isinstance(default, tuple):
        return list(words)
    word = words[0]
    if isinstance(default, bool):
        if word not in (*_TRUE, *_FALSE):
            raise CommandFailed(f"invalid bool value [{' '.join(words)}]")
        return word in _TRUE
    kind, read = ("int", int) if isinstance(default, int) else ("float", float)
    try:
        return read(word)
    except ValueError:
        raise CommandFailed(f"invalid {kind} value [{' '.join(words)}]") from None


def typed_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The PARAMETER lines of a Modelfile: of a name that repeats the last counts, `stop` gathers.

    Raises CommandFailed.
    """
    values: dict[str, Any] = {}
    for name, word in pairs:
        value = typed(name, [word])
        values[name] = [*values.get(name, []), *value] if isinstance(value, list) else value
    return values
