"""Runs the child that quantises and hands on what it writes."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from pathlib import Path

from backend.engine.threads import default_threads
from backend.errors import InvalidModel

CHILD = "backend.engine.quantize_child"
BLOCK = 1 << 20
# offset, size, source type, row length, rows, target type: bytes, and ggml's numbers of types
Turn = tuple[int, int, int, int, int, int]


async def turned(
    source: Path, tensors: Sequence[Turn], alignment: int
) -> AsyncGenerator[bytes, None]:
    """The data of the new file in blocks; raises InvalidModel with what the child said last.

    Closing the generator kills the child.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", CHILD),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
        start_new_session=True,  # Ctrl-C is for the front, which then stops its children
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    said = asyncio.create_task(process.stderr.read())
    order = {"parent": os.getpid(), "source": str(source), "threads": default_threads(),
             "alignment": alignment, "tensors": tensors}  # fmt: skip
    try:
        with suppress(ConnectionError):  # a child that died at once is told by its status
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
        while block := await process.stdout.read(BLOCK):
            yield block
        if await process.wait():
            lines = (await said).decode("utf-8", "replace").split("\n")
            last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
            raise InvalidModel(f"the model could not be quantized: {last.strip()}")
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await said
        process.stdin.close()


def _environment() -> dict[str, str]:
    package_parent = str(Path(__file__).resolve().parents[2])
    search = [package_parent, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(search)}
