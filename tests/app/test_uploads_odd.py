"""Odd multipart bodies over HTTP: any of them ends as 202 or a clear 4xx, and leaves no debris."""

import asyncio
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from app.errors import InvalidRequest
from app.upload import ReceivedFile, UploadLimits, receive_files
from ingest.errors import FileTooLarge
from storage.files import FileStore

PART = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n%s\r\n'
END = b"--b--\r\n"
MIB = 1024 * 1024


def receive(folder: Path, pieces: list[bytes], limit: int = MIB) -> list[ReceivedFile]:
    """Send a body in pieces and return the files that came of it."""
    store = FileStore(folder / "files")
    waiting: list[bytes | None] = [*pieces, None]

    async def next_message() -> dict[str, object]:
        piece = waiting.pop(0)
        if piece is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.request", "body": piece, "more_body": True}

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, next_message)
    return asyncio.run(receive_files(request, store.incoming, UploadLimits(limit)))


def contents(files: list[ReceivedFile]) -> list[bytes | None]:
    read: list[bytes | None] = []
    for file in files:
        if file.incoming is None:
            read.append(None)
            continue
        file.incoming.flush()
        read.append(file.incoming.path.read_bytes())
        file.discard()
    return read


def debris(folder: Path) -> list[Path]:
    return [path for path in (folder / "files").rglob("*") if path.is_file()]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(st.binary(max_size=60).filter(lambda data: b"--b" not in data), max_size=4),
    size=st.integers(1, 90),
    limit=st.integers(1, 60),
)
def test_files_survive_any_cut_of_the_body_and_the_limit_is_each_files_own(
    tmp_path: Path, files: list[bytes], size: int, limit: int
) -> None:
    body = b"".join(PART % (b"files", b"f.txt", data) for data in files) + END
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    try:
        received = receive(tmp_path, pieces, limit)
    except InvalidRequest as error:
        assert (error.code, files) == ("no_files", [])  # noqa: PT017 - one of two good ends
    except FileTooLarge:
        assert len(body) > limit * 20
    else:
        assert [file.size for file in received] == [len(data) for data in files]
        assert contents(received) == [data if len(data) <= limit else None for data in files]
    assert debris(tmp_path) == []


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.sampled_from([PART % (b"files", b"a.txt", b"words"), END, b"--b", b"\r\n", b"\r\n\r\n",
                         b"Content-Disposition: form-data", b'; filename="', b"\0", b"--b--"])
        | st.binary(max_size=20),
        max_size=8,
    )
)  # fmt: skip
def test_any_body_is_files_or_a_refusal_that_leaves_nothing(
    tmp_path: Path, pieces: list[bytes]
) -> None:
    try:
        received = receive(tmp_path, pieces)
    except InvalidRequest as error:
        assert error.code in ("malformed_multipart", "no_files")  # noqa: PT017 - one of two ends
    else:
        assert received
        contents(received)
    assert debris(tmp_path) == []


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("保修.txt", "保修.txt"),
        ("a%22b.txt", 'a"b.txt'),
        ("100%25.txt", "100%25.txt"),
        ("a;b=c.txt", "a;b=c.txt"),
        ("two%0D%0Alines.txt", "two\r\nlines.txt"),
    ],
)
def test_names_arrive_as_they_were_meant(tmp_path: Path, sent: str, name: str) -> None:
    [file] = receive(tmp_path, [PART % (b"file", sent.encode(), b"x"), END])
    assert file.name == name
    file.discard()


def test_other_fields_are_dropped_and_files_stay_in_order(tmp_path: Path) -> None:
    other = b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    parts = [PART % (b"files", b"1.txt", b"one"), other, PART % (b"file", b"2.txt", b"two"),
             PART % (b"picture", b"3.png", b"three"), END]  # fmt: skip
    files = receive(tmp_path, parts)
    assert [file.name for file in files] == ["1.txt", "2.txt"]
    assert contents(files) == [b"one", b"two"]


def test_a_request_that_is_too_long_as_a_whole_leaves_nothing(tmp_path: Path) -> None:
    body = [PART % (b"files", b"a.txt", b"x" * 40)] * 30
    with pytest.raises(FileTooLarge, match="several requests"):
        receive(tmp_path, [*body, END], limit=50)
    assert debris(tmp_path) == []


async def test_a_nameless_part_and_a_bad_file_do_not_hold_up_the_others(
    api: httpx.AsyncClient,
) -> None:
    parts = [("files", (f"{n}.txt", f"words {n}")) for n in range(3)]
    parts.insert(1, ("files", ("", "no name")))
    parts.append(("files", ("odd.bin", bytes(range(32)) * 4)))  # type: ignore[arg-type]
    response = await api.post("/v1/collections/default/documents", files=parts)
    assert response.status_code == 202
    told = {one["name"]: one["status"] for one in response.json()["documents"]}
    assert told == {"0.txt": "pending", "1.txt": "pending", "2.txt": "pending", "odd.bin": "failed"}
