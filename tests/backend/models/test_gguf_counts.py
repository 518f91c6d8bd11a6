"""Counts, alignments and extents of a GGUF file against the rules written down a second time."""

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.errors import InvalidModel
from backend.models import gguf
from backend.models.gguf_types import FILE_TYPES, SCALARS, TENSOR_TYPES
from tests.backend.gguf_files import TINY, gguf_bytes

FEW = settings(max_examples=120, suppress_health_check=[*HealthCheck])
ODD = st.sampled_from([0, 1, 2, 8, 24, 31, 32, 33, 64, 96, 255, 512, 1 << 20, (1 << 32) - 1])
HUGE = st.one_of(st.integers(0, 70), st.sampled_from([1 << 31, 1 << 32, 1 << 63, (1 << 64) - 1]))
TENSOR_COUNT, ENTRY_COUNT, FIRST_KEY, FIRST_VALUE = 8, 16, 24, 24 + 8 + 20 + 4


def accepted(folder: Path, raw: bytes, *, long_arrays: bool = False) -> gguf.GGUF | None:
    """The header, or None where it was refused; any other end fails the test."""
    path = folder / "model.gguf"
    path.write_bytes(raw)
    try:
        return gguf.read(path, long_arrays=long_arrays)
    except InvalidModel:
        return None


def entry(key: str, kind: int, payload: bytes) -> bytes:
    """A file of one metadata entry and no tensors, its value's bytes as given."""
    name = struct.pack("<Q", len(key)) + key.encode()
    return struct.pack("<4sIQQ", b"GGUF", 3, 0, 1) + name + struct.pack("<I", kind) + payload


@FEW
@given(at=st.sampled_from([TENSOR_COUNT, ENTRY_COUNT, FIRST_KEY, FIRST_VALUE]), count=HUGE)
def test_a_false_count_is_never_believed(tmp_path: Path, at: int, count: int) -> None:
    sound = gguf_bytes()
    told = struct.unpack_from("<Q", sound, at)[0]
    raw = bytearray(sound)
    struct.pack_into("<Q", raw, at, count)
    header = accepted(tmp_path, bytes(raw))
    if count == told:
        assert header is not None
    elif at in (FIRST_KEY, FIRST_VALUE) or count > told:
        assert header is None


@FEW
@given(alignment=ODD, offset=ODD, rows=st.integers(1, 9), data=ODD.filter(lambda n: n <= 512))
def test_tensors_lie_aligned_and_within_the_file(
    tmp_path: Path, alignment: int, offset: int, rows: int, data: int
) -> None:
    metadata = {"general.architecture": "llama", "general.alignment": alignment}
    raw = gguf_bytes(metadata, [("t", (32, rows), 2, offset)], 0)
    table_end = raw.index(b"t\x02\0\0\0") + 1 + 4 + 16 + 4 + 8
    power = alignment > 0 and bin(alignment).count("1") == 1
    start = table_end
    while power and alignment <= 512 and start % alignment:
        start += 1
    size = start + data
    header = accepted(tmp_path, raw[:table_end].ljust(size, b"\0")[:size])
    inside = power and alignment <= 512 and offset % alignment == 0 and offset + rows * 18 <= data
    assert (header is not None) == inside


@FEW
@given(shape=st.lists(HUGE, min_size=0, max_size=6), kind=st.integers(0, 45))
def test_a_shape_and_a_type_are_possible_or_refused(
    tmp_path: Path, shape: list[int], kind: int
) -> None:
    header = accepted(tmp_path, gguf_bytes(tensors=[("t", shape, kind, 0)], data=4096))
    if header is None:
        return
    _, block, block_bytes = TENSOR_TYPES[kind]
    (tensor,) = header.tensors
    assert 1 <= len(shape) <= 4
    assert all(side > 0 for side in shape)
    assert shape[0] % block == 0
    assert tensor.size == header.parameter_count // block * block_bytes <= 4096


@pytest.mark.parametrize("kind", sorted(TENSOR_TYPES))
def test_every_type_has_its_exact_size(tmp_path: Path, kind: int) -> None:
    name, block, block_bytes = TENSOR_TYPES[kind]
    tensors = [("t", (block, 2), kind, 0)]
    header = accepted(tmp_path, gguf_bytes(tensors=tensors, data=2 * block_bytes))
    assert header is not None
    assert header.tensors[0].type == name
    assert accepted(tmp_path, gguf_bytes(tensors=tensors, data=2 * block_bytes - 1)) is None


