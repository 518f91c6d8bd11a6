"""Kill -9 the service at random moments of ingestion, then look whether anything was lost.

    python benchmarks/kill_ingest.py [--rounds 20] [--real] [--seed 1]

Two senders upload files of every kind, new ones, new versions and duplicates, and note what
was acknowledged. Round after round the service is killed, and started again on the same data.
At the end every acknowledged document must be there once, with its last bytes, found by a word
that only it has; and `doctor` must have nothing to say. `--real` runs `ragstone serve` with
the real embedding model, otherwise the same service runs with the hashing embedder.
"""

import argparse
import hashlib
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = "/v1/collections/default/documents"
SENTENCE = "Sentence {n} of this text says nothing that could not have been said of another. "
NAMES = 12
"""Names a sender uses; it comes back to each with new versions and with the same bytes."""


@dataclass
class Ledger:
    """What was sent and what was acknowledged, by file name."""

    sent: dict[str, list[str]] = field(default_factory=dict)
    acknowledged: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    acknowledgements: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass
class Sender:
    """Uploads one file after another until told to stop."""

    number: int
    url: str
    ledger: Ledger
    chance: random.Random
    stop: threading.Event

    def run(self) -> None:
        """Upload until the stop."""
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while not self.stop.is_set():
                name, content = self.next_file()
                with suppress(httpx.TransportError):  # the service was killed: not acknowledged
                    self.send(client, name, content)

    def next_file(self) -> tuple[str, bytes]:
        """Return a name used before, perhaps, and content never sent before."""
        kind = self.chance.choice(["txt", "md", "html", "csv"])
        name = f"s{self.number}-{self.chance.randrange(NAMES)}.{kind}"
        word = f"w{self.chance.getrandbits(60):x}"
        content = make_file(kind, word, self.chance.randrange(1, 120)).encode()
        self.ledger.words[hashlib.sha256(content).hexdigest()] = word
        return name, content

    def send(self, client: httpx.Client, name: str, content: bytes) -> None:
        """Upload one file, sometimes twice, and note what was acknowledged."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.ledger.sent.setdefault(name, []).append(sha256)
        times = 2 if self.chance.random() < 0.1 else 1  # some bytes come twice
        for _ in range(times):
            response = client.post(DOCUMENTS, files={"files": (name, content)})
            if response.status_code != 202:
                self.ledger.errors.append(f"{name}: {response.status_code} {response.text[:200]}")
                return
            [document] = response.json()["documents"]
            if document["status"] == "failed":
                self.ledger.errors.append(f"{name}: {document['error']}")
            self.ledger.acknowledged[name] = sha256
            self.ledger.acknowledgements += 1


def make_file(kind: str, word: str, sentences: int) -> str:
    """Return a text of that kind whose first line has a word that no other has."""
    body = [SENTENCE.format(n=n) for n in range(sentences)]
    if kind == "html":
        return f"<h1>About {word}</h1>" + "".join(f"<p>{line}</p>" for line in body)
    if kind == "csv":
        return f"name,text\n{word},first\n" + "".join(
            f"row {n},{body[n]}\n" for n in range(sentences)
        )
    return f"# About {word}\n\n" + "\n\n".join(body)


@contextmanager
def service(data: Path, *, real: bool) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start the service on a free port and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = ["-m", "app", "serve"] if real else [__file__, "--serve"]
    command = [sys.executable, *program, "--port", str(port), "--data-dir", str(data)]
    # only ingestion is killed here: no language model need be loaded for it
    environment = os.environ | {
        "RAGSTONE_OLLAMA_URL": "http://127.0.0.1:9",
        "PYTHONPATH": str(ROOT),
    }
    log = (data.parent / "service.log").open("ab")
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    log.close()
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _answers(url, process), 120)
        yield process, url
    finally:
        process.kill()
        process.wait()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the service ended by itself, see service.log"
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/health", timeout=5).status_code == 200
    return False


def wait_for(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def run_round(
    data: Path, ledger: Ledger, chance: random.Random, seconds: tuple[float, float], *, real: bool
) -> dict[str, Any]:
    """Start, send for a random time, kill -9; return a row of the table."""
    began = time.monotonic()
    before = ledger.acknowledgements
    stop = threading.Event()
    with service(data, real=real) as (process, url):
        started = time.monotonic() - began
        senders = [
            Sender(number, url, ledger, random.Random(chance.random()), stop) for number in range(2)
        ]
        threads = [threading.Thread(target=sender.run) for sender in senders]
        for thread in threads:
            thread.start()
        lived = chance.uniform(*seconds)
        time.sleep(lived)
        jobs = httpx.get(f"{url}/v1/jobs", params={"limit": 1000}, timeout=30).json()["jobs"]
        process.kill()
        process.wait()
        stop.set()
        for thread in threads:
            thread.join()
    return {
        "start s": f"{started:.1f}",
        "lived s": f"{lived:.1f}",
        "acknowledged": ledger.acknowledgements - before,
        "waiting": sum(job["state"] == "queued" for job in jobs),
        "stages at the kill": ", ".join(j["stage"] for j in jobs if j["state"] == "running") or "-",
    }


def verify(data: Path, ledger: Ledger, *, real: bool) -> list[str]:
    """Start once more, let everything finish, and return what is wrong."""
    wrong = list(ledger.errors)
    with service(data, real=real) as (_, url), httpx.Client(base_url=url, timeout=120) as client:
        wait_for(lambda: not _unfinished(client), 1200)
        by_name: dict[str, list[dict[str, Any]]] = {}
        for document in _all_documents(client):
            if document["status"] == "completed":
                by_name.setdefault(document["name"], []).append(document)
            elif document["error"]["code"] not in ("superseded", "cancelled"):
                wrong.append(f"{document['name']}: {document['error']}")
        for name, sha256 in sorted(ledger.acknowledged.items()):
            wrong += _check(client, ledger, name, sha256, by_name.get(name, []))
        report = client.get("/v1/doctor").json()
        if not report["ok"]:
            wrong.append(f"doctor: {report}")
        print(f"\n{len(ledger.acknowledged)} names, {ledger.acknowledgements} acknowledgements")
    return wrong


def _check(
    client: httpx.Client, ledger: Ledger, name: str, last: str, there: list[dict[str, Any]]
) -> list[str]:
    """Compare one name's last acknowledged version with what is there."""
    if len(there) != 1:
        return [f"{name}: is there {len(there)} times"]
    [document] = there
    # a later version may have been taken in although its answer was lost in the kill
    versions = ledger.sent[name]
    if document["sha256"] not in versions[versions.index(last) :]:
        return [f"{name}: has an older version, or bytes that were never sent"]
    content = client.get(f"{DOCUMENTS}/{document['id']}/content").content
    if hashlib.sha256(content).hexdigest() != document["sha256"]:
        return [f"{name}: its original differs"]
    word = ledger.words[document["sha256"]]
    query = {"query": word, "mode": "keyword", "top_k": 10}
    passages = client.post("/v1/collections/default/search", json=query).json()["passages"]
    hits = [p for p in passages if word in p["text"]]
    if not hits or {p["document_id"] for p in hits} != {document["id"]}:
        return [f"{name}: its word is found in {len(hits)} passages"]
    return []


