"""Quantising through the real child: sizes, mixtures and values, and how it fails."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from gguf import GGMLQuantizationType, GGUFReader, dequantize

from backend.models import gguf
from backend.models.gguf import Tensor
from backend.models.gguf_write import tensor_size
from backend.models.names import ModelName
from backend.models.quantize_plan import TARGETS, planned
from backend.models.store import ModelStore
from tests.backend.gguf_files import TINY, gguf_bytes
from tests.backend.models.uploads import created, refused, uploaded

SHAPES: dict[str, tuple[int, ...]] = {
    "token_embd.weight": (256, 40),
    "blk.0.attn_norm.weight": (256,),
    "blk.0.attn_q.weight": (256, 8),
    "blk.0.attn_v.weight": (256, 8),
    "blk.0.ffn_down.weight": (96, 16),  # no K-quant fits its rows
    "blk.0.ffn_up.weight": (40, 16),  # nothing does
    "blk.0.experts.weight": (256, 4, 3),
}
MOST_ERROR = {"Q4": 0.16, "Q5": 0.08, "Q6": 0.04, "Q8": 0.01}


def weights(kind: int, values: dict[str, Any] | None = None) -> bytes:
    """A model of those tensors, normally distributed, as F32 (0), F16 (1) or BF16 (30)."""
    random = np.random.default_rng(7)
    tensors, data = [], b""
    for name, shape in SHAPES.items():
        own = (values or {}).get(name)
        array = random.standard_normal(int(np.prod(shape)), np.float32) if own is None else own
        if kind == 30:
            raw = (array.view(np.uint32) >> 16).astype(np.uint16).tobytes()
        else:
            raw = array.astype(np.float16 if kind == 1 else np.float32).tobytes()
        tensors.append((name, shape, kind, len(data)))
        data += raw + bytes(-len(raw) % 32)
    file_type = {0: 0, 1: 1, 30: 32}[kind]
    return gguf_bytes({**TINY, "general.file_type": file_type}, tensors, 0) + data


def values_of(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    return {
        tensor.name: dequantize(tensor.data, GGMLQuantizationType(tensor.tensor_type)).ravel()
        for tensor in GGUFReader(path).tensors
    }


@pytest.mark.parametrize("kind", [0, 1, 30])
@pytest.mark.parametrize("target", ["q4_K_M", "Q8_0"])
async def test_weights_are_quantized(
    client: httpx.AsyncClient, store: ModelStore, kind: int, target: str
) -> None:
    digest = await uploaded(client, weights(kind))
    lines = await created(client, model="q", files={"w.gguf": digest}, quantize=target)
    was = {0: "F32", 1: "F16", 30: "BF16"}[kind]
    steps = [line for line in lines if "total" in line]
    assert {line["status"] for line in steps} == {f"quantizing {was} model to {target.upper()}"}
    assert steps[-1]["completed"] == steps[-1]["total"]
    statuses = [line["status"] for line in lines]
    assert statuses[statuses.index("verifying conversion") + 1].startswith("creating new layer")
    stored = store.get(ModelName.parse("q"))
    assert stored.config["file_type"] == target.upper()
    assert store.content(stored).weights != store.blobs.path(digest)
    header = gguf.read(store.content(stored).weights)
    assert header.file_type == target.upper()
    assert header.metadata["general.quantization_version"] == 2
    before, after = values_of(store.blobs.path(digest)), values_of(store.content(stored).weights)
    for tensor in header.tensors:
        error = np.abs(before[tensor.name] - after[tensor.name]).mean()
        assert error <= MOST_ERROR.get(tensor.type[:2], 0.0), tensor


@pytest.mark.parametrize("target", TARGETS)
async def test_every_target_is_readable(
    client: httpx.AsyncClient, store: ModelStore, target: str
) -> None:
    digest = await uploaded(client, weights(0))
    await created(client, model="q", files={"w.gguf": digest}, quantization=target.lower())
    path = store.content(store.get(ModelName.parse("q"))).weights
    assert gguf.read(path).file_type == target
    assert path.stat().st_size < store.blobs.size(digest)
    assert all(np.isfinite(values).all() for values in values_of(path).values())


async def test_what_was_quantized_before_is_refused(client: httpx.AsyncClient) -> None:
    digest = await uploaded(client, weights(0))
    await created(client, model="q", files={"w.gguf": digest}, quantize="Q8_0")
    said = await refused(client, model="r", from_="q", quantize="Q4_0")
    assert said == (400, "quantization is only supported for F16, BF16 and F32 models")


async def test_weights_that_are_no_numbers_are_an_error_of_the_stream(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    broken = np.full(2048, np.nan, np.float32)
    digest = await uploaded(client, weights(0, {"blk.0.attn_q.weight": broken}))
    before = set(store.blobs.folder.iterdir())
    body = {"model": "q", "files": {"w.gguf": digest}, "quantize": "Q8_0"}
    response = await client.post("/api/create", json=body)
    assert "error" in response.text.splitlines()[-1]
    assert "values that are no numbers" in response.text
    assert set(store.blobs.folder.iterdir()) == before
    assert "q:latest" not in {str(name) for name in store.manifests.names()}


async def test_a_client_that_leaves_ends_the_child(
    client: httpx.AsyncClient, store: ModelStore
) -> None:
    from backend.models.quantize import quantized
    from backend.models.recipe import Recipe
    from backend.models.manifests import Layer  # isort: skip

    digest = await uploaded(client, weights(0))
    recipe = Recipe(store, {}, [Layer.of("model", digest, 1)])
    before = set(store.blobs.folder.iterdir())
    lines = quantized(store.blobs, recipe, "Q8_0")
    await anext(lines)
    await lines.aclose()
    assert set(store.blobs.folder.iterdir()) == before
    children = psutil.Process().children(recursive=True)
    await asyncio.to_thread(psutil.wait_procs, children, 5)
    assert not any("quantize_child" in " ".join(child.cmdline()) for child in children
                   if child.is_running())  # fmt: skip


def tensor(name: str, shape: tuple[int, ...], kind: str = "F16") -> Tensor:
    return Tensor(name, kind, shape, 0, tensor_size(kind, shape))


def test_the_mixture_gives_more_bits_where_they_matter() -> None:
    tensors = [tensor("token_embd.weight", (256, 9)), tensor("output.weight", (256, 9))]
    for block in range(24):
        tensors += [
            tensor(f"blk.{block}.{part}.weight", (256, 256))
            for part in ("attn_q", "attn_v", "ffn_down", "attn_qkv", "ffn_gate_inp")
        ]
    types = {new.name: new.type for new in planned(tensors, "Q4_K_M")}
    assert (types["token_embd.weight"], types["output.weight"]) == ("Q4_K", "Q6_K")
    more = [b for b in range(24) if types[f"blk.{b}.attn_v.weight"] == "Q6_K"]
    assert more == [0, 1, 2, 5, 8, 11, 14, 17, 20, 21, 22, 23]
    assert [b for b in range(24) if types[f"blk.{b}.ffn_down.weight"] == "Q6_K"] == more
    assert {types[f"blk.{b}.attn_q.weight"] for b in range(24)} == {"Q4_K"}
    assert {types[f"blk.{b}.attn_qkv.weight"] for b in range(24)} == {"Q6_K"}
    assert {types[f"blk.{b}.ffn_gate_inp.weight"] for b in range(24)} == {"F16"}
    small = {new.name: new.type for new in planned(tensors, "Q4_K_S")}
    assert [b for b in range(24) if small[f"blk.{b}.attn_v.weight"] == "Q5_K"] == [0, 1, 2, 3]
    assert [b for b in range(24) if small[f"blk.{b}.ffn_down.weight"] == "Q5_K"] == [0, 1, 2]


def test_a_tied_embedding_is_the_output() -> None:
    for target, expected in (("Q4_K_M", "Q6_K"), ("Q4_0", "Q6_K"), ("Q8_0", "Q8_0")):
        (only,) = planned([tensor("token_embd.weight", (256, 9))], target)
        assert only.type == expected
    assert [new.type for new in planned([tensor("blk.0.attn_q.weight", (48, 2))], "Q6_K")] == [
        "F16"
    ]
    assert [new.type for new in planned([tensor("x.weight", (32,), "F32")], "Q8_0")] == ["F32"]
