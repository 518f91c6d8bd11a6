"""Blocking work in a thread that is over before anybody goes on."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
Result = TypeVar("Result")


async def in_thread(
    function: Callable[P, Result], /, *args: P.args, **keywords: P.kwargs
) -> Result:
    """The function's result; a cancel is obeyed when it has returned.

    With `asyncio.to_thread` alone, a thread could still write to a file that its canceller has
    closed, and the number of that file may be another file's by then.
    """
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **keywords))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
