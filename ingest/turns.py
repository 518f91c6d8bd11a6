"""One at a time, questions before background work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A lock with two queues: whoever waits in the background waits for all the others."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._taken = False
        self.urgent_waiting = 0

    @contextmanager
    def turn(self, *, background: bool) -> Iterator[None]:
        """Hold the turn during the block."""
        with self._condition:
            if background:
                self._condition.wait_for(lambda: not self._taken and not self.urgent_waiting)
            else:
                self.urgent_waiting += 1
                self._condition.wait_for(lambda: not self._taken)
                self.urgent_waiting -= 1
            self._taken = True
        try:
            yield
        finally:
            with self._condition:
                self._taken = False
                self._condition.notify_all()
