"""The lines that pull and push tell their progress with."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeAlias

from backend.models.manifests import Layer
from backend.web.wire import present

Line: TypeAlias = dict[str, Any]


def status(text: str) -> Line:
    """A line that only says what is being done."""
    return {"status": text}


def moved(verb: str, layer: Layer, completed: int) -> Line:
    """How many bytes of a layer are there: `pulling` or `pushing`."""
    counts = {"digest": layer.digest, "total": layer.size, "completed": completed}
    return {"status": f"{verb} {layer.digest[7:19]}"} | present(counts)


async def told(
    task: asyncio.Task[None], line: Callable[[], Line], every: float
) -> AsyncGenerator[Line, None]:
    """A line every so many seconds until the task has ended; raises what it raised."""
    while not task.done():
        await asyncio.wait([task], timeout=every)
        if not task.done():
            yield line()
    task.result()
