"""Write .env.example from the settings themselves: `make env-example`."""

from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from app.settings import CHECKOUT, Settings

TARGET = Path(__file__).resolve().parent.parent / ".env.example"
HEAD = """\
# Every setting of `ragstone serve`, with its default. Copy to .env and uncomment what you change.
# A command-line flag wins over the environment, which wins over this file.
# The model server reads Ollama's own names (OLLAMA_HOST, OLLAMA_MODELS, ...) from the environment.
"""


def example() -> str:
    """Return the text of .env.example."""
    lines = [HEAD]
    for name, field in Settings.model_fields.items():
        default = shown(field.get_default(call_default_factory=True, validated_data={}))
        lines.append(f"# {field.description}\n# RAGSTONE_{name.upper()}={default}\n")
    return "\n".join(lines)


def shown(value: Any) -> str:
    """Return a default as it would be written; folders of the checkout are relative."""
    if value is None:
        return ""
    if isinstance(value, Path):
        return (
            value.relative_to(CHECKOUT).as_posix() if value.is_relative_to(CHECKOUT) else str(value)
        )
    if isinstance(value, (tuple, list)):
        return str(to_jsonable_python(list(value))).replace("'", '"')
    return str(value)


if __name__ == "__main__":
    TARGET.write_text(example())
