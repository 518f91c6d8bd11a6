"""A small service with the real HTTP shapes: word overlap for search, a quote for an answer."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, UploadFile
from fastapi.responses import JSONResponse


@dataclass
class Shelf:
    """What the fake knows; tests read and set it."""

    collections: dict[str, dict[str, str]] = field(default_factory=dict)
    uploads: int = 0
    abstain_below: int = 1
    unreadable: str = ""
    ready_after: int = 0


def words(text: str) -> set[str]:
    """Return words, and characters where the script is Chinese."""
    return set(re.findall(r"[\u4e00-\u9fff]|[a-z0-9]+", text.lower()))


def fake_app(shelf: Shelf) -> FastAPI:  # noqa: C901 - a table of small routes
    app = FastAPI()

    def ranked(name: str, query: str, top_k: int) -> list[dict[str, Any]]:
        passages = [
            {"document_name": doc, "document_id": doc, "chunk_id": doc, "text": line, "page": None,
             "score": float(len(words(line) & words(query)))}
            for doc, text in shelf.collections[name].items()
            for line in text.splitlines()
            if line.strip()
        ]  # fmt: skip
        passages.sort(key=lambda passage: -passage["score"])
        return [passage for passage in passages if passage["score"]][:top_k]

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/health/ready")
    def ready() -> Any:
        shelf.ready_after -= 1
        return JSONResponse(
            {"ready": shelf.ready_after < 0}, 503 if shelf.ready_after >= 0 else 200
        )

    @app.get("/v1/info")
    def info() -> dict[str, Any]:
        return {"version": "0", "model": "fake", "ollama": {"url": "http://127.0.0.1:1"}}

    @app.post("/v1/collections")
    async def create(request: Request) -> Any:
        name = (await request.json())["name"]
        shelf.collections[name] = {}
        return JSONResponse({"name": name}, 201)

    @app.get("/v1/collections/{name}")
    def one(name: str) -> Any:
        if name not in shelf.collections:
            return JSONResponse({"code": "unknown_collection", "detail": f"no {name}"}, 404)
        return {"name": name}

    @app.delete("/v1/collections/{name}", status_code=204)
    def delete(name: str) -> None:
        del shelf.collections[name]

    @app.post("/v1/collections/{name}/documents", status_code=202)
    async def upload(name: str, files: list[UploadFile]) -> Any:
        shelf.uploads += 1
        for file in files:
            text = (await file.read()).decode("utf-8", errors="replace")
            shelf.collections[name][str(file.filename)] = text
        return {"documents": [{"id": f.filename, "name": f.filename, "status": "pending"}
                              for f in files]}  # fmt: skip

    @app.get("/v1/collections/{name}/documents")
    def documents(name: str, cursor: str | None = None) -> Any:
        names = sorted(shelf.collections[name])
        start = int(cursor or 0)
        page = [{"id": n, "name": n, "status": "completed"} for n in names[start : start + 2]]
        after = start + 2
        return {"documents": page, "next_cursor": str(after) if after < len(names) else None}

    @app.get("/v1/collections/{name}/documents/{doc}")
    def document(name: str, doc: str) -> Any:
        if doc == shelf.unreadable:
            error = {"code": "unreadable", "message": "It is damaged."}
            return {"id": doc, "name": doc, "status": "failed", "error": error}
        return {"id": doc, "name": doc, "status": "completed"}

    @app.post("/v1/collections/{name}/search")
    async def search(name: str, request: Request) -> Any:
        body = await request.json()
        return {"passages": ranked(name, body["query"], body.get("top_k", 6))}

    @app.post("/v1/query")
    async def query(request: Request) -> Any:
        body = await request.json()
        if "crash" in body["question"]:
            return JSONResponse({"code": "backend_failed", "detail": "the child died"}, 502)
        found = ranked(body["collection"], body["question"], body.get("top_k", 6))
        return answer(body["question"], found, shelf.abstain_below)

    return app


def answer(question: str, found: list[dict[str, Any]], abstain_below: int) -> dict[str, Any]:
    """Quote the best passage, or keep silent."""
    best = found[0] if found and found[0]["score"] >= abstain_below else None
    text = f"{best['text']} [1]" if best else "The documents do not say."
    sources = [{**p, "n": n, "quote": p["text"], "cited": n == 1}
               for n, p in enumerate(found, start=1)]  # fmt: skip
    sentence = {"text": text, "start": 0, "end": len(text), "verdict": "supported", "score": 1.0,
                "citations": [1]}  # fmt: skip
    return {
        "id": "a1", "question": question, "answer": text,
        "status": "answered" if best else "abstained", "collection": "c", "model": "fake",
        "strategy": "plain", "sources": sources, "sentences": [sentence] if best else [],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3}, "dropped": [],
        "timings": {"retrieve_ms": 1.0, "first_token_ms": 2.0, "total_ms": 5.0},
        "confidence": 0.5, "model_answer": "fake words",
    }  # fmt: skip


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an app on a port that the system chooses; yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
