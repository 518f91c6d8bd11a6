"""How a transfer is cut, how patient it is, and how much it takes from a registry."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

MAX_TOKEN = 64 << 10
MAX_ERROR = 4 << 10
MAX_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds; the defaults are Ollama's, so that partial files fit both.

    `sleep` is what a try waits with before the next one.
    """

    parts: int = 16
    smallest_part: int = 100_000_000
    largest_part: int = 1_000_000_000
    tries: int = 6
    stall: float = 30.0
    """Without a byte for so long, a connection counts as broken."""
    fresh_start: int = 1_000_000
    """A try that brought so much starts the count of tries anew: the line breaks, but works."""
    save_every: int = 4_000_000
    """Bytes of a part between two notes of how far it is; after kill -9 so much may come again."""
    report_every: float = 0.06
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def part_size(self, total: int) -> int:
        """The size of all parts but the last, for a blob of `total` bytes."""
        return min(max(total // self.parts, self.smallest_part), self.largest_part)

    async def back_off(self, failures: int) -> None:
        """Wait 1, 2, 4, ... seconds after the first, second, third, ... failure."""
        await self.sleep(2.0 ** (failures - 1))
