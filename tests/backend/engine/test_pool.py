"""The pool: shared loads, one at a time, eviction, keep_alive, the queue's limit, crashes."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from backend.answers.options import LoadOptions
from backend.engine.fake_runner import FakeRunner, Script
from backend.engine.pool import Limits, Pool
from backend.engine.runner import RunnerKey, RunnerSpec, RunnerState
from backend.errors import LoadFailed, ServerBusy


def spec(name: str = "a", num_ctx: int = 64) -> RunnerSpec:
    return RunnerSpec(RunnerKey(Path(name), False), LoadOptions(num_ctx=num_ctx))


class Bench:
    """A pool over fakes that remembers every runner it made."""

    def __init__(self, script: Script | None = None, **limits: float) -> None:
        self.script = script or Script()
        self.runners: list[FakeRunner] = []
        self.pool: Pool[str] = Pool(self.make, Limits(**limits))  # type: ignore[arg-type]

    def make(self, wanted: RunnerSpec) -> FakeRunner:
        self.runners.append(FakeRunner(wanted, self.script))
        return self.runners[-1]

    async def use(self, wanted: RunnerSpec, keep_alive: float | None = None) -> None:
        async with self.pool.lease(wanted.key.weights.name, wanted, keep_alive) as runner:
            assert runner.state is RunnerState.READY
            await asyncio.sleep(0)

    def names(self) -> list[str]:
        return [one.label for one in self.pool.loaded()]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the pool has no event to wait for
            await asyncio.sleep(0.001)


async def test_requests_that_arrive_during_a_load_share_it() -> None:
    bench = Bench(Script(load_seconds=0.02))
    await asyncio.gather(*(bench.use(spec()) for _ in range(20)))
    assert bench.script.loads == 1
    await bench.pool.close()
    assert bench.script.stops == 1


async def test_loads_run_one_after_another() -> None:
    bench = Bench(Script(load_seconds=0.01))
    starting: list[int] = []

    async def watch() -> None:
        while True:
            states = [runner.state for runner in bench.runners]
            starting.append(states.count(RunnerState.STARTING))
            await asyncio.sleep(0.001)

    watcher = asyncio.create_task(watch())
    await asyncio.gather(*(bench.use(spec(name)) for name in "abc"))
    watcher.cancel()
    assert max(starting) == 1
    assert sorted(bench.names()) == ["a", "b", "c"]


async def test_a_waiter_that_leaves_does_not_stop_the_load_of_others() -> None:
    bench = Bench(Script(load_seconds=0.02))
    leaver = asyncio.create_task(bench.use(spec()))
    stayer = asyncio.create_task(bench.use(spec()))
    await until(lambda: bench.script.loads == 1)
    leaver.cancel()
    await stayer
    assert leaver.cancelled()
    assert bench.script.loads == 1


async def test_a_failed_load_fails_those_who_asked_for_it_and_no_others() -> None:
    bench = Bench(Script(load_seconds=0.01, load_error="bad"))
    first = asyncio.create_task(bench.use(spec("a")))
    await until(lambda: bench.script.loads == 1)
    other = asyncio.create_task(bench.use(spec("b")))
    with pytest.raises(LoadFailed, match="bad"):
        await first
    bench.script.load_error = None
    await other
    await bench.use(spec("a"))
    assert sorted(bench.names()) == ["a", "b"]


async def test_a_load_that_takes_too_long_is_given_up() -> None:
    bench = Bench(Script(load_seconds=60), load_timeout=0.01)
    with pytest.raises(LoadFailed, match="OLLAMA_LOAD_TIMEOUT"):
        await bench.use(spec())
    assert bench.script.stops == 1


async def test_the_shortest_lived_idle_model_makes_room() -> None:
    bench = Bench(loaded=2)
    await bench.use(spec("a"), 100)
    await bench.use(spec("b"), 50)
    await bench.use(spec("c"), 70)
    assert bench.names() == ["a", "c"]


async def test_a_busy_model_goes_when_its_request_ends() -> None:
    bench = Bench(loaded=1)
    async with bench.pool.lease("a", spec("a")):
        waiting = asyncio.create_task(bench.use(spec("b")))
        await asyncio.sleep(0.01)
        assert not waiting.done()
    await waiting
    assert bench.names() == ["b"]


async def test_other_load_options_reload_the_model() -> None:
    bench = Bench()
    await bench.use(spec(num_ctx=64))
    await bench.use(spec(num_ctx=32))
    await bench.use(spec(num_ctx=32))
    assert (bench.script.loads, bench.script.stops) == (2, 1)


async def test_a_full_queue_turns_the_next_request_away() -> None:
    bench = Bench(Script(load_seconds=0.05), queue=2)
    waiting = [asyncio.create_task(bench.use(spec())) for _ in range(2)]
    await until(lambda: bench.script.loads == 1)
    with pytest.raises(ServerBusy, match=r"server busy, please try again\.  maximum"):
        await bench.use(spec())
    await asyncio.gather(*waiting)
    await bench.use(spec())


async def test_an_idle_model_goes_after_its_keep_alive() -> None:
    bench = Bench()
    await bench.use(spec("short"), 0.01)
    await bench.use(spec("long"), 100)
    await until(lambda: bench.names() == ["long"])
    await bench.use(spec("none"), 0)
    await until(lambda: bench.names() == ["long"])
    assert bench.script.stops == 2


async def test_the_timer_waits_for_the_last_request() -> None:
    bench = Bench()
    async with bench.pool.lease("a", spec(), 0.01):
        await asyncio.sleep(0.03)
        assert bench.names() == ["a"]
    await until(lambda: bench.names() == [])


async def test_forever_outlives_a_default_of_nothing() -> None:
    bench = Bench(keep_alive=0.0)
    await bench.use(spec("a"), float("inf"))
    await bench.use(spec("b"))
    await until(lambda: bench.names() == ["a"])


async def test_unloading_a_busy_model_waits_for_its_request() -> None:
    bench = Bench()

    def chosen(_: RunnerKey) -> bool:
        return True

    async with bench.pool.lease("a", spec()):
        await bench.pool.unload(chosen)
        assert bench.names() == ["a"]
    await until(lambda: bench.names() == [])


async def test_a_dead_runner_is_replaced() -> None:
    bench = Bench()
    await bench.use(spec())
    bench.runners[0]._state = RunnerState.FAILED
    assert bench.names() == []
    await bench.use(spec())
    assert bench.script.loads == 2


async def test_close_stops_all_even_a_load_under_way() -> None:
    bench = Bench(Script())
    await bench.use(spec("a"))
    bench.script.load_seconds = 60
    waiting: Awaitable[None] = asyncio.create_task(bench.use(spec("b")))
    await until(lambda: bench.script.loads == 2)
    await bench.pool.close()
    for late in (waiting, bench.use(spec("a"))):
        with pytest.raises(LoadFailed, match="shutting down"):
            await late
    assert all(runner.state is RunnerState.STOPPED for runner in bench.runners)
