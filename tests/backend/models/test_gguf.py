"""The bounded GGUF reader: sound files are read, broken ones end in InvalidModel, never worse."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.errors import InvalidModel
from backend.models import gguf
from tests.backend.gguf_files import TINY, gguf_bytes


def read_bytes(folder: Path, raw: bytes, *, long_arrays: bool = False) -> gguf.GGUF:
    path = folder / "model.gguf"
    path.write_bytes(raw)
    return gguf.read(path, long_arrays=long_arrays)


def test_a_sound_header_is_read(tmp_path: Path) -> None:
    header = read_bytes(tmp_path, gguf_bytes())
    assert header.architecture == "llama"
    assert header.integer("context_length") == 64
    assert header.file_type == "Q4_0"
    assert header.parameter_count == 64
    assert header.tensors == (gguf.Tensor("output", "F32", (32, 2), 0, 256),)
    assert header.metadata["tokenizer.ggml.tokens"] is None
    assert header.chat_template is not None


def test_long_arrays_are_kept_when_asked_for(tmp_path: Path) -> None:
    header = read_bytes(tmp_path, gguf_bytes(), long_arrays=True)
    tokens = header.metadata["tokenizer.ggml.tokens"]
    assert tokens == tuple(f"word{i}" for i in range(8))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"GGUF",
        b"GGML" + gguf_bytes()[4:],
        gguf_bytes()[:60],
        gguf_bytes(data=255),
        b"GGUF" + (3).to_bytes(4, "little") + b"\xff" * 16,
        b"GGUF" + (1).to_bytes(4, "little") + bytes(64),
        gguf_bytes({**TINY, "general.alignment": 0}),
        gguf_bytes({**TINY, "general.alignment": 24}),
        gguf_bytes({**TINY, "general.alignment": "32"}),
        gguf_bytes({**TINY, "llama.block_count": 0}),
        gguf_bytes({**TINY, "llama.block_count": 513}),
        gguf_bytes({**TINY, "llama.block_count": "one"}),
        gguf_bytes(tensors=[("a", (0, 2), 0, 0)]),
        gguf_bytes(tensors=[("a", (32,), 77, 0)]),
        gguf_bytes(tensors=[("a", (33,), 2, 0)]),
        gguf_bytes(tensors=[("a", (32,) * 5, 0, 0)]),
        gguf_bytes(tensors=[("a", (), 0, 0)]),
        gguf_bytes(tensors=[("a", (32,), 0, 1)]),
        gguf_bytes(tensors=[("a", (32,), 0, 1 << 40)]),
        gguf_bytes(tensors=[("a", (1 << 61, 1 << 61), 0, 0)]),
        gguf_bytes(tensors=[("a", (32,), 0, 0), ("a", (32,), 0, 128)]),
    ],
)
def test_what_lies_is_refused(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(InvalidModel):
        read_bytes(tmp_path, raw)


@settings(max_examples=300, suppress_health_check=[*HealthCheck])
@given(data=st.data())
def test_a_mutated_header_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(gguf_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 512))
        raw[at] = data.draw(st.sampled_from([0, 1, 8, 9, 0x7F, 0x80, 0xFF]))
    cut = data.draw(st.integers(0, len(raw)))
    for candidate in (bytes(raw), bytes(raw[:cut])):
        try:
            header = read_bytes(tmp_path, candidate, long_arrays=True)
        except InvalidModel:
            continue
        end = max((tensor.offset + tensor.size for tensor in header.tensors), default=0)
        assert end <= len(candidate)


def test_a_missing_file_is_an_invalid_model(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="cannot be read"):
        gguf.read(tmp_path / "absent.gguf")
