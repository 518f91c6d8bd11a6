"""Registries that break off, stall, refuse, and lie: what is fetched again, and what is refused."""

import hashlib
import json
import os

import httpx
import pytest

from backend.answers.generation import Backend
from backend.models.store import ModelStore
from tests.backend.registry.conftest import (
    BIG,
    KB,
    WAITED,
    error_of,
    left_over,
    pulled,
    set_limits,
    statuses,
)
from tests.backend.registry.server import Registry

PART = 16 * KB


@pytest.fixture
def big(registry: Registry) -> str:
    """The digest of a model of 16 parts that the registry has."""
    registry.add_model({"model": BIG})
    return registry.add_blob(BIG)


async def succeeds(client: httpx.AsyncClient, registry: Registry, store: ModelStore) -> None:
    said = await pulled(client, registry)
    assert said[-1] == {"status": "success"}, said[-3:]
    assert store.blobs.path(registry.add_blob(BIG)).read_bytes() == BIG
    assert left_over(store) == []


async def test_a_part_that_broke_off_goes_on_where_it_was(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, big: str
) -> None:
    registry.faults.breaks[big] = [8 * KB]
    await succeeds(client, registry, store)
    assert registry.sent[big] == len(BIG)
    asked = [seen.headers["range"] for seen in registry.asked("GET", big)]
    assert len(asked) == 17
    starts = [int(one[6:].partition("-")[0]) for one in asked]
    assert [start % PART for start in starts if start % PART] == [8 * KB]


async def test_an_overloaded_registry_is_asked_again_ever_later(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, backend: Backend, big: str
) -> None:
    set_limits(backend, smallest_part=len(BIG), largest_part=len(BIG))
    registry.faults.statuses = [503, 500, 429, 502, 504]
    await succeeds(client, registry, store)
    assert WAITED == [1, 2, 4, 8, 16]


async def test_six_failures_are_enough(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, backend: Backend, big: str
) -> None:
    set_limits(backend, smallest_part=len(BIG), largest_part=len(BIG))
    registry.faults.statuses = [503] * 6
    assert error_of(await pulled(client, registry)) == "max retries exceeded: 503: not now"
    assert WAITED == [1, 2, 4, 8, 16]
    assert not store.blobs.has(big)


async def test_a_line_that_breaks_often_but_brings_something_is_enough(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, backend: Backend, big: str
) -> None:
    set_limits(backend, smallest_part=len(BIG), largest_part=len(BIG))
    registry.faults.breaks[big] = [16 * KB] * 15
    await succeeds(client, registry, store)
    assert set(WAITED) == {1}
    assert registry.sent[big] == len(BIG)


async def test_a_line_that_brings_nothing_is_given_up_and_what_came_is_kept(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, backend: Backend, big: str
) -> None:
    set_limits(backend, smallest_part=len(BIG), largest_part=len(BIG))
    registry.faults.breaks[big] = [64 * KB] + [0] * 5
    said = await pulled(client, registry)
    assert error_of(said).startswith("max retries exceeded: ")
    registry.sent.clear()
    await succeeds(client, registry, store)
    assert registry.sent[big] == len(BIG) - 64 * KB


async def test_a_stalled_connection_is_left_for_another(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, backend: Backend, big: str
) -> None:
    set_limits(backend, stall=0.3)
    registry.faults.stalls = 2
    await succeeds(client, registry, store)
    assert WAITED == [1, 1]
    assert registry.sent[big] == len(BIG)


async def test_a_registry_that_knows_no_ranges_is_read_from_the_beginning(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, big: str
) -> None:
    registry.faults.ignores_ranges = True
    registry.faults.breaks[big] = [10**9] * 16 + [64 * KB]
    await succeeds(client, registry, store)


