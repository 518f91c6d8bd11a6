"""Quantises the weights of a model in the making: planned here, done by the engine's child."""

import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from math import prod
from pathlib import Path
from typing import Any

from backend.engine.quantize import Turn
from backend.engine.quantize import turned as child_turned
from backend.errors import BadRequest
from backend.models import gguf
from backend.models.blobs import Blobs
from backend.models.gguf_types import FILE_TYPES
from backend.models.gguf_write import Planned, head, kept_entries, type_id, uint32
from backend.models.manifests import Layer
from backend.models.quantize_plan import SOURCES, TARGETS, planned
from backend.models.recipe import Recipe
from backend.registry.threads import in_thread

REPORT_EVERY = 0.06  # seconds, as a pull reports
_REPLACED = ("general.file_type", "general.quantization_version")


def check_target(target: str) -> str:
    """The quantisation's name as it is written; raises BadRequest where there is none."""
    name = target.upper()
    if name not in TARGETS:
        raise BadRequest(f"unknown quantization type {target}: there are {', '.join(TARGETS)}")
    return name


def source_type(header: gguf.GGUF) -> str:
    """The type of most weights; raises BadRequest where some have been quantised before."""
    weights: Counter[str] = Counter()
    for tensor in header.tensors:
        weights[tensor.type] += prod(tensor.shape)
    told = header.file_type in (*SOURCES, "unknown")
    if not told or not weights or not set(weights) <= {*SOURCES}:
        raise BadRequest("quantization is only supported for F16, BF16 and F32 models")
    return weights.most_common(1)[0][0]


async def quantized(
    blobs: Blobs, recipe: Recipe, target: str
) -> AsyncGenerator[dict[str, Any], None]:
    """Progress lines; at the end the recipe's model is the quantised one.

    Raises BadRequest, or InvalidModel where the child fails.
    """
    name = check_target(target)
    source = next((layer for layer in recipe.layers if layer.role == "model"), None)
    if source is None:
        raise BadRequest("there are no weights to quantize")
    path = blobs.path(source.digest)
    header = await in_thread(gguf.read, path)
    was = source_type(header)
    tensors = planned(header.tensors, name)
    total = sum(tensor.size for tensor in tensors)
    line = {"status": f"quantizing {was} model to {name}", "digest": source.digest,
            "total": total}  # fmt: skip
    last = 0.0
    with blobs.incoming() as blob:
        await in_thread(blob.write, _head(header, path, tensors, name))
        done = 0
        turns = _turns(header, tensors)
        async with aclosing(child_turned(path, turns, header.alignment)) as blocks:
            async for block in blocks:
                await in_thread(blob.write, block)
                done += len(block)
                if time.monotonic() - last >= REPORT_EVERY:
                    last = time.monotonic()
                    yield line | {"completed": min(done, total)}
        yield line | {"completed": total}
        digest, size = await in_thread(blob.finish)
    yield {"status": "verifying conversion"}
    after = await in_thread(gguf.read, blobs.path(digest))
    recipe.replace_layer(source, Layer.of("model", digest, size))
    recipe.config["file_type"] = after.file_type


def _head(header: gguf.GGUF, path: Path, tensors: list[Planned], name: str) -> bytes:
    number = next(number for number, known in FILE_TYPES.items() if known == name)
    entries = kept_entries(header, path, without=_REPLACED)
    entries += [uint32("general.file_type", number), uint32("general.quantization_version", 2)]
    return head(entries, tensors, header.alignment)


def _turns(header: gguf.GGUF, tensors: list[Planned]) -> list[Turn]:
    return [
        (header.data_start + old.offset, old.size, type_id(old.type), old.shape[0],
         prod(old.shape[1:]), type_id(new.type))
        for old, new in zip(header.tensors, tensors, strict=True)
    ]  # fmt: skip
