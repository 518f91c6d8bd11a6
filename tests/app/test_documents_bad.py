"""Bad uploads: each a clear 4xx or a failed document, and the service is as before."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from app.wiring import Services
from tests.app.test_documents import DOCUMENTS, complaints, finished, ingest, upload
from tests.fixtures import files

WORD = files.word([("paragraph", "text")])
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """One MiB is the limit here."""
    return Settings(
        _env_file=None, data_dir=tmp_path / "data", models_dir=tmp_path / "models", max_upload_mb=1
    )


async def still_works(api: httpx.AsyncClient, services: Services) -> None:
    await ingest(api, "after.txt", "The service goes on.")
    assert complaints(services) == []
    incoming = services.settings.data_dir / "files" / "incoming"
    assert list(incoming.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "code", "says"),
    [
        ("zero.txt", b"", "empty", "no bytes"),
        ("zero.pdf", b"", "empty", "no bytes"),
        ("words.pdf", b"only words", "unreadable", "named .pdf but its content is text"),
        ("locked.pdf", files.encrypted_pdf(["x"], "pw"), "password_protected", "password"),
        ("cut.pdf", files.pdf(["x"])[:120], "unreadable", "cut short"),
        ("cut.docx", WORD[: len(WORD) // 2], "unreadable", "cut short"),
        ("scan.pdf", files.pdf([""]), "empty", "scanned"),
        ("photo.png", PNG, "unsupported_type", "Supported: PDF"),
        ("big.txt", b"words " * 300_000, "too_large", "RAGSTONE_MAX_UPLOAD_MB"),
    ],
)
async def test_a_bad_file_fails_alone(
    api: httpx.AsyncClient, services: Services, name: str, content: bytes, code: str, says: str
) -> None:
    bad, good = await upload(api, (name, content), ("good.txt", "good words"))
    if bad["job_id"]:
        await finished(api, bad["job_id"])
    document = (await api.get(f"{DOCUMENTS}/{bad['id']}")).json()
    assert (document["status"], document["error"]["code"]) == ("failed", code)
    assert says in document["error"]["message"]
    assert (await finished(api, good["job_id"]))["state"] == "succeeded"
    await still_works(api, services)


async def test_a_file_far_over_the_limit_is_never_kept(
    api: httpx.AsyncClient, services: Services, tmp_path: Path
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="huge.pdf"\r\n\r\n'
        for _ in range(15):
            yield b"%PDF-1.4" * (128 * 1024)
            kept = sum(
                f.stat().st_size for f in (tmp_path / "data/files").rglob("*") if f.is_file()
            )
            assert kept <= 1024 * 1024
        yield b"\r\n--b--\r\n"

    response = await api.post(
        DOCUMENTS, content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    [document] = response.json()["documents"]
    assert (document["status"], document["error"]["code"]) == ("failed", "too_large")
    assert "15.0 MiB" in document["error"]["message"]
    await still_works(api, services)


async def test_a_request_without_end_is_cut_off(api: httpx.AsyncClient, services: Services) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="huge"\r\n\r\n'
        while True:
            yield b"x" * 1024 * 1024

    response = await api.post(
        DOCUMENTS, content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    await still_works(api, services)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/etc/hosts", "hosts"),
        ("a%22b.txt", 'a"b.txt'),
        ("a%0D%0Ab.txt", "ab.txt"),
        ("x" * 400 + ".txt", "x" * 251 + ".txt"),
    ],
)
async def test_a_path_as_file_name_is_only_a_name(
    api: httpx.AsyncClient, services: Services, sent: str, kept: str
) -> None:
    body = (
        f'--b\r\nContent-Disposition: form-data; name="files"; filename="{sent}"\r\n\r\n'
        "words\r\n--b--\r\n"
    )
    response = await api.post(
        DOCUMENTS,
        content=body.encode(),
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    [document] = response.json()["documents"]
    assert document["name"] == kept
    assert (await finished(api, document["job_id"]))["state"] == "succeeded"
    await still_works(api, services)


GOOD_PART = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nwords'
MULTIPART = "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (GOOD_PART, MULTIPART, 400, "malformed_multipart"),
        (b"no boundary at all", MULTIPART, 400, "malformed_multipart"),
        (GOOD_PART + b"\r\n--b--\r\n", "multipart/form-data", 400, "malformed_multipart"),
        (b"--b--\r\n", MULTIPART, 400, "no_files"),
        (
            b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--b--\r\n',
            MULTIPART,
            400,
            "no_files",
        ),
        (
            GOOD_PART.replace(b"a.txt", b"") + b"\r\n--b--\r\n",
            MULTIPART,
            400,
            "no_files",
        ),
        (GOOD_PART + b"\r\n" + (GOOD_PART + b"\r\n") * 500 + b"--b--\r\n", MULTIPART, 400,
         "too_many_files"),
        (b"{not json", "application/json", 400, "invalid_json"),
        (b"[]", "application/json", 400, "invalid_request"),
        (b'{"title": "x"}', "application/json", 400, "invalid_request"),
        (b'{"title": "x", "text": 5}', "application/json", 400, "invalid_request"),
        (b'{"url": "http://example.org/"}', "application/json", 501, "url_not_supported_yet"),
        (b"words", "text/plain", 400, "unsupported_body"),
        (b"", "", 400, "unsupported_body"),
    ],
)  # fmt: skip
async def test_a_bad_request_is_refused_whole(
    api: httpx.AsyncClient, services: Services, content: bytes, kind: str, status: int, code: str
) -> None:
    response = await api.post(DOCUMENTS, content=content, headers={"Content-Type": kind})
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.json()["detail"]) > 20
    assert (await api.get(DOCUMENTS)).json()["documents"] == []
    await still_works(api, services)


async def test_a_very_long_file_name_is_shortened_and_its_neighbour_goes_on(
    api: httpx.AsyncClient,
) -> None:
    sent = [("files", ("x" * 20_000 + ".txt", b"long name")), ("files", ("b.txt", b"neighbour"))]
    reply = await api.post(DOCUMENTS, files=sent)
    assert reply.status_code == 202
    long, neighbour = reply.json()["documents"]
    assert len(long["name"]) <= 255
    assert long["name"].endswith(".txt")
    assert neighbour["name"] == "b.txt"


async def test_an_empty_text_is_a_failed_document(api: httpx.AsyncClient) -> None:
    response = await api.post(DOCUMENTS, json={"title": "x", "text": ""})
    assert response.json()["documents"][0]["error"]["code"] == "empty"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_collection_is_404(api: httpx.AsyncClient, method: str) -> None:
    part = {"files": ("a.txt", "x")} if method == "POST" else None
    response = await api.request(method, "/v1/collections/nowhere/documents", files=part)
    assert (response.status_code, response.json()["code"]) == (404, "unknown_collection")


@pytest.mark.parametrize("rest", ["", "/content", "/text", "/chunks"])
async def test_an_unknown_document_is_404(api: httpx.AsyncClient, rest: str) -> None:
    response = await api.get(f"{DOCUMENTS}/nothing{rest}")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_document")


@pytest.mark.parametrize(
    "params", [{"limit": "0"}, {"limit": "5000"}, {"status": "odd"}, {"cursor": "odd"}]
)
async def test_a_bad_list_parameter_is_4xx(api: httpx.AsyncClient, params: dict[str, str]) -> None:
    response = await api.get(DOCUMENTS, params=params)
    assert 400 <= response.status_code < 500
    assert response.json()["detail"]


async def test_the_original_of_a_file_too_large_is_not_there(api: httpx.AsyncClient) -> None:
    [document] = await upload(api, ("big.txt", b"x" * 2_000_000))
    response = await api.get(f"{DOCUMENTS}/{document['id']}/content")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_document")
