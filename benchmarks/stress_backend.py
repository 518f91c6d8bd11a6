"""Clients that come and go, three models on two slots, runners killed under them: who gets what.

    python -m benchmarks.stress_backend [--models FOLDER] [--clients N] [--seconds S] [--kill S]

The server is a process of its own with OLLAMA_MAX_LOADED_MODELS=2. Every client asks again until
the time is over; every second request is given up at a random moment. Every request must end with
an answer or a typed error, and nothing may be left: no runner, no file descriptor, no file.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from backend.models.names import ModelName
from backend.models.store import ModelStore

ROOT = Path(__file__).resolve().parent.parent
FIRST, SECOND, THIRD = "gemma3-base:270m", "smollm2:135m", "third:latest"
CHILD = "backend.engine.llama_child"
SETTLE_SECONDS = 15.0
PATIENCE_SECONDS = 300.0  # after the last request began; whoever has no answer then hangs


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens: `clients` at once for `seconds`, a kill every `kill` seconds."""

    models: tuple[str, ...] = (FIRST, SECOND, THIRD)
    clients: int = 200
    seconds: float = 60.0
    kill: float = 5.0
    longest_patience: float = 20.0
    seed: int = 1


@dataclass(slots=True)
class Report:
    """What happened: outcomes of requests by kind, runners killed, and what was left behind."""

    outcomes: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    left: dict[str, Any] = field(default_factory=dict)

    @property
    def bad(self) -> dict[str, int]:
        """Outcomes that are neither an answer, a typed error, nor the client's own leaving."""
        fine = ("answer", "left by the client", "error ")
        return {kind: n for kind, n in self.outcomes.items() if n and not kind.startswith(fine)}


def scratch_store(source: Path, folder: Path, bases: tuple[str, ...] = (FIRST, SECOND)) -> Path:
    """A store with linked blobs of `source`, and `third`: the last base with 32 bytes more.

    Another digest is another model to the scheduler; the bytes lie behind the last tensor.
    """
    models = folder / "models"
    shutil.copytree(source, models, copy_function=_link)
    store = ModelStore(models)
    weights = store.content(store.get(ModelName.parse(bases[-1]))).weights
    longer = folder / "third.gguf"
    shutil.copyfile(weights, longer)
    with longer.open("ab") as file:
        file.write(bytes(32))
    store.add("third", longer)
    longer.unlink()
    return models


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


class Stress:
    """One run against a started server."""

    def __init__(self, plan: Plan, url: str, server: psutil.Process) -> None:
        self.plan, self.server, self.report = plan, server, Report()
        self._chance = random.Random(plan.seed)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._http = httpx.AsyncClient(base_url=url, timeout=None, limits=limits)

    async def run(self) -> Report:
        """Warm up, let loose, settle, count."""
        async with self._http:
            for model in self.plan.models:
                await self._ask(model, "generate")
            await self._unload()
            before = self._belongings()
            self.report.outcomes.clear()
            await self._storm()
            await self._unload()
            after = await self._settled(before)
        names = ("runners", "descriptors", "threads")
        self.report.left = {name: after[name] - before[name] for name in names}
        return self.report

    async def _storm(self) -> None:
        end = time.monotonic() + self.plan.seconds
        killer = asyncio.create_task(self._kill_until(end))
        clients = [asyncio.create_task(self._client(end)) for _ in range(self.plan.clients)]
        _, hanging = await asyncio.wait(clients, timeout=self.plan.seconds + PATIENCE_SECONDS)
        self.report.outcomes["HANGS"] += len(hanging)
        for one in (*hanging, killer):
            one.cancel()
        await asyncio.gather(*clients, killer, return_exceptions=True)

    async def _client(self, end: float) -> None:
        while time.monotonic() < end:
            model = self._chance.choice(self.plan.models)
            kind = self._chance.choice(("generate", "stream", "embed"))
            asking = asyncio.create_task(self._ask(model, kind))
            patience = None
            if self._chance.random() < 0.5:
                patience = self._chance.random() * self.plan.longest_patience
            await asyncio.wait({asking}, timeout=patience)
            if not asking.done():
                asking.cancel()
                await asyncio.wait({asking})
            left = asking.cancelled()
            self.report.outcomes["left by the client" if left else asking.result()] += 1

    async def _ask(self, model: str, kind: str) -> str:
        body: dict[str, Any] = {"model": model, "options": {"num_predict": 8, "num_ctx": 1024}}
        if kind == "embed":
            path, body["input"] = "/api/embed", "A few words to embed."
            body["options"]["num_batch"] = 128
        else:
            path = "/api/generate"
            body |= {"prompt": "One, two, three,", "raw": True, "stream": kind == "stream"}
        try:
            async with self._http.stream("POST", path, json=body) as response:
                return _outcome(response.status_code, await response.aread())
        except httpx.HTTPError as error:
            return f"CONNECTION {type(error).__name__}"

    async def _kill_until(self, end: float) -> None:
        while time.monotonic() < end:
            await asyncio.sleep(self.plan.kill)
            runners = self._runners()
            if runners:
                os.kill(self._chance.choice(runners).pid, signal.SIGKILL)
                self.report.kills += 1

    async def _unload(self) -> None:
        for model in self.plan.models:
            await self._http.post("/api/generate", json={"model": model, "keep_alive": 0})

    async def _settled(self, before: dict[str, int]) -> dict[str, int]:
        end = time.monotonic() + SETTLE_SECONDS
        after = self._belongings()
        while time.monotonic() < end and any(after[name] > before[name] for name in before):
            await asyncio.sleep(0.2)
            after = self._belongings()
        return after

    def _belongings(self) -> dict[str, int]:
        return {
            "runners": len(self._runners()),
            "descriptors": self.server.num_fds() if hasattr(self.server, "num_fds") else 0,
            "threads": self.server.num_threads(),
        }

    def _runners(self) -> list[psutil.Process]:
        found = []
        for child in self.server.children(recursive=True):
            try:
                if child.status() != psutil.STATUS_ZOMBIE and CHILD in child.cmdline():
                    found.append(child)
            except psutil.Error:  # it ended just now
                continue
        return found


