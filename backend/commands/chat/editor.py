"""Where the lines of a chat come from: a line editor on the terminal (decision 0011)."""

import os
from typing import Any, Protocol

PROMPT, CONTINUED = ">>> ", "... "
PLACEHOLDER = "Send a message (/? for help)"
CONTINUED_PLACEHOLDER = 'Use """ to end multi-line input'


class Lines(Protocol):
    """Lines of a person; `keep_history` says whether they go into the history file."""

    keep_history: bool

    def read(self, *, continued: bool) -> str:
        """The next line, without its end.

        Raises EOFError for Ctrl-D, and KeyboardInterrupt for Ctrl-C, with what stood in the line.
        """


class Editor:
    """prompt_toolkit with the keys of `ollama`, and its history file."""

    def __init__(self) -> None:
        from prompt_toolkit import PromptSession

        from backend.commands.chat.history import FileOfLines, history_file

        # Asking the terminal for the cursor's place is of use for menus only, which there are
        # none of, and a terminal that does not answer would get a warning after two seconds.
        os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")
        if editor := os.environ.get("OLLAMA_EDITOR"):
            os.environ["VISUAL"] = editor
        self._history = FileOfLines(history_file(), kept=not _no_history())
        self._session: PromptSession[str] = PromptSession(
            history=self._history, key_bindings=_keys(), tempfile_suffix=".txt"
        )

    @property
    def keep_history(self) -> bool:
        """Whether lines go into the history file."""
        return self._history.kept

    @keep_history.setter
    def keep_history(self, kept: bool) -> None:
        self._history.kept = kept

    def read(self, *, continued: bool) -> str:
        """The next line; see Lines."""
        from prompt_toolkit.formatted_text import FormattedText

        hint = CONTINUED_PLACEHOLDER if continued else PLACEHOLDER
        return self._session.prompt(
            CONTINUED if continued else PROMPT,
            placeholder=FormattedText([("ansibrightblack", hint)]),
        )


def _no_history() -> bool:
    value = os.environ.get("OLLAMA_NOHISTORY", "").strip().strip("\"'").lower()
    return value not in ("", "0", "f", "false")


def _keys() -> Any:
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("c-c")
    def interrupt(event: Any) -> None:
        event.app.exit(
            exception=KeyboardInterrupt(event.current_buffer.text), style="class:exiting"
        )

    @keys.add("c-g")
    def edit(event: Any) -> None:
        event.current_buffer.open_in_editor()

    return keys
