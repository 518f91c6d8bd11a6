"""Parts, their notes, and the file they fill."""

import asyncio
import hashlib
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import RegistryError
from backend.registry.limits import Limits
from backend.registry.partial import PartialBlob
from backend.registry.parts import Part, fit, plan
from backend.registry.threads import in_thread
from tests.backend.registry.conftest import BIG, KB, SMALL


@given(st.integers(0, 10**13), st.integers(1, 64), st.integers(10**6, 10**9))
def test_a_plan_covers_every_byte_once(total: int, parts: int, smallest: int) -> None:
    limits = Limits(parts=parts, smallest_part=smallest, largest_part=10**11)
    planned = plan(total, limits)
    assert sum(part.size for part in planned) == total
    assert list(fit(reversed(planned), total)) == planned
    assert all(part.stop == after.offset for part, after in pairwise(planned))
    assert all(part.size > 0 for part in planned)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 99), st.data())
def test_a_note_is_read_as_it_was_written(
    size: int, at: int, number: int, data: st.DataObject
) -> None:
    part = Part(number, at, size, data.draw(st.integers(0, size)))
    assert Part.read(part.note()) == part


@given(st.binary(max_size=80))
def test_any_bytes_are_a_note_or_none(raw: bytes) -> None:
    for note in (raw, b'{"N":0,"Offset":0,"Size":9,"Completed":' + raw + b"}"):
        part = Part.read(note)
        assert part is None or 0 <= part.completed <= part.size


@pytest.mark.parametrize(
    "note",
    [
        '{"N":0,"Offset":0,"Size":10,"Completed":11}',
        '{"N":-1,"Offset":0,"Size":10,"Completed":1}',
        '{"N":true,"Offset":0,"Size":10,"Completed":1}',
        '{"N":0.0,"Offset":0,"Size":10,"Completed":1}',
        '{"N":"0","Offset":0,"Size":10,"Completed":1}',
        "[[[[",
        "null",
    ],
)
def test_a_note_that_makes_no_sense_is_none(note: str) -> None:
    assert Part.read(note.encode()) is None


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [Part(0, 0, 60), Part(1, 50, 50)],
        [Part(0, 0, 40), Part(1, 50, 50)],
        [Part(0, 0, 50), Part(0, 50, 50)],
        [Part(1, 0, 50), Part(2, 50, 50)],
        [Part(0, 0, 50), Part(1, 50, 51)],
        [Part(0, 0, 0), Part(1, 0, 100)],
        [None, None],
    ],
)
def test_parts_that_are_no_whole_blob_are_forgotten(parts: list[Part | None]) -> None:
    assert fit(parts, 100) == []


def test_a_partial_blob_goes_on_where_it_was_closed(tmp_path: Path) -> None:
    digest = f"sha256:{hashlib.sha256(BIG).hexdigest()}"
    blob = tmp_path / "blobs" / digest.replace(":", "-")
    first = PartialBlob(blob, len(BIG), SMALL)
    first.open()
    for part in first.parts[::2]:
        first.write(part, BIG[part.offset : part.stop])
    first.write(first.parts[1], BIG[16 * KB : 16 * KB + 7])
    first.close()
    first.close()

    second = PartialBlob(blob, len(BIG), SMALL)
    assert second.completed == len(BIG) // 2 + 7
    assert second.missing == len(BIG) // 2 - 7
    second.open()
    for part in second.parts:
        second.write(part, BIG[part.start : part.stop])
    second.close()
    second.become_blob(digest)
    assert blob.read_bytes() == BIG
    assert list(blob.parent.iterdir()) == [blob]


def test_a_partial_blob_for_another_size_begins_anew(tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    first = PartialBlob(blob, len(BIG), SMALL)
    first.open()
    first.write(first.parts[0], BIG[: 16 * KB])
    first.close()
    other = PartialBlob(blob, len(BIG) - 1, SMALL)
    assert other.completed == 0
    other.open()
    other.close()
    assert blob.with_name("blob-partial").stat().st_size == len(BIG) - 1


def test_what_does_not_hash_to_the_digest_is_gone(tmp_path: Path) -> None:
    partial = PartialBlob(tmp_path / "blob", 100, SMALL)
    partial.open()
    partial.write(partial.parts[0], bytes(100))
    partial.close()
    with pytest.raises(RegistryError, match="digest mismatch, file must be downloaded again: want"):
        partial.become_blob("sha256:" + "0" * 64)
    assert list(tmp_path.iterdir()) == []


async def test_a_cancel_waits_for_the_thread() -> None:
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        may_end.wait(10)
        ended.set()

    task = asyncio.create_task(in_thread(work))
    assert await asyncio.to_thread(began.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
