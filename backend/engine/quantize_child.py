"""The child process that quantises: native code over a stranger's weights, away from the server.

Started by `quantize.py` as `python -m backend.engine.quantize_child`. One line of stdin is JSON:

    {"parent": pid, "source": path, "threads": n, "alignment": bytes,
     "tensors": [[offset, size, source type, row length, rows, target type], ...]}

stdout is the data of the new file, tensor after tensor, each padded to the alignment; it says
nothing else. What goes wrong is the last line of stderr, and a status of 1.
"""

import ctypes
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from backend.engine.lifeline import die_with_parent, watch_pipe
from backend.engine.limits import confine
from backend.engine.openmp import provide_openmp

CHUNK = 1 << 20  # weights that one thread turns at once
F32, F16, BF16 = 0, 1, 30
_WIDTHS = {F32: 4, F16: 2, BF16: 2}
Floats = NDArray[np.float32]


def main() -> None:
    """Write the data that the parent asks for."""
    order = json.loads(sys.stdin.buffer.readline())
    die_with_parent(order["parent"])
    watch_pipe(sys.stdin.fileno(), lambda: os._exit(1))
    confine()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        with out, Path(order["source"]).open("rb") as source:
            for tensor in order["tensors"]:
                written = sum(_written(out, part) for part in _parts(source, tensor, order))
                out.write(bytes(-written % order["alignment"]))
    except Exception as error:  # noqa: BLE001 - the edge of the process: told to the parent
        print(error, file=sys.stderr)
        os._exit(1)
    os._exit(0)


def _parts(source: BinaryIO, tensor: list[int], order: dict[str, Any]) -> Iterator[bytes]:
    offset, size, kind, row, rows, target = tensor
    source.seek(offset)
    if kind == target:
        while size and (block := source.read(min(size, CHUNK))):
            size -= len(block)
            yield block
        return
    quantize, at_once = _quantizer(target, row), max(1, CHUNK // row)
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(order["threads"]) as pool:
        for first in range(0, rows, at_once):
            count = min(at_once, rows - first)
            raw = source.read(count * row * _WIDTHS[kind])
            waiting.append(pool.submit(lambda raw, n: quantize(_floats(raw, kind), n), raw, count))
            if len(waiting) > order["threads"]:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _floats(raw: bytes, kind: int) -> Floats:
    if kind == BF16:  # the upper half of a float
        floats = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        floats = np.frombuffer(raw, np.float16 if kind == F16 else np.float32).astype(np.float32)
    if not np.isfinite(floats).all():
        raise ValueError("the weights hold values that are no numbers; nothing sound comes of them")
    return floats


def _quantizer(target: int, row: int) -> Callable[[Floats, int], bytes]:
    library = _library()
    row_bytes = library.ggml_row_size(target, row)

    def quantize(weights: Floats, rows: int) -> bytes:
        turned = ctypes.create_string_buffer(rows * row_bytes)
        size = library.ggml_quantize_chunk(target, weights.ctypes.data, turned, 0, rows, row, None)
        if size != len(turned):
            raise ValueError("the engine wrote another number of bytes than it should")
        return turned.raw

    return quantize


def _library() -> Any:
    if not provide_openmp():
        raise RuntimeError("libgomp.so.1 is missing; install it, on Debian: apt install libgomp1")
    import xllamacpp

    # Its Python side has no word for this, but the library in it exports ggml's own functions.
    library = ctypes.CDLL(xllamacpp.xllamacpp.__file__)
    if not hasattr(library, "ggml_quantize_chunk"):
        raise RuntimeError("the engine of this system cannot quantise")
    library.ggml_row_size.restype = library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]
    library.ggml_quantize_chunk.argtypes = [
        *(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p),
        *(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p),
    ]
    return library


def _written(out: BinaryIO, part: bytes) -> int:
    out.write(part)
    return len(part)


if __name__ == "__main__":
    main()
