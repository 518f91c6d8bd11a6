"""What is known of the terminal, and what may be written to it."""

import os
import sys

_COMMANDS = dict.fromkeys(
    code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r"
)


def terminal_width() -> int:
    """Columns of the terminal on standard output; 0 where there is none."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return 0


def harmless(text: str) -> str:
    """The text without the characters by which a terminal is given orders.

    Answers, licences and system messages are strangers' texts, and an escape sequence in one could
    set the clipboard or hide lines. A file or a pipe gets every text as it is.
    """
    return text.translate(_COMMANDS) if sys.stdout.isatty() else text
