"""Writes small GGUF files for tests: sound ones, and ones wrong in a chosen place."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TINY: dict[str, Any] = {
    "general.architecture": "llama",
    "general.file_type": 2,
    "llama.block_count": 1,
    "llama.context_length": 64,
    "llama.embedding_length": 32,
    "tokenizer.ggml.tokens": [f"word{i}" for i in range(8)],
    "tokenizer.chat_template": "{% for message in messages %}{{ message.content }}{% endfor %}",
}


def gguf_bytes(
    metadata: Mapping[str, Any] = TINY,
    tensors: Sequence[tuple[str, Sequence[int], int, int]] = (("output", (32, 2), 0, 0),),
    data: int = 512,
) -> bytes:
    """A file with these entries, tensors as (name, shape, type, offset), and `data` zero bytes."""
    out = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        out += _text(key) + _value(value)
    for name, shape, kind, offset in tensors:
        out += _text(name) + struct.pack("<I", len(shape))
        out += b"".join(struct.pack("<Q", size) for size in shape)
        out += struct.pack("<IQ", kind, offset)
    return out + bytes(-len(out) % 32) + bytes(data)


def write_gguf(path: Path, metadata: Mapping[str, Any] = TINY) -> Path:
    """A sound file at `path`."""
    path.write_bytes(gguf_bytes(metadata))
    return path


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, list):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    return struct.pack("<II", 4, value)
