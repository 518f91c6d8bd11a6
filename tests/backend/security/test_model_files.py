"""Crafted GGUF files on the way in: create refuses each in a sentence, and the server lives on.

The reader's own corner cases stand in tests/backend/models/test_gguf_security.py; here is the
whole way of the known attacks, and that nothing of a refused file reaches a runner.
"""

import struct
import tracemalloc
from typing import Any

import pytest

from backend.models import gguf
from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.gguf_files import TINY, gguf_bytes
from tests.backend.models.test_gguf_security import ARCHITECTURE, ATTACKS, file_of, text
from tests.backend.security.conftest import Server

U64_MAX = (1 << 64) - 1
KNOWN = {name: raw for name, (raw, _) in ATTACKS.items() if name.startswith("CVE-")}
NO_FILE = {"CVE-2024-39720: nothing"}
MORE = {
    "CVE-2024-7773: a text that ends the file": file_of(("k", 8, struct.pack("<Q", 8) + b"abc")),
    "CVE-2024-12055: a key beyond the end": struct.pack("<4sIQQQ", b"GGUF", 3, 0, 1, 1 << 20),
    "CVE-2024-12886: a text of 16 MB + 1": file_of(("k", 8, text("", (16 << 20) + 1))),
    "CVE-2025-0312: an array of no type": file_of(("k", 9, struct.pack("<IQ", 99, 1) + b"\0" * 8)),
    "CVE-2025-0312: a layer count that is a text": gguf_bytes({**TINY, "llama.block_count": "1"}),
    "CVE-2025-66959: a tensor's name of 2^64": file_of(
        ARCHITECTURE, tensors=1, rest=struct.pack("<Q", U64_MAX) + bytes(64)
    ),
    "CVE-2025-66960: an array of 2^64": file_of(("k", 9, struct.pack("<IQ", 8, U64_MAX))),
}


@pytest.mark.parametrize("attack", [*KNOWN, *MORE])
async def test_cve_a_crafted_file_is_a_400(server: Server, attack: str) -> None:
    digest = await server.uploaded({**KNOWN, **MORE}[attack])
    status, error = await server.refused("/api/create", model="m", files={"m.gguf": digest})
    assert status == 400
    assert len(error) > 10
    as_adapter = {"from_": "tiny", "adapters": {"a.gguf": digest}}
    assert (await server.refused("/api/create", model="m", **as_adapter))[0] == 400
    assert (await server.refused("/api/show", model="m"))[0] == 404
    assert await server.lives()
    assert server.script.loads == 0


@pytest.mark.parametrize("attack", [*KNOWN, *MORE])
async def test_cve_a_crafted_file_that_lies_in_the_store_reaches_no_runner(
    server: Server, store: ModelStore, attack: str
) -> None:
    # as a pull brings it, or another program: the reader stands before every load
    weights = store.content(store.get(ModelName.parse("plain"))).weights
    weights.unlink()
    weights.write_bytes({**KNOWN, **MORE}[attack])
    for path in ("generate", "chat", "embed", "show", "tokenize"):
        body: dict[str, Any] = {"prompt": "x", "input": "x", "content": "x"}
        body["messages"] = [{"role": "user", "content": "x"}]
        assert (await server.refused(f"/api/{path}", model="plain", **body))[0] == 500
    assert (await server.client.get("/api/tags")).status_code == 200
    assert server.script.loads == 0


async def test_cve_2026_7482_a_tensor_beyond_the_file_is_never_quantised_or_pushed(
    server: Server,
) -> None:
    # F16 tensors whose last one reaches past the end: the bytes behind it would be the server's
    raw = gguf_bytes(
        {**TINY, "general.file_type": 1},
        [("a.weight", (32, 4), 1, 0), ("b.weight", (32, 4096), 1, 256)],
    )
    digest = await server.uploaded(raw)
    for more in ({}, {"quantize": "q4_K_M"}, {"quantize": "q8_0"}):
        files = {"m.gguf": digest}
        status, error = await server.refused("/api/create", model="m", files=files, **more)
        assert status == 400
        assert "outside the model file" in error
    (line,) = (await server.post("/api/push", model="m", stream=False)).json().items()
    assert line[0] == "error"


async def test_cve_2025_0312_keys_that_are_not_there_are_no_crash(server: Server) -> None:
    for number, metadata in enumerate(
        ({}, {"general.architecture": "llama"}, {"general.architecture": ""},
         {"general.architecture": "llama", "general.file_type": "x",
          "llama.context_length": "long", "llama.embedding_length": float("nan")})
    ):  # fmt: skip
        digest = await server.uploaded(gguf_bytes(metadata))
        name = f"bare{number}"
        lines = await server.lines("/api/create", model=name, files={"m.gguf": digest})
        assert lines[-1] == {"status": "success"}
        shown = await server.post("/api/show", model=name, verbose=True)
        assert shown.status_code == 200
        assert (await server.post("/api/generate", model=name, prompt="x")).status_code == 200
    assert len((await server.client.get("/api/tags")).json()["models"]) == 7


@pytest.mark.parametrize("kind", ["bytes", "texts"])
async def test_issue_17042_a_header_full_of_arrays_costs_no_memory(
    server: Server, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    # 8 MB of metadata, a little in every array: kept as Python's objects it would be 64 MB
    monkeypatch.setattr(gguf, "MAX_KEPT", 1 << 14)
    count = 1 << 20 if kind == "bytes" else 1 << 17
    content = bytes(count) if kind == "bytes" else text("") * count
    array = struct.pack("<IQ", 0 if kind == "bytes" else 8, count) + content
    raw = file_of(ARCHITECTURE, *((f"k{i}", 9, array) for i in range(8)))
    digest = await server.uploaded(raw)
    tracemalloc.start()
    lines = await server.lines("/api/create", model="m", files={"m.gguf": digest})
    shown = await server.post("/api/show", model="m", verbose=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines[-1] == {"status": "success"}
    assert shown.json()["model_info"]["k0"] is None
    assert peak < 40 << 20


def test_every_attack_that_the_reader_knows_goes_the_whole_way() -> None:
    named = {name.partition(":")[0] for name in (*KNOWN, *MORE)}
    assert named >= {
        "CVE-2024-39720", "CVE-2024-8063", "CVE-2025-0317", "CVE-2024-12055", "CVE-2024-7773",
        "CVE-2024-12886", "CVE-2025-0315", "CVE-2025-0312", "CVE-2025-66959", "CVE-2025-66960",
        "CVE-2026-7482",
    }  # fmt: skip
