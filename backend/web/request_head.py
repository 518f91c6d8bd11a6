"""How much of a request's head a connection may send, and how long it may take for it.

uvicorn's fast parser knows no bound: a header without an end is kept in memory for as long as it
grows, and a connection that says nothing stays for ever.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_BYTES = 64 << 10
SECONDS = 60.0


class BoundedHead(HttpToolsProtocol):
    """One connection; what comes after a request's head is bounded elsewhere."""

    _bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect the first head soon."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes while a head is on its way."""
        super().data_received(data)
        if self._timer is None:
            return
        self._bytes += len(data)
        if self._bytes > MAX_BYTES and not self.transport.is_closing():
            self._arrived()
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """Another request on this connection."""
        super().on_message_begin()
        self._expect()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._arrived()
        super().on_headers_complete()

    def _expect(self) -> None:
        if self._timer is None:
            self._bytes = 0
            self._timer = self.loop.call_later(SECONDS, self._late)

    def _arrived(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        transport: Any = self.transport
        transport.close()
