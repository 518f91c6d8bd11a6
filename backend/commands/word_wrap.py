"""Breaks a streamed text between words at the terminal's width, as the text comes in.

A word is held back until it is known to end, so nothing that was printed is ever taken back.
"""

from backend.commands.tables import cell_width

MARGIN = 5
NARROWEST = 10
"""Columns below which breaking lines makes a text no easier to read."""


class WordWrap:
    """Give it text piece by piece; it gives back what may be printed now.

    `width` is the terminal's in columns; below NARROWEST (a pipe has 0) the text passes unchanged.
    """

    def __init__(self, width: int) -> None:
        self._limit = width - MARGIN if width >= NARROWEST else 0
        self._column = 0
        self._blanks = ""
        self._word = ""

    def feed(self, text: str) -> str:
        """What can be printed after this piece."""
        if not self._limit:
            return text
        return "".join(map(self._next, text))

    def end(self) -> str:
        """What was still held back."""
        out, blanks = self._place(), self._blanks
        self._blanks = ""
        self._column += len(blanks)
        return out + blanks

    def _next(self, character: str) -> str:
        if character in "\r\n":
            out = self.end() + character
            self._column = 0
            return out
        if character in " \t":
            out = self._place()
            self._blanks += character
            return out
        if cell_width(character) > 1:  # in scripts without blanks a line may break anywhere
            out = self._place()
            self._word = character
            return out + self._place()
        self._word += character
        return self._place() if cell_width(self._word) >= self._limit else ""

    def _place(self) -> str:
        word, self._word = self._word, ""
        if not word:
            return ""
        blanks, self._blanks = self._blanks, ""
        needed = len(blanks) + cell_width(word)
        if self._column and self._column + needed > self._limit:
            self._column = cell_width(word)
            return "\n" + word
        self._column += needed
        return blanks + word
