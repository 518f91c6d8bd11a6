"""Starting a runner under a stall timeout: it may take as long as it gets on."""

import asyncio
import time

from backend.engine.runner import Runner
from backend.errors import LoadFailed

_LOOKS = 8  # at the progress, within one timeout
_LONGEST_LOOK = 1.0  # seconds between two


async def start(runner: Runner, stall_seconds: float) -> None:
    """Start `runner`; raises LoadFailed when it fails or does not move for `stall_seconds`.

    What moving means is the runner's to say (`Runner.progress`); infinite seconds never stall.
    """
    starting = asyncio.create_task(runner.start())
    try:
        await _watched(runner, starting, stall_seconds)
        await starting
    except OSError as error:  # no process or pipe to be had
        raise LoadFailed(f"the model runner could not be started: {error}") from error
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)


async def _watched(runner: Runner, starting: "asyncio.Task[None]", stall_seconds: float) -> None:
    look = min(stall_seconds / _LOOKS, _LONGEST_LOOK)
    seen, moved = runner.progress(), time.monotonic()
    while not starting.done():
        await asyncio.wait({starting}, timeout=look)
        now, progress = time.monotonic(), runner.progress()
        if progress != seen:
            seen, moved = progress, now
        elif now - moved >= stall_seconds and not starting.done():
            raise LoadFailed(
                "timed out waiting for the model runner to start: "
                f"no progress for {stall_seconds:g} s (OLLAMA_LOAD_TIMEOUT)"
            )
