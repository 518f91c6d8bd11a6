"""Who waits for a model: the queue's bound over HTTP, those who leave it, and who makes room."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.answers.options import LoadOptions
from backend.engine.fake_runner import FakeRunner, Script
from backend.engine.pool import Limits, Pool
from backend.engine.runner import RunnerKey, RunnerSpec, RunnerState
from backend.errors import LoadFailed
from backend.models.store import ModelStore
from tests.backend.conftest import backend_settings, client_for


def spec(name: str, num_ctx: int = 64) -> RunnerSpec:
    return RunnerSpec(RunnerKey(Path(name), False), LoadOptions(num_ctx=num_ctx))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the pool has no event to wait for
            await asyncio.sleep(0.001)


class Gate:
    """A pool whose loads wait until they are let through, one file name at a time."""

    def __init__(self, **limits: int) -> None:
        self.script = Script()
        self.begun: list[str] = []
        self.doors: dict[str, asyncio.Event] = {}
        self.pool: Pool[str] = Pool(self._make, Limits(**limits))

    def _make(self, wanted: RunnerSpec) -> FakeRunner:
        gate = self

        class Gated(FakeRunner):
            async def start(self) -> None:
                name = self.spec.key.weights.name
                gate.begun.append(name)
                await gate.doors.setdefault(name, asyncio.Event()).wait()
                await super().start()

        return Gated(wanted, self.script)

    def open(self, *names: str) -> None:
        for name in names:
            self.doors.setdefault(name, asyncio.Event()).set()

    def ask(self, name: str, num_ctx: int = 64) -> "asyncio.Task[None]":
        return asyncio.create_task(self._use(name, num_ctx))

    async def _use(self, name: str, num_ctx: int) -> None:
        async with self.pool.lease(name, spec(name, num_ctx)) as runner:
            assert runner.state is RunnerState.READY

    def names(self) -> set[str]:
        return {one.label for one in self.pool.loaded()}


async def test_a_request_that_left_the_queue_loads_nothing() -> None:
    gate = Gate()
    first = gate.ask("a")
    await until(lambda: gate.begun == ["a"])
    leaver, stayer = gate.ask("b"), gate.ask("c")
    await asyncio.sleep(0)
    leaver.cancel()
    gate.open("a", "b", "c")
    await asyncio.gather(first, stayer)
    assert leaver.cancelled()
    assert gate.begun == ["a", "c"]


async def test_a_place_in_the_queue_is_given_back_by_who_leaves() -> None:
    gate = Gate(queue=2)
    first, leaver = gate.ask("a"), gate.ask("a")
    await until(lambda: gate.begun == ["a"])
    leaver.cancel()
    await asyncio.gather(leaver, return_exceptions=True)
    other = gate.ask("b")
    gate.open("a", "b")
    await asyncio.gather(first, other)
    assert gate.names() == {"a", "b"}


async def test_those_who_wait_for_a_loaded_model_need_no_place_in_the_queue() -> None:
    gate = Gate(queue=1)
    gate.open("a")
    await gate.ask("a")
    waiting = gate.ask("b")
    await until(lambda: gate.begun == ["a", "b"])
    await gate.ask("a")
    gate.open("b")
    await waiting


async def test_a_process_that_cannot_be_started_fails_its_own_requests_only() -> None:
    class Homeless(FakeRunner):
        async def start(self) -> None:
            await asyncio.sleep(0)
            if self.spec.key.weights.name == "a":
                raise OSError(24, "Too many open files")
            await super().start()

    script = Script()
    pool: Pool[str] = Pool(lambda wanted: Homeless(wanted, script), Limits())

    async def use(name: str) -> None:
        async with pool.lease(name, spec(name)):
            pass

    first, other = asyncio.create_task(use("a")), asyncio.create_task(use("b"))
    with pytest.raises(LoadFailed, match=r"could not be started.*Too many open files"):
        await first
    await other
    assert [one.label for one in pool.loaded()] == ["b"]
    await pool.close()


async def test_a_reload_waits_for_the_answer_under_way_and_later_ones_wait_for_it() -> None:
    gate = Gate()
    gate.open("a")
    async with gate.pool.lease("a", spec("a")) as held:
        changed = gate.ask("a", num_ctx=32)
        await asyncio.sleep(0.005)
        late = gate.ask("a", num_ctx=32)
        await asyncio.sleep(0.005)
        assert held.state is RunnerState.READY
        assert gate.begun == ["a"]
    await asyncio.gather(changed, late)
    assert gate.begun == ["a", "a"]
    assert gate.script.stops == 1


async def test_room_is_made_for_one_model_at_a_time() -> None:
    gate = Gate(loaded=2)
    gate.open("a", "b", "c", "d")
    await gate.ask("a")
    async with gate.pool.lease("b", spec("b"), keep_alive=1.0):
        await gate.ask("c")  # the busy one stays although its time is shorter
        assert gate.names() == {"b", "c"}
    await gate.ask("d")
    assert gate.names() == {"c", "d"}


async def test_an_embedder_and_a_writer_of_the_same_weights_live_side_by_side() -> None:
    gate = Gate()
    gate.open("a")
    embedding = RunnerSpec(RunnerKey(Path("a"), True), LoadOptions(num_ctx=64))
    async with (
        gate.pool.lease("a", spec("a")) as writer,
        gate.pool.lease("a", embedding) as embedder,
    ):
        assert writer is not embedder
    await gate.pool.unload(lambda key: key.weights == Path("a"))
    assert gate.script.stops == 2


@pytest.mark.parametrize("route", ["generate", "chat", "embed", "tokenize"])
async def test_a_full_queue_is_a_503_even_for_a_stream(store: ModelStore, route: str) -> None:
    door, begun = asyncio.Event(), asyncio.Event()

    class Gated(FakeRunner):
        async def start(self) -> None:
            begun.set()
            await door.wait()
            await super().start()

    body = {"model": "plain", "prompt": "x", "input": "x", "content": "x",
            "messages": [{"role": "user", "content": "x"}]}  # fmt: skip
    settings = backend_settings(store, max_queue="1")
    async with client_for(settings, Script(reply="one"), Gated) as client:
        first = asyncio.create_task(client.post(f"/api/{route}", json=body))
        await begun.wait()
        refused = await client.post(f"/api/{route}", json=body)
        assert refused.status_code == 503
        assert refused.json() == {
            "error": "server busy, please try again.  maximum pending requests exceeded"
        }
        door.set()
        assert (await first).status_code == 200
        assert (await client.post(f"/api/{route}", json=body)).status_code == 200


async def test_the_server_keeps_no_more_models_than_it_is_told(store: ModelStore) -> None:
    settings = backend_settings(store, max_loaded_models="1")
    async with client_for(settings, Script(reply="one")) as client:
        for name in ("plain", "tiny", "plain"):
            await client.post("/api/generate", json={"model": name})
            (shown,) = (await client.get("/api/ps")).json()["models"]
            assert shown["name"] == f"{name}:latest"


async def test_ps_lists_the_one_that_stays_longest_first(store: ModelStore) -> None:
    async with client_for(backend_settings(store), Script()) as client:
        for name, keep_alive in (("plain", "1h"), ("tiny", -1), ("embedder", "2h")):
            await client.post("/api/embed", json={"model": name, "keep_alive": keep_alive})
        models = (await client.get("/api/ps")).json()["models"]
    assert [one["name"] for one in models] == ["tiny:latest", "embedder:latest", "plain:latest"]


async def test_a_model_that_answers_and_embeds_is_listed_once(store: ModelStore) -> None:
    async with client_for(backend_settings(store), Script()) as client:
        await client.post("/api/generate", json={"model": "plain", "prompt": "x", "stream": False})
        (alone,) = (await client.get("/api/ps")).json()["models"]
        body = {"model": "plain", "input": "x", "keep_alive": -1}
        await client.post("/api/embed", json=body)
        (both,) = (await client.get("/api/ps")).json()["models"]
    assert both["size"] > alone["size"]
    assert both["context_length"] == alone["context_length"]
    assert both["expires_at"] > alone["expires_at"]