async def test_other_bytes_than_the_digest_promises_are_thrown_away(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, big: str
) -> None:
    lie = bytes(len(BIG))
    registry.faults.contents[big] = lie
    said = await pulled(client, registry)
    assert "verifying sha256 digest" in statuses(said)
    got = hashlib.sha256(lie).hexdigest()
    assert error_of(said) == (
        f"digest mismatch, file must be downloaded again: want {big}, got sha256:{got}"
    )
    assert not store.blobs.has(big)
    assert not [name for name in left_over(store) if big[7:] in name]
    assert store.models() == []
    registry.faults.contents.clear()
    await succeeds(client, registry, store)


async def test_a_registry_that_lies_about_a_size_is_found_out(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, big: str
) -> None:
    registry.faults.total = len(BIG) + 1
    said = await pulled(client, registry)
    assert error_of(said) == (
        f"the registry has {len(BIG) + 1} bytes of {big[7:19]}, its manifest says {len(BIG)}"
    )
    assert WAITED == []


async def test_a_content_length_that_is_too_large_is_not_waited_for(
    client: httpx.AsyncClient, registry: Registry, backend: Backend, big: str
) -> None:
    registry.faults.ignores_ranges = True
    registry.faults.total = 10**15
    assert "its manifest says" in error_of(await pulled(client, registry))


async def test_a_blob_shorter_than_its_manifest_says_ends(
    client: httpx.AsyncClient, registry: Registry, backend: Backend, big: str
) -> None:
    registry.faults.contents[big] = BIG[: PART * 3]
    registry.faults.total = len(BIG)
    assert error_of(await pulled(client, registry)).startswith("max retries exceeded: ")


async def test_another_range_than_was_asked_for_is_not_written(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, big: str
) -> None:
    registry.faults.shifts_ranges = True
    assert error_of(await pulled(client, registry)) == (
        "max retries exceeded: the registry sends other bytes than were asked for"
    )
    assert not store.blobs.has(big)


async def test_a_missing_layer_is_an_error_at_once(
    client: httpx.AsyncClient, registry: Registry, big: str
) -> None:
    del registry.blobs[big]
    assert error_of(await pulled(client, registry)) == "file does not exist"
    assert WAITED == []


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"N":0}', b'{"N":0,"Offset":0,"Size":9}'])
async def test_damaged_notes_of_an_earlier_download_only_cost_the_download(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, big: str, note: bytes
) -> None:
    path = store.blobs.path(big)
    path.parent.mkdir(parents=True)
    path.with_name(f"{path.name}-partial").write_bytes(os.urandom(100))
    path.with_name(f"{path.name}-partial-0").write_bytes(note)
    path.with_name(f"{path.name}-partial-17").write_bytes(b"{}")
    await succeeds(client, registry, store)


async def test_a_download_that_ollama_began_is_gone_on_with(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, big: str
) -> None:
    path, half = store.blobs.path(big), len(BIG) // 2
    path.parent.mkdir(parents=True)
    path.with_name(f"{path.name}-partial").write_bytes(BIG[:half] + bytes(half))
    for number, completed in enumerate((half, 0)):
        note = {"N": number, "Offset": number * half, "Size": half, "Completed": completed}
        name = f"{path.name}-partial-{number}"
        path.with_name(name).write_text(json.dumps(note) + "\n")
    await succeeds(client, registry, store)
    assert registry.sent[big] == half


async def test_notes_that_claim_what_is_not_there_are_found_out_by_the_digest(
    client: httpx.AsyncClient, registry: Registry, store: ModelStore, big: str
) -> None:
    path = store.blobs.path(big)
    path.parent.mkdir(parents=True)
    path.with_name(f"{path.name}-partial").write_bytes(bytes(10))
    note = {"N": 0, "Offset": 0, "Size": len(BIG), "Completed": len(BIG)}
    path.with_name(f"{path.name}-partial-0").write_text(json.dumps(note))
    assert error_of(await pulled(client, registry)).startswith("digest mismatch")
    await succeeds(client, registry, store)