VALUES: dict[int, Any] = {
    0: 255, 1: -128, 2: 65535, 3: -32768, 4: 4294967295, 5: -2147483648, 6: 0.5, 7: True,
    10: (1 << 64) - 1, 11: -(1 << 63), 12: -0.125,
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(VALUES))
def test_scalars_of_every_type_alone_and_in_arrays(tmp_path: Path, kind: int) -> None:
    value, form = VALUES[kind], SCALARS[kind]
    alone = accepted(tmp_path, entry("k", kind, form.pack(value)))
    assert alone is not None
    assert alone.metadata == {"k": value}
    assert accepted(tmp_path, entry("k", kind, form.pack(value)[:-1])) is None
    for count in (0, 5, 6, 1000):
        payload = struct.pack("<IQ", kind, count) + form.pack(value) * count
        short = accepted(tmp_path, entry("k", 9, payload))
        whole = accepted(tmp_path, entry("k", 9, payload), long_arrays=True)
        assert short is not None
        assert whole is not None
        assert short.metadata["k"] == ((value,) * count if count <= 5 else None)
        assert whole.metadata["k"] == (value,) * count
        lying = struct.pack("<IQ", kind, count + 1) + form.pack(value) * count
        assert accepted(tmp_path, entry("k", 9, lying)) is None


@pytest.mark.parametrize("kind", [9, 13, 1 << 31])
def test_arrays_of_arrays_and_unknown_types_are_refused(tmp_path: Path, kind: int) -> None:
    assert accepted(tmp_path, entry("k", 9, struct.pack("<IQ", kind, 0))) is None
    if kind != 9:
        assert accepted(tmp_path, entry("k", kind, bytes(64))) is None


@FEW
@given(
    texts=st.lists(st.text(max_size=8), max_size=12),
    lie=st.one_of(st.none(), st.tuples(st.integers(0, 11), HUGE)),
    long_arrays=st.booleans(),
)
def test_an_array_of_texts_is_exact_or_refused(
    tmp_path: Path, texts: list[str], lie: tuple[int, int] | None, long_arrays: bool
) -> None:
    raws = [text.encode() for text in texts]
    lengths = [len(raw) for raw in raws]
    if lie is not None and lie[0] < len(lengths):
        lengths[lie[0]] = max(lie[1], len(raws[lie[0]]) + 1)
    body = b"".join(struct.pack("<Q", n) + raw for n, raw in zip(lengths, raws, strict=True))
    payload = struct.pack("<IQ", 8, len(raws)) + body
    header = accepted(tmp_path, entry("k", 9, payload), long_arrays=long_arrays)
    if lengths == [len(raw) for raw in raws]:
        assert header is not None
        kept = long_arrays or len(texts) <= 5
        assert header.metadata["k"] == (tuple(texts) if kept else None)
    else:
        # a length that lies swallows its neighbours and ends beyond the file
        assert header is None


@pytest.mark.parametrize("long_arrays", [False, True])
@pytest.mark.parametrize("missing", [1, 4, 5, 12])
def test_a_vocabulary_whose_last_word_is_cut_short_is_refused(
    tmp_path: Path, missing: int, long_arrays: bool
) -> None:
    words = (struct.pack("<Q", 4) + b"word") * 9
    payload = struct.pack("<IQ", 8, 9) + words
    assert accepted(tmp_path, entry("k", 9, payload), long_arrays=long_arrays) is not None
    short = payload[:-missing]
    assert accepted(tmp_path, entry("k", 9, short), long_arrays=long_arrays) is None


def test_a_key_may_stand_only_once(tmp_path: Path) -> None:
    one = entry("k", 0, b"\1")
    twice = one[:16] + struct.pack("<Q", 2) + one[24:] * 2
    assert accepted(tmp_path, one) is not None
    assert accepted(tmp_path, twice) is None


def test_what_a_header_does_not_say_is_unknown(tmp_path: Path) -> None:
    odd = {"general.file_type": "x", "unknown.context_length": "9"}
    assert accepted(tmp_path, gguf_bytes({**odd, "general.architecture": 5})) is None
    header = accepted(tmp_path, gguf_bytes(odd))
    assert header is not None
    assert (header.architecture, header.file_type) == ("unknown", "unknown")
    assert header.integer("context_length") is None
    assert header.chat_template is None
    for number, name in FILE_TYPES.items():
        named = accepted(tmp_path, gguf_bytes({**TINY, "general.file_type": number}))
        assert named is not None
        assert named.file_type == name