def _outcome(status: int, raw: bytes) -> str:
    """`answer`, `error STATUS: SENTENCE` where it is typed, or what else came, in capitals."""
    lines = raw.splitlines()
    try:
        last = json.loads(lines[-1])
    except (IndexError, ValueError):
        return f"NO JSON in a {status}"
    if "error" in last:
        return f"error {status}: {str(last['error']).split(':')[0][:60]}"
    done = last.get("done") or last.get("embeddings")
    return "answer" if status == 200 and done else f"HALF AN ANSWER in a {status}"


def storm(plan: Plan, models: Path, scratch: Path) -> Report:
    """A whole run: server up, stress, server down; raises nothing of what the requests met."""
    temporary = scratch / "tmp"
    temporary.mkdir()
    files = sorted(models.rglob("*"))
    settings = {"OLLAMA_HOST": "127.0.0.1:0", "OLLAMA_MODELS": str(models), "PYTHONPATH": str(ROOT),
                "OLLAMA_MAX_LOADED_MODELS": "2", "TMPDIR": str(temporary)}  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "backend"],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().rpartition(" ")[2].strip()
        server = psutil.Process(process.pid)
        try:
            report = asyncio.run(Stress(plan, url, server).run())
            family = [server, *server.children(recursive=True)]
        finally:
            process.terminate()
        _, alive = psutil.wait_procs(family, timeout=15)
    report.left["processes after the end"] = len(alive)
    report.left["files"] = len(sorted(models.rglob("*"))) - len(files)
    report.left["temporary files"] = len(list(temporary.iterdir()))
    return report


def main() -> None:
    """Run and print the table; exit code 1 where something was lost or left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=ROOT / ".models" / "ollama")
    parser.add_argument("--clients", type=int, default=Plan().clients)
    parser.add_argument("--seconds", type=float, default=Plan().seconds)
    parser.add_argument("--kill", type=float, default=Plan().kill)
    asked = parser.parse_args()
    plan = Plan(clients=asked.clients, seconds=asked.seconds, kill=asked.kill)
    with tempfile.TemporaryDirectory() as folder:
        models = scratch_store(asked.models, Path(folder))
        report = storm(plan, models, Path(folder))
    print(f"{plan.clients} clients for {plan.seconds:g} s, {report.kills} runners killed")
    for kind, count in report.outcomes.most_common():
        print(f"{count:>7}  {kind}")
    print("left behind: " + ", ".join(f"{count} {name}" for name, count in report.left.items()))
    lost = sum(report.bad.values())
    print(f"without an answer or a typed error: {lost}")
    sys.exit(1 if lost or any(count > 0 for count in report.left.values()) else 0)


if __name__ == "__main__":
    main()
