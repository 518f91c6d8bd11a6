"""The chat itself: read a line, ask it or carry it out, until the user leaves."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from backend.commands.asking import RunOptions, load
from backend.commands.chat.compose import Composer, Entry
from backend.commands.chat.editor import PROMPT, Editor, Lines
from backend.commands.chat.session import Session
from backend.commands.chat.set_words import TEXTS, set_text
from backend.commands.chat.slash_words import Leave, carry_out
from backend.commands.errors import CommandFailed
from backend.commands.pictures import named_pictures
from backend.commands.server import Server
from backend.commands.terminal import harmless, terminal_width
from backend.commands.word_wrap import WordWrap


def chat(server: Server, model: str, shown: Mapping[str, Any], options: RunOptions) -> None:
    """Load the model, print the conversation it comes with, and talk; raises Refused."""
    load(server, model, options)
    print_examples(shown.get("messages") or [], terminal_width() if options.wrap else 0)
    talk(Session(server, model, shown, options), Editor())


def talk(session: Session, lines: Lines) -> None:
    """Carry out line after line, until there are no more or the user says `/bye`.

    An error is a sentence, and the chat goes on: what was said so far must not be lost to it.
    """
    composer = Composer(TEXTS)
    while True:
        try:
            entry = composer.add(lines.read(continued=composer.unclosed))
            if entry is not None:
                _carry_out(session, lines, entry)
        except (EOFError, Leave) as end:
            if isinstance(end, EOFError):
                print()
            return
        except KeyboardInterrupt as interrupt:
            composer.drop()
            if not any(interrupt.args):
                print("\nUse Ctrl + d or /bye to exit.")
        except CommandFailed as error:
            print(f"error: {error}", file=sys.stderr)


def print_examples(messages: Sequence[Mapping[str, str]], width: int) -> None:
    """Print the conversation that a model comes with as if it had just been held."""
    for message in messages:
        if message["role"] == "user":
            print(f"{PROMPT}{harmless(message['content'])}")
        elif message["role"] == "assistant":
            wrap = WordWrap(width)
            print(wrap.feed(harmless(message["content"])) + wrap.end() + "\n")


def _carry_out(session: Session, lines: Lines, entry: Entry) -> None:
    kind, text = entry
    if kind in TEXTS:
        set_text(session, kind, text)
    elif not text.strip():
        return
    elif kind == "line" and text.startswith("/") and not _is_picture(session, text):
        carry_out(session, lines, text.split())
    else:
        session.ask(text)


def _is_picture(session: Session, text: str) -> bool:
    first = text.split()[0]
    return session.sees and any(name.startswith(first) for name in named_pictures(text))
