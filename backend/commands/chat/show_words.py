"""`/show`: what it prints of the model and of what was set."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backend.commands.chat.help_texts import SHOW
from backend.commands.chat.session import Session
from backend.commands.model_card import model_card
from backend.commands.terminal import harmless

Shown = Mapping[str, Any]


def show_word(session: Session, words: Sequence[str]) -> None:
    """Carry out `/show` with these words after it; raises Refused."""
    if not words:
        print(SHOW, file=sys.stderr)
    elif words[0] not in _PARTS:
        print(f"Unknown command '/show {words[0]}'. Type /? for help")
    else:
        body: dict[str, Any] = {"model": session.model}
        if session.system:
            body["system"] = session.system
        _PARTS[words[0]](session, session.server.post("/api/show", body))


def _info(_: Session, shown: Shown) -> None:
    print(harmless(model_card(shown)), file=sys.stderr, end="")


def _license(_: Session, shown: Shown) -> None:
    print(harmless(shown.get("license") or "No license was specified for this model."))


def _modelfile(_: Session, shown: Shown) -> None:
    print(harmless(shown.get("modelfile", "")))


def _parameters(session: Session, shown: Shown) -> None:
    print("Model defined parameters:")
    lines = str(shown.get("parameters") or "").splitlines()
    for line in lines or ["No additional parameters were specified for this model."]:
        print(f"  {line}")
    print()
    if session.options.options:
        print("User defined parameters:")
        for name, value in session.options.options.items():
            text = f"[{' '.join(value)}]" if isinstance(value, list) else str(value)
            print(f"  {name:<30} {text}")
        print()


def _system(session: Session, shown: Shown) -> None:
    text = session.system or shown.get("system")
    print(f"{harmless(text)}\n" if text else "No system message was specified for this model.")


def _template(session: Session, shown: Shown) -> None:
    text = session.template or shown.get("template")
    print(harmless(text) if text else "No prompt template was specified for this model.")


_PARTS: dict[str, Callable[[Session, Shown], None]] = {
    "info": _info,
    "license": _license,
    "modelfile": _modelfile,
    "parameters": _parameters,
    "system": _system,
    "template": _template,
}
