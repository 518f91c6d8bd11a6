"""The words of a chat that begin with `/`."""

import sys
from collections.abc import Callable, Sequence

from backend.commands.chat import help_texts
from backend.commands.chat.editor import Lines
from backend.commands.chat.session import Session
from backend.commands.chat.set_words import set_word
from backend.commands.chat.show_words import show_word
from backend.commands.errors import Refused
from backend.commands.listing import print_stored

Words = Sequence[str]


class Leave(Exception):
    """The user is done."""


def carry_out(session: Session, lines: Lines, words: Words) -> None:
    """Do what the first word says; raises Leave for `/bye`, CommandFailed where it cannot be."""
    name, *rest = words
    if name == "/set":
        set_word(session, lines, rest)
    elif name in _WORDS:
        _WORDS[name](session, rest)
    else:
        print(f"Unknown command '{name}'. Type /? for help")


def _leave(_: Session, __: Words) -> None:
    raise Leave


def _load(session: Session, words: Words) -> None:
    if len(words) != 1:
        print("Usage:\n  /load <modelname>")
        return
    print(f"Loading model '{words[0]}'")
    try:
        session.load(words[0])
    except Refused as refusal:
        if not refusal.not_found:
            raise
        print(f"Couldn't find model '{words[0]}'")


def _save(session: Session, words: Words) -> None:
    if len(words) != 1:
        print("Usage:\n  /save <modelname>")
        return
    try:
        session.save(words[0])
    except Refused as refusal:
        if "invalid model name" not in str(refusal):
            raise
        print(f"error: The model name '{words[0]}' is invalid")
    else:
        print(f"Created new model '{words[0]}'")


def _clear(session: Session, _: Words) -> None:
    session.clear()
    print("Cleared session context")


def _list(session: Session, words: Words) -> None:
    print_stored(session.server, words[0] if words else "")


def _help(session: Session, words: Words) -> None:
    pages = {
        "set": help_texts.SET,
        "show": help_texts.SHOW,
        "shortcut": help_texts.SHORTCUTS,
        "shortcuts": help_texts.SHORTCUTS,
    }
    text = pages.get(words[0].removeprefix("/"), "") if words else help_texts.USAGE
    if not words and session.sees:
        text += help_texts.PICTURES
    print(text, file=sys.stderr)


_WORDS: dict[str, Callable[[Session, Words], None]] = {
    "/bye": _leave,
    "/exit": _leave,
    "/load": _load,
    "/save": _save,
    "/clear": _clear,
    "/list": _list,
    "/show": show_word,
    "/?": _help,
    "/help": _help,
}
