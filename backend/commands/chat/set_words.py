"""`/set`: what it changes, and what it says of it."""

import sys
from collections.abc import Callable, Sequence

from backend.commands.asking import can
from backend.commands.chat.editor import Lines
from backend.commands.chat.help_texts import PARAMETERS, SET
from backend.commands.chat.session import Session
from backend.commands.errors import CommandFailed
from backend.commands.parameters import typed

TEXTS = ("system", "template")
"""What is set to a text, which may go on over several lines."""


def set_word(session: Session, lines: Lines, words: Sequence[str]) -> None:
    """Carry out `/set` with these words after it; `/set system` and `template` excepted."""
    if not words or words[0] in TEXTS:
        print(SET, file=sys.stderr)
        return
    name, *rest = words
    if name in ("history", "nohistory"):
        lines.keep_history = name == "history"
    elif name in _CHANGES:
        _CHANGES[name](session, rest)
    else:
        print(f"Unknown command '/set {name}'. Type /? for help")


def set_text(session: Session, name: str, text: str) -> None:
    """Set the system message or the template."""
    if name == "system":
        session.set_system(text)
        print("Set system message.")
    else:
        session.template = text
        print("Set prompt template. It goes into what /save writes.")


def _parameter(session: Session, words: Sequence[str]) -> None:
    if len(words) < 2:
        print(PARAMETERS, file=sys.stderr)
        return
    name, *values = words
    try:
        session.options.options[name] = typed(name, values)
    except CommandFailed as error:
        print(f'Couldn\'t set parameter: "{error}"')
    else:
        print(f"Set parameter '{name}' to '{', '.join(values)}'")


def _format(session: Session, words: Sequence[str]) -> None:
    if not words or words[0] != "json":
        print("Invalid or missing format. For 'json' mode use '/set format json'")
        return
    session.options.format = "json"
    print("Set format to 'json' mode.")


def _noformat(session: Session, _: Sequence[str]) -> None:
    session.options.format = ""
    print("Disabled format.")


def _think(session: Session, words: Sequence[str]) -> None:
    session.options.think, session.think_is_set = (words[0] if words else True), True
    _warn_of_thinking(session)
    print(f"Set 'think' mode to '{words[0]}'." if words else "Set 'think' mode.")


def _nothink(session: Session, _: Sequence[str]) -> None:
    session.options.think, session.think_is_set = False, True
    _warn_of_thinking(session)
    print("Set 'nothink' mode.")


def _warn_of_thinking(session: Session) -> None:
    if not can(session.shown, "thinking"):
        said = f'warning: model "{session.model}" does not support thinking output'
        print(said, file=sys.stderr)


def _mode(name: str, change: Callable[[Session], None]) -> Callable[[Session, Sequence[str]], None]:
    def carry_out(session: Session, _: Sequence[str]) -> None:
        change(session)
        print(f"Set '{name}' mode.")

    return carry_out


def _wrap(session: Session) -> None:
    session.options.wrap = True


def _no_wrap(session: Session) -> None:
    session.options.wrap = False


def _verbose(session: Session) -> None:
    session.options.verbose = True


def _quiet(session: Session) -> None:
    session.options.verbose = False


_CHANGES: dict[str, Callable[[Session, Sequence[str]], None]] = {
    "wordwrap": _mode("wordwrap", _wrap),
    "nowordwrap": _mode("nowordwrap", _no_wrap),
    "verbose": _mode("verbose", _verbose),
    "quiet": _mode("quiet", _quiet),
    "think": _think,
    "nothink": _nothink,
    "format": _format,
    "noformat": _noformat,
    "parameter": _parameter,
}
