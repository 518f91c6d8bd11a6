"""Models in several files: joined into one that reads as the whole did, or refused."""

import struct
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from backend.models import gguf
from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.gguf_files import TINY, gguf_bytes
from tests.backend.models.uploads import created, manifest, refused, uploaded

SHAPES = {"a": (32, 3), "b": (40,), "c": (32, 2), "d": (7,)}


def part(number: int, names: str, count: int = 2, total: int = 4, **more: Any) -> bytes:
    """One part with these tensors; each value of a tensor is the letter of its name."""
    split = {"split.no": number, "split.count": count, "split.tensors.count": total}
    tensors, data = [], b""
    for name in names:
        tensors.append((name, SHAPES[name], 0, len(data)))
        count_of = int(np.prod(SHAPES[name]))
        raw = struct.pack("<f", ord(name)) * count_of
        data += raw + bytes(-len(raw) % 32)
    metadata = {**(TINY if number == 0 else {}), **split, **more}
    return gguf_bytes(metadata, tensors, 0) + data


async def test_parts_become_one_file(client: httpx.AsyncClient, store: ModelStore) -> None:
    files = {
        "z-00001-of-00002.gguf": await uploaded(client, part(0, "ab")),
        "a-00002-of-00002.gguf": await uploaded(client, part(1, "cd")),  # the names do not count
    }
    lines = await created(client, model="whole", files=files, system="Hi.")
    assert [line["status"] for line in lines][:3] == [
        "parsing GGUF", "parsing GGUF", "merging 2 parts of the model",
    ]  # fmt: skip
    path = store.content(store.get(ModelName.parse("whole"))).weights
    header = gguf.read(path, long_arrays=True)
    assert [(tensor.name, tensor.shape) for tensor in header.tensors] == list(SHAPES.items())
    assert not any(key.startswith("split.") for key in header.metadata)
    assert header.metadata["tokenizer.ggml.tokens"] == tuple(f"word{i}" for i in range(8))
    raw = path.read_bytes()
    for tensor in header.tensors:
        start = header.data_start + tensor.offset
        values = np.frombuffer(raw[start : start + tensor.size], np.float32)
        assert set(values) == {float(ord(tensor.name))}
    layers = manifest(store, "whole").layers
    assert [layer.role for layer in layers] == ["model", "system"]
    assert store.get(ModelName.parse("whole")).config["model_type"] == "207"


async def test_the_usual_reader_reads_what_was_joined(
    client: httpx.AsyncClient, store: ModelStore, tmp_path: Path
) -> None:
    from gguf import GGUFReader

    files = {str(i): await uploaded(client, raw)
             for i, raw in enumerate((part(0, "ab"), part(1, "cd")))}  # fmt: skip
    await created(client, model="whole", files=files)
    reader = GGUFReader(store.content(store.get(ModelName.parse("whole"))).weights)
    assert {tensor.name: float(tensor.data.flat[0]) for tensor in reader.tensors} == {
        name: float(ord(name)) for name in SHAPES
    }


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([part(0, "ab")], "2 parts are needed"),
        ([part(0, "ab"), part(1, "cd"), part(1, "c")], "2 parts are needed"),
        ([part(0, "ab"), part(2, "cd")], "2 parts are needed"),
        ([part(0, "ab"), part(1, "cd", count=3)], "not parts of one model"),
        ([part(0, "ab"), part(1, "c")], "its tensors are not all there"),
        ([part(0, "abc"), part(1, "c")], "its tensors are not all there"),
        ([part(0, "ab"), gguf_bytes({"general.architecture": "llama"})], "not parts of one model"),
    ],
)
async def test_parts_that_make_no_whole(
    client: httpx.AsyncClient, parts: list[bytes], sentence: str
) -> None:
    files = {f"{i}.gguf": await uploaded(client, raw) for i, raw in enumerate(parts)}
    status, said = await refused(client, model="m", files=files)
    assert status == 400
    assert said.startswith("invalid split GGUF: ")
    assert sentence in said
