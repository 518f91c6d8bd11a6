"""Collections and documents over HTTP, on real stores and a real worker."""

import asyncio
from typing import Any

import httpx
import pytest

from app.wiring import Services
from storage.audit import audit
from tests.fixtures import files

DOCUMENTS = "/v1/collections/default/documents"
WAIT = 60


async def upload(api: httpx.AsyncClient, *named: tuple[str, bytes | str]) -> list[dict[str, Any]]:
    parts = [("files", (name, content)) for name, content in named]
    response = await api.post(DOCUMENTS, files=parts)
    assert response.status_code == 202, response.text
    accepted: list[dict[str, Any]] = response.json()["documents"]
    return accepted


async def finished(api: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    async with asyncio.timeout(WAIT):
        while True:
            job: dict[str, Any] = (await api.get(f"/v1/jobs/{job_id}")).json()
            if job["state"] not in ("queued", "running"):
                return job
            await asyncio.sleep(0.05)


async def ingest(api: httpx.AsyncClient, name: str, content: bytes | str) -> str:
    [accepted] = await upload(api, (name, content))
    job = await finished(api, accepted["job_id"])
    assert job["state"] == "succeeded", job
    return str(accepted["id"])


async def found(services: Services, words: str) -> list[str]:
    passages = await asyncio.to_thread(
        services.retriever.search, "default", words, 5, "keyword", None
    )
    return [passage.chunk.text for passage in passages]


def complaints(services: Services) -> list[str]:
    stores = services.stores
    report = audit(stores.catalogue, stores.vectors, stores.keywords, stores.files)
    return list(report.sentences)


async def test_collections_are_made_listed_and_deleted(api: httpx.AsyncClient) -> None:
    made = await api.post("/v1/collections", json={"name": "laws", "description": "old ones"})
    assert made.status_code == 201
    assert made.json()["documents"] == 0
    names = [one["name"] for one in (await api.get("/v1/collections")).json()["collections"]]
    assert names == ["default", "laws"]
    assert (await api.get("/v1/collections/laws")).json()["description"] == "old ones"
    assert (await api.delete("/v1/collections/laws")).status_code == 204
    assert (await api.get("/v1/collections/laws")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "default"}, 409, "collection_exists"),
        ({"name": "../x"}, 422, "invalid_name"),
        ({"name": ""}, 422, "invalid_name"),
        ({}, 422, "invalid_request"),
    ],
)
async def test_bad_collections_are_refused(
    api: httpx.AsyncClient, body: dict[str, str], status: int, code: str
) -> None:
    response = await api.post("/v1/collections", json=body)
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_a_document_from_upload_to_search(api: httpx.AsyncClient, services: Services) -> None:
    content = files.pdf(["The warranty lasts two years.", "Returns are free."])
    document_id = await ingest(api, "manual.pdf", content)
    document = (await api.get(f"{DOCUMENTS}/{document_id}")).json()
    assert (document["status"], document["pages"], document["name"]) == (
        "completed",
        2,
        "manual.pdf",
    )
    assert document["media_type"] == "application/pdf"
    text = (await api.get(f"{DOCUMENTS}/{document_id}/text")).json()
    chunks = (await api.get(f"{DOCUMENTS}/{document_id}/chunks")).json()["chunks"]
    assert [page["number"] for page in text["pages"]] == [1, 2]
    assert all(text["text"][c["start"] : c["end"]] == c["text"] for c in chunks)
    original = await api.get(f"{DOCUMENTS}/{document_id}/content")
    assert original.content == content
    assert original.headers["x-content-type-options"] == "nosniff"
    assert original.headers["content-disposition"].startswith("attachment")
    assert "two years" in (await found(services, "warranty"))[0]


async def test_an_uploaded_page_never_runs_here(api: httpx.AsyncClient) -> None:
    document_id = await ingest(api, 'évil ".html', "<html><script>alert(1)</script>text</html>")
    response = await api.get(f"{DOCUMENTS}/{document_id}/content")
    assert response.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''%C3%A9vil%20%22.html"
    )
    assert "sandbox" in response.headers["content-security-policy"]


async def test_several_files_at_once_are_several_documents(api: httpx.AsyncClient) -> None:
    accepted = await upload(api, ("a.txt", "one"), ("b.md", "# two"), ("c.csv", "x,y\n1,2\n"))
    assert [one["name"] for one in accepted] == ["a.txt", "b.md", "c.csv"]
    jobs = [await finished(api, one["job_id"]) for one in accepted]
    assert [job["state"] for job in jobs] == ["succeeded"] * 3


async def test_the_same_bytes_again_name_the_first(api: httpx.AsyncClient) -> None:
    first = await ingest(api, "a.txt", "same words")
    [again] = await upload(api, ("b.txt", "same words"))
    assert (again["duplicate_of"], again["id"], again["name"]) == (first, first, "b.txt")
    [one, other] = await upload(api, ("x.txt", "twins"), ("y.txt", "twins"))
    assert other["duplicate_of"] == one["id"]
    assert len((await api.get(DOCUMENTS)).json()["documents"]) == 2


async def test_a_new_version_replaces_the_old(api: httpx.AsyncClient, services: Services) -> None:
    old = await ingest(api, "fees.txt", "The fee is five euro.")
    [accepted] = await upload(api, ("fees.txt", "The fee is nine euro."))
    assert accepted["replaces"] == old
    await finished(api, accepted["job_id"])
    assert await found(services, "fee") == ["The fee is nine euro."]
    assert (await api.get(f"{DOCUMENTS}/{old}")).status_code == 404
    assert complaints(services) == []


async def test_deleting_removes_it_everywhere(api: httpx.AsyncClient, services: Services) -> None:
    document_id = await ingest(api, "a.txt", "Gone soon.")
    assert (await api.delete(f"{DOCUMENTS}/{document_id}")).status_code == 204
    assert (await api.get(f"{DOCUMENTS}/{document_id}")).status_code == 404
    assert (await api.delete(f"{DOCUMENTS}/{document_id}")).status_code == 404
    assert await found(services, "gone") == []
    assert services.stores.files.hashes() == set()
    assert complaints(services) == []


async def test_deleting_a_collection_removes_its_documents(
    api: httpx.AsyncClient, services: Services
) -> None:
    await ingest(api, "a.txt", "Gone soon.")
    assert (await api.delete("/v1/collections/default")).status_code == 204
    assert services.stores.files.hashes() == set()
    assert (await api.get(DOCUMENTS)).json()["code"] == "unknown_collection"


async def test_documents_are_listed_a_page_at_a_time(api: httpx.AsyncClient) -> None:
    await upload(
        api, *[(f"{n}.txt", f"text {n}") for n in range(5)], ("bad.png", b"\x89PNG\r\n\x1a\n")
    )
    names: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await api.get(DOCUMENTS, params=params)).json()
        names += [document["name"] for document in page["documents"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt", "bad.png"]
    failed = (await api.get(DOCUMENTS, params={"status": "failed"})).json()["documents"]
    assert [document["error"]["code"] for document in failed] == ["unsupported_type"]


async def test_text_as_json_is_a_document(api: httpx.AsyncClient, services: Services) -> None:
    body = {"title": "Opening hours", "text": "We open at nine."}
    response = await api.post(DOCUMENTS, json=body)
    assert response.status_code == 202
    [accepted] = response.json()["documents"]
    assert (accepted["name"], accepted["media_type"]) == ("Opening hours", "text/plain")
    await finished(api, accepted["job_id"])
    assert await found(services, "open") == ["We open at nine."]
