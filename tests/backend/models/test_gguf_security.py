"""The known attacks on GGUF readers, a case for each: all end in InvalidModel, soon and small.

The table of what was found in Ollama and llama.cpp is the contract's; each name says which.
"""

import os
import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.errors import InvalidModel
from backend.models import gguf
from tests.backend.gguf_files import TINY, gguf_bytes

U64_MAX = (1 << 64) - 1
Entry = tuple[str, int, bytes]


def file_of(*entries: Entry, tensors: int = 0, rest: bytes = b"") -> bytes:
    """A file with these metadata entries (key, type, payload) and whatever comes after them."""
    raw = struct.pack("<4sIQQ", b"GGUF", 3, tensors, len(entries))
    for key, kind, payload in entries:
        raw += struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + payload
    return raw + rest


def text(value: str, claimed: int | None = None) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw) if claimed is None else claimed) + raw


ARCHITECTURE = ("general.architecture", 8, text("llama"))

ATTACKS: dict[str, tuple[bytes, str]] = {
    "CVE-2024-39720: four bytes": (b"GGUF", "cut short"),
    "CVE-2024-39720: three bytes": (b"GGU", "cut short"),
    "CVE-2024-39720: nothing": (b"", "cannot be read"),
    "CVE-2024-39720: no counts": (b"GGUF\3\0\0\0", "cut short"),
    "CVE-2024-8063: no blocks": (gguf_bytes({**TINY, "llama.block_count": 0}), "block count"),
    "CVE-2024-8063: 513 blocks": (gguf_bytes({**TINY, "llama.block_count": 513}), "block count"),
    "CVE-2025-0317: alignment 0": (gguf_bytes({**TINY, "general.alignment": 0}), "alignment"),
    "CVE-2025-0317: alignment 48": (gguf_bytes({**TINY, "general.alignment": 48}), "alignment"),
    "CVE-2025-0317: alignment as a text": (
        gguf_bytes({**TINY, "general.alignment": "32"}), "wrong type"),
    "CVE-2025-0317: alignment as u64": (
        file_of(ARCHITECTURE, ("general.alignment", 10, struct.pack("<Q", 32))), "wrong type"),
    "CVE-2025-0317: alignment as NaN": (
        file_of(ARCHITECTURE, ("general.alignment", 6, struct.pack("<f", float("nan")))),
        "wrong type"),
    "CVE-2024-12055: a text beyond the end": (
        file_of(("k", 8, text("abc", 1000))), "cut short"),
    "CVE-2024-12055: a scalar beyond the end": (file_of(("k", 10, b"\0" * 7)), "cut short"),
    "CVE-2024-12055: a table beyond the end": (file_of(ARCHITECTURE, tensors=3), "cut short"),
    "CVE-2024-12886: a text of 2^63": (file_of(("k", 8, text("", 1 << 63))), "above"),
    "CVE-2025-0315: an array of 2^60": (
        file_of(("k", 9, struct.pack("<IQ", 0, 1 << 60))), "above"),
    "CVE-2025-0315: an array of 2^26 texts": (
        file_of(("k", 9, struct.pack("<IQ", 8, 1 << 26))), "cut short"),
    "CVE-2025-0315: 2^64 entries": (
        struct.pack("<4sIQQ", b"GGUF", 3, 0, U64_MAX), "above"),
    "CVE-2025-0315: 2^64 tensors": (
        struct.pack("<4sIQQ", b"GGUF", 3, U64_MAX, 0), "above"),
    "CVE-2025-0312: the architecture is no text": (
        file_of(("general.architecture", 4, struct.pack("<I", 5))), "wrong type"),
    "CVE-2025-0312: a value of no type": (file_of(("k", 13, b"\0" * 8)), "not a value type"),
    "CVE-2025-66959: a key of 2^64": (
        struct.pack("<4sIQQQ", b"GGUF", 3, 0, 1, U64_MAX), "above"),
    "CVE-2025-66960: an array in an array": (
        file_of(("k", 9, struct.pack("<IQIQ", 9, 1, 0, 1))), "not an element type"),
    "CVE-2026-7482: a tensor beyond the end": (
        gguf_bytes(tensors=[("t", (32, 1 << 20), 0, 0)]), "outside the model file"),
    "CVE-2026-7482: an offset beyond the end": (
        gguf_bytes(tensors=[("t", (32,), 0, 1 << 40)]), "outside the model file"),
    "CVE-2026-7482: offset and size overflow": (
        gguf_bytes(tensors=[("t", (32,), 0, (1 << 62))]), "outside the model file"),
    "CVE-2026-7482: an offset of 2^64": (
        gguf_bytes(tensors=[("t", (32,), 0, U64_MAX - 31)]), "above"),
    "CVE-2026-7482: only the last of many": (
        gguf_bytes(tensors=[("a", (32,), 0, 0), ("b", (32,), 0, 128), ("c", (32,), 0, 512)]),
        "outside the model file"),
    "sides that overflow": (
        gguf_bytes(tensors=[("t", (1 << 32, 1 << 32), 0, 0)]), "outside the model file"),
    "a side of zero": (gguf_bytes(tensors=[("t", (32, 0), 0, 0)]), "impossible shape"),
    "five dimensions": (gguf_bytes(tensors=[("t", (32,) * 5, 0, 0)]), "5 dimensions"),
    "2^32 dimensions": (
        file_of(ARCHITECTURE, tensors=1, rest=text("t") + b"\xff" * 4 + bytes(64)), "dimensions"),
    "a type that was removed": (gguf_bytes(tensors=[("t", (32,), 4, 0)]), "unknown type"),
    "a key twice": (file_of(ARCHITECTURE, ARCHITECTURE), "stands twice"),
    "a tensor twice": (
        gguf_bytes(tensors=[("t", (32,), 0, 0), ("t", (32,), 0, 128)]), "stands twice"),
    "version 1": (struct.pack("<4sIII", b"GGUF", 1, 0, 0), "version 1 is not supported"),
    "version 4": (struct.pack("<4sIQQ", b"GGUF", 4, 0, 0), "version 4 is not supported"),
    "big-endian": (struct.pack(">4sIQQ", b"GGUF", 3, 0, 0), "big-endian"),
    "big-endian magic": (struct.pack(">4sIQQ", b"FUGG", 3, 0, 0), "big-endian"),
    "the format before GGUF": (b"lmgg" + bytes(64), "not in GGUF format"),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("long_arrays", [False, True])
def test_a_known_attack_is_refused_in_a_sentence(
    tmp_path: Path, attack: str, long_arrays: bool
) -> None:
    raw, sentence = ATTACKS[attack]
    path = tmp_path / "model.gguf"
    path.write_bytes(raw)
    with pytest.raises(InvalidModel, match=sentence):
        gguf.read(path, long_arrays=long_arrays)


def test_issue_17042_metadata_takes_no_more_memory_than_its_caps(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    count = gguf.MAX_KEPT + 1
    entries = [(f"k{i}", 9, struct.pack("<IQ", 0, count) + bytes(count)) for i in range(4)]
    path.write_bytes(file_of(ARCHITECTURE, *entries))
    tracemalloc.start()
    header = gguf.read(path, long_arrays=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert header.metadata["k0"] is None
    assert peak < 1 << 20


def test_issue_17042_long_arrays_are_kept_up_to_a_bound_for_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf, "MAX_KEPT", 100)
    path = tmp_path / "model.gguf"
    entries = [(f"k{i}", 9, struct.pack("<IQ", 0, 40) + bytes(40)) for i in range(4)]
    path.write_bytes(file_of(ARCHITECTURE, *entries))
    metadata = gguf.read(path, long_arrays=True).metadata
    assert [metadata[f"k{i}"] is not None for i in range(4)] == [True, True, False, False]


def test_a_header_has_an_end_however_large_the_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf, "MAX_HEADER", 4096)
    path = tmp_path / "model.gguf"
    for entries in (
        [("k", 8, text("x" * 4096))],
        [("k", 9, struct.pack("<IQ", 8, 500) + text("word") * 500)],
    ):
        path.write_bytes(file_of(*entries, rest=bytes(8192)))
        with pytest.raises(InvalidModel, match="cut short"):
            gguf.read(path)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_cve_2024_39721_what_is_no_file_is_never_opened(tmp_path: Path, make: object) -> None:
    path = tmp_path / "model.gguf"
    assert callable(make)
    make(path)
    with pytest.raises(InvalidModel, match="no regular file"):
        gguf.read(path)


def test_odd_but_sound_values_are_read(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    nan = struct.pack("<f", float("nan"))
    path.write_bytes(file_of(
        ARCHITECTURE, ("", 8, text("")), ("empty", 9, struct.pack("<IQ", 8, 0)),
        ("nan", 6, nan), ("nans", 9, struct.pack("<IQ", 6, 2) + nan * 2),
        ("bytes", 8, struct.pack("<Q", 2) + b"\xff\xfe"),
    ))  # fmt: skip
    header = gguf.read(path)
    assert header.metadata[""] == ""
    assert header.metadata["empty"] == ()
    assert header.metadata["nan"] != header.metadata["nan"]
    assert header.metadata["bytes"] == "\ufffd\ufffd"
    assert path.read_bytes()[slice(*header.spans["nan"])].endswith(nan)


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        ({}, "model"),
        ({"general.type": "model"}, "model"),
        ({"general.type": "adapter"}, "adapter"),
        ({"general.type": "projector"}, "projector"),
        ({"general.type": "mmproj"}, "projector"),
        ({"general.architecture": "clip"}, "projector"),
        ({"llama.vision.block_count": 2}, "model"),
        ({"llama.vision.block_count": 2, "llama.block_count": None}, "projector"),
    ],
)
def test_what_a_file_is_for(tmp_path: Path, metadata: dict[str, object], kind: str) -> None:
    path = tmp_path / "model.gguf"
    merged = {key: value for key, value in {**TINY, **metadata}.items() if value is not None}
    path.write_bytes(gguf_bytes(merged))
    assert gguf.read(path).kind == kind


@settings(max_examples=300, suppress_health_check=[*HealthCheck])
@given(st.binary(max_size=300), st.sampled_from([b"", b"GGUF\3\0\0\0", b"GGUF\2\0\0\0"]))
def test_any_bytes_are_a_header_or_an_invalid_model(
    tmp_path: Path, raw: bytes, start: bytes
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(start + raw)
    try:
        header = gguf.read(path, long_arrays=True)
    except InvalidModel:
        return
    assert header.data_start % header.alignment == 0