def _unfinished(client: httpx.Client) -> bool:
    states = ("queued", "running")
    found = [client.get("/v1/jobs", params={"state": state, "limit": 1}).json() for state in states]
    return any(answer["jobs"] for answer in found)


def _all_documents(client: httpx.Client) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        params = {"limit": "500"} | ({"cursor": cursor} if cursor else {})
        page = client.get(DOCUMENTS, params=params).json()
        yield from page["documents"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def serve(port: int, data: Path) -> None:
    """Run the service with the hashing embedder and no language model."""
    import uvicorn

    from app.answering.fake_chat import FakeChat
    from app.main import create_app
    from app.settings import Settings
    from app.wiring import build_services
    from ingest.fake_embed import HashingEmbedder

    settings = Settings(_env_file=None, data_dir=data, port=port)
    services = build_services(settings, embedder=HashingEmbedder(), chat_model=FakeChat())
    uvicorn.run(create_app(settings, services), host="127.0.0.1", port=port, log_level="warning")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--real", action="store_true", help="`ragstone serve` with real models")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--data-dir", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.port, asked.data_dir)
        return 0
    chance, ledger = random.Random(asked.seed), Ledger()
    seconds = (1.0, 25.0) if asked.real else (0.3, 4.0)
    with tempfile.TemporaryDirectory(prefix="ragstone-kill-") as folder:
        data = Path(folder) / "data"
        for number in range(1, asked.rounds + 1):
            row = run_round(data, ledger, chance, seconds, real=asked.real)
            if number == 1:
                print("| round | " + " | ".join(row) + " |\n|" + "---|" * (len(row) + 1))
            print(f"| {number} | " + " | ".join(map(str, row.values())) + " |", flush=True)
        wrong = verify(data, ledger, real=asked.real)
        if wrong:
            print((Path(folder) / "service.log").read_text()[-3000:], file=sys.stderr)
    print("\n".join(wrong) or "every acknowledged document is there once; doctor finds nothing")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
