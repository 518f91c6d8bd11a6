"""Stops a reply that goes round in a circle."""

from backend.errors import RepetitionStopped

LIMIT = 30


class RepeatGuard:
    """Counts equal pieces of text in a row; blanks around them do not make them different."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._last = ""
        self._count = 0

    def see(self, text: str) -> None:
        """Raise RepetitionStopped when more than `limit` pieces have followed their equal."""
        piece = text.strip()
        self._count = self._count + 1 if piece == self._last else 0
        self._last = piece
        if self._count > self._limit:
            raise RepetitionStopped("prediction aborted, token repeat limit reached")
