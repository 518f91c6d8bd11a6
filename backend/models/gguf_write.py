"""Writes GGUF files from parts of checked ones: metadata byte for byte, tensors one by one."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from backend.models.gguf import GGUF, Tensor
from backend.models.gguf_types import TENSOR_TYPES

BLOCK = 1 << 20
_TYPE_IDS = {name: number for number, (name, _, _) in TENSOR_TYPES.items()}
_UINT32 = 4


@dataclass(frozen=True, slots=True)
class Planned:
    """A tensor of the file to be written; its type's name decides its size."""

    name: str
    shape: tuple[int, ...]
    type: str

    @property
    def size(self) -> int:
        """Bytes of its data."""
        return tensor_size(self.type, self.shape)


def tensor_size(type_name: str, shape: Sequence[int]) -> int:
    """Bytes of a tensor's data."""
    _, block, block_bytes = TENSOR_TYPES[_TYPE_IDS[type_name]]
    return prod(shape) // block * block_bytes


def type_id(type_name: str) -> int:
    """ggml's number of a tensor type."""
    return _TYPE_IDS[type_name]


def uint32(key: str, value: int) -> bytes:
    """An entry of the metadata."""
    return _text(key) + struct.pack("<II", _UINT32, value)


def kept_entries(header: GGUF, path: Path, *, without: Iterable[str] = ()) -> list[bytes]:
    """The entries of a file's metadata as they stand in it, but for some keys."""
    with path.open("rb") as file:
        entries = []
        for key, (start, end) in header.spans.items():
            if key not in without:
                file.seek(start)
                entries.append(file.read(end - start))
    return entries


def head(entries: Sequence[bytes], tensors: Sequence[Planned], alignment: int) -> bytes:
    """Everything before the data, padded up to it."""
    out = bytearray(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(entries)))
    for entry in entries:
        out += entry
    offset = 0
    for tensor in tensors:
        out += _text(tensor.name) + struct.pack("<I", len(tensor.shape))
        out += struct.pack(f"<{len(tensor.shape)}Q", *tensor.shape)
        out += struct.pack("<IQ", type_id(tensor.type), offset)
        offset += tensor.size + padding(tensor.size, alignment)
    return bytes(out) + bytes(padding(len(out), alignment))


def padding(size: int, alignment: int) -> int:
    """How many zeros bring that size up to the alignment."""
    return -size % alignment


def data_of(header: GGUF, path: Path, tensor: Tensor) -> Iterator[bytes]:
    """A tensor's bytes, a block at a time."""
    with path.open("rb") as file:
        file.seek(header.data_start + tensor.offset)
        left = tensor.size
        while left and (block := file.read(min(left, BLOCK))):
            left -= len(block)
            yield block


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw
