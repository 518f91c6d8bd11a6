"""A bounded reader of GGUF headers: metadata and tensor table, never the weights.

Native code trusts the counts and offsets of a model file; this reader does not. Every length is
checked against the file's size before it is used, so a crafted file ends here with InvalidModel
instead of in a crashed child (CVE-2025-0315, CVE-2025-66959 and their kin).
Format: the GGUF specification, versions 2 and 3, little-endian.
"""

import mmap
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TypeAlias

from backend.errors import InvalidModel
from backend.models.gguf_types import ARRAY, FILE_TYPES, SCALARS, STRING, TENSOR_TYPES

Scalar: TypeAlias = int | float | bool | str
Value: TypeAlias = Scalar | tuple[Scalar, ...] | None

MAX_STRING = 16 << 20
MAX_ELEMENTS = 64 << 20
MAX_ENTRIES = 1 << 16
MAX_BLOCKS = 512
MAX_HEADER = 256 << 20
MAX_KEPT = 4 << 20  # elements of all long arrays together, where they were asked for
SHORT_ARRAY = 5  # /api/show leaves longer arrays out unless asked (verbose)

_BIG_ENDIAN = (
    "big-endian GGUF files are not supported; convert the model for little-endian machines"
)
_TYPED = {"general.alignment": 4, "general.architecture": STRING}
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Tensor:
    """A row of the tensor table; `offset` counts from the start of the data section."""

    name: str
    type: str
    shape: tuple[int, ...]
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class GGUF:
    """A checked header. A long array is None in `metadata` unless it was asked for.

    `spans` are the bytes of the file in which each entry of the metadata stands, key included;
    the data of the tensors begins at `data_start`, in steps of `alignment`.
    """

    version: int
    metadata: dict[str, Value]
    tensors: tuple[Tensor, ...]
    spans: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    data_start: int = 0
    alignment: int = 32

    @property
    def architecture(self) -> str:
        """`general.architecture`, e.g. `gemma3`, or `unknown`."""
        value = self.metadata.get("general.architecture")
        return value if isinstance(value, str) else "unknown"

    @property
    def parameter_count(self) -> int:
        """The number of weights in all tensors."""
        return sum(prod(tensor.shape) for tensor in self.tensors)

    @property
    def file_type(self) -> str:
        """The quantisation, e.g. `Q4_K_M`, or `unknown`."""
        value = self.metadata.get("general.file_type")
        return FILE_TYPES.get(value, "unknown") if isinstance(value, int) else "unknown"

    def integer(self, key: str) -> int | None:
        """The integer `<architecture>.<key>`, e.g. `context_length`, where there is one."""
        value = self.metadata.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def kind(self) -> str:
        """What the file is for: `model`, `adapter` (LoRA) or `projector`."""
        kind = self.metadata.get("general.type")
        if kind == "adapter":
            return "adapter"
        sees = self.integer("vision.block_count") and not self.integer("block_count")
        clip = self.architecture == "clip"
        return "projector" if kind in ("projector", "mmproj") or clip or sees else "model"

    @property
    def chat_template(self) -> str | None:
        """The Jinja chat template that the file carries."""
        value = self.metadata.get("tokenizer.chat_template")
        return value if isinstance(value, str) else None


def read(path: Path, *, long_arrays: bool = False) -> GGUF:
    """The header of the GGUF file at `path`; raises InvalidModel when any bound is broken.

    With `long_arrays` the metadata keeps arrays of more than five elements (a vocabulary of
    262,144 words takes about 0.2 s), else they are checked and left out.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a device or pipe might never end
            raise InvalidModel("the model file is no regular file")
        with path.open("rb") as file:
            view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise InvalidModel(f"the model file cannot be read: {error}") from error
    with view:
        return _read(_Cursor(view), long_arrays=long_arrays)


class _Cursor:
    """A position in the file that cannot leave it."""

    __slots__ = ("at", "data", "kept", "size")

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.size, self.at, self.kept = data, len(data), 0, 0

    def skip(self, count: int) -> int:
        start = self.at
        if count > min(self.size, MAX_HEADER) - start:
            raise InvalidModel("the model file is cut short or lies about its lengths")
        self.at = start + count
        return start

    def unpack(self, form: struct.Struct) -> Scalar:
        value: Scalar = form.unpack_from(self.data, self.skip(form.size))[0]
        return value

    def u32(self) -> int:
        return int(self.unpack(_U32))

    def u64(self, limit: int) -> int:
        value = int(self.unpack(_U64))
        if value > limit:
            raise InvalidModel(f"a count of {value} in the model file is above {limit}")
        return value

    def text(self) -> str:
        length = self.u64(MAX_STRING)
        start = self.skip(length)
        return self.data[start : start + length].decode("utf-8", "replace")


def _read(cursor: _Cursor, *, long_arrays: bool) -> GGUF:
    version = _version(cursor)
    tensor_count = cursor.u64(MAX_ENTRIES)
    entry_count = cursor.u64(MAX_ENTRIES)
    metadata: dict[str, Value] = {}
    spans: dict[str, tuple[int, int]] = {}
    for _ in range(entry_count):
        start, key, kind = cursor.at, cursor.text(), cursor.u32()
        if key in metadata:
            raise InvalidModel(f"the key {key!r} stands twice in the model file")
        if kind != _TYPED.get(
            key, kind
        ):  # llama.cpp aborts where it reads another type than it has
            raise InvalidModel(f"the key {key!r} has the wrong type")
        metadata[key] = _value(cursor, kind, long_arrays=long_arrays)
        spans[key] = (start, cursor.at)
    tensors = tuple(_tensor(cursor) for _ in range(tensor_count))
    alignment = _alignment(metadata)
    data_start = -(-cursor.at // alignment) * alignment
    header = GGUF(version, metadata, tensors, spans, data_start, alignment)
    _check_counts(header)
    _check_tensors(header, cursor.size - data_start)
    return header


def _version(cursor: _Cursor) -> int:
    start = cursor.skip(4)
    magic = cursor.data[start : start + 4]
    if magic == b"FUGG":
        raise InvalidModel(_BIG_ENDIAN)
    if magic != b"GGUF":
        raise InvalidModel("supplied file was not in GGUF format")
    version = cursor.u32()
    if version and not version & 0xFFFF:  # a small number with its bytes the other way round
        raise InvalidModel(_BIG_ENDIAN)
    if version not in (2, 3):
        raise InvalidModel(
            f"GGUF version {version} is not supported, only 2 and 3; convert the model again"
        )
    return version


def _value(cursor: _Cursor, kind: int, *, long_arrays: bool) -> Value:
    if kind == STRING:
        return cursor.text()
    if kind == ARRAY:
        return _array(cursor, long_arrays=long_arrays)
    if kind not in SCALARS:
        raise InvalidModel(f"{kind} is not a value type of GGUF")
    return cursor.unpack(SCALARS[kind])


def _array(cursor: _Cursor, *, long_arrays: bool) -> tuple[Scalar, ...] | None:
    kind, count = cursor.u32(), cursor.u64(MAX_ELEMENTS)
    keep = count <= (MAX_KEPT - cursor.kept if long_arrays else SHORT_ARRAY)
    cursor.kept += count if keep else 0
    if kind == STRING:
        if keep:
            return tuple(cursor.text() for _ in range(count))
        _skip_texts(cursor, count)
        return None
    if kind not in SCALARS:
        raise InvalidModel(f"{kind} is not an element type of a GGUF array")
    form = SCALARS[kind]
    start = cursor.skip(form.size * count)
    if not keep:
        return None
    return struct.unpack_from(f"<{count}{form.format[-1]}", cursor.data, start)


def _skip_texts(cursor: _Cursor, count: int) -> None:
    # The vocabulary: a quarter of a million strings, so the loop is kept free of calls.
    read_length, data, at = _U64.unpack_from, cursor.data, cursor.at
    size = min(cursor.size, MAX_HEADER)
    last = size - _U64.size
    for _ in range(count):
        if at > last:
            break
        length = read_length(data, at)[0]
        if length > MAX_STRING:
            break
        at += _U64.size + length
    else:
        if at <= size:
            cursor.at = at
            return
    raise InvalidModel("an array of strings in the model file is cut short or too long")


def _tensor(cursor: _Cursor) -> Tensor:
    name = cursor.text()
    rank = cursor.u32()
    if not 1 <= rank <= 4:
        raise InvalidModel(f"tensor {name!r} has {rank} dimensions")
    shape = tuple(cursor.u64(1 << 62) for _ in range(rank))
    kind, offset = cursor.u32(), cursor.u64(1 << 62)
    if kind not in TENSOR_TYPES:
        raise InvalidModel(f"tensor {name!r} has the unknown type {kind}")
    type_name, block, block_bytes = TENSOR_TYPES[kind]
    if 0 in shape or shape[0] % block:
        raise InvalidModel(f"tensor {name!r} has the impossible shape {shape}")
    return Tensor(name, type_name, shape, offset, prod(shape) // block * block_bytes)


def _check_counts(header: GGUF) -> None:
    blocks = header.metadata.get(f"{header.architecture}.block_count")
    if blocks is not None and not (isinstance(blocks, int) and 1 <= blocks <= MAX_BLOCKS):
        raise InvalidModel(f"a block count of {blocks!r} is not possible")
    if len({tensor.name for tensor in header.tensors}) != len(header.tensors):
        raise InvalidModel("a tensor stands twice in the model file")


def _alignment(metadata: Mapping[str, Value]) -> int:
    alignment = metadata.get("general.alignment", 32)
    valid = isinstance(alignment, int) and not isinstance(alignment, bool) and alignment > 0
    if not isinstance(alignment, int) or not valid or alignment & (alignment - 1):
        raise InvalidModel(f"an alignment of {alignment!r} is not a power of two")
    return alignment


def _check_tensors(header: GGUF, room: int) -> None:
    for tensor in header.tensors:
        if tensor.offset % header.alignment or tensor.offset + tensor.size > room:
            raise InvalidModel(f"tensor {tensor.name!r} lies outside the model file")
