"""Ends a text at the first stop sequence, wherever the pieces of it were cut."""

from collections.abc import Sequence


class StopText:
    """Passes text on, but for an end that might become a stop sequence with what comes next."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""

    def feed(self, text: str) -> tuple[str, bool]:
        """What may be shown now, and whether a stop sequence was met; nothing is fed after that."""
        self._held += text
        found = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            shown, self._held = self._held[: min(found)], ""
            return shown, True
        cut = len(self._held) - self._doubtful()
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown, False

    def end(self) -> str:
        """What was held back, now that nothing comes any more."""
        shown, self._held = self._held, ""
        return shown

    def _doubtful(self) -> int:
        longest = max(map(len, self._stops), default=1) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stops):
                return length
        return 0
