"""What goes wrong around a runner: it hangs, dies, or does not fit; its callers leave."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from backend.answers.options import LoadOptions
from backend.engine.entry import AHEAD, SHORT, serves
from backend.engine.fake_runner import FakeRunner, Script
from backend.engine.pool import Limits, Pool
from backend.engine.runner import Memory, RunnerKey, RunnerSpec, RunnerState
from backend.errors import LoadFailed, NotEnoughMemory
from tests.backend.engine.test_pool import Bench, spec, until

GIB = 1 << 30


def sized(name: str, gib: float) -> RunnerSpec:
    return replace(spec(name), memory=Memory(weights=int(gib * GIB)))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def bench_with(room: int, script: Script | None = None, **limits: float) -> Bench:
    bench = Bench(script, **limits)
    bench.pool = Pool(bench.make, Limits(**limits), room=lambda: room)  # type: ignore[arg-type]
    return bench


async def test_requests_beyond_the_slots_wait_in_their_order() -> None:
    bench = Bench()
    done: list[int] = []

    async def ask(number: int) -> None:
        async with bench.pool.lease("a", spec()):
            done.append(number)
            await asyncio.sleep(0)

    async with contextlib.AsyncExitStack() as held:
        for _ in range(1 + AHEAD):
            await held.enter_async_context(bench.pool.lease("a", spec()))
        waiting = [asyncio.create_task(ask(number)) for number in range(5)]
        await asyncio.sleep(0.01)
        assert done == []
        async with bench.pool.lease("a", spec(), slot=False):  # short work does not queue
            pass
        waiting[2].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert done == [0, 1, 3, 4]
    await bench.pool.close()


async def test_short_work_waits_for_nothing_but_other_short_work() -> None:
    bench = Bench()
    done: list[int] = []

    async def ask(number: int) -> None:
        async with bench.pool.lease("a", spec(), slot=False):
            done.append(number)

    async with contextlib.AsyncExitStack() as held:
        for _ in range(SHORT):
            await held.enter_async_context(bench.pool.lease("a", spec(), slot=False))
        waiting = [asyncio.create_task(ask(number)) for number in range(3)]
        await asyncio.sleep(0.01)
        assert done == []
        await bench.use(spec())  # a reply does not queue behind it
        waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert done == [1, 2]
    await bench.pool.close()


async def test_those_who_waited_at_a_runner_that_died_get_a_fresh_one() -> None:
    bench = Bench()
    served: list[FakeRunner] = []

    async def ask() -> None:
        async with bench.pool.lease("a", spec()) as runner:
            assert isinstance(runner, FakeRunner)
            served.append(runner)

    async with contextlib.AsyncExitStack() as held:
        for _ in range(1 + AHEAD):
            await held.enter_async_context(bench.pool.lease("a", spec()))
        waiting = [asyncio.create_task(ask()) for _ in range(4)]
        await asyncio.sleep(0.01)
        bench.runners[0]._state = RunnerState.FAILED
    await asyncio.gather(*waiting)
    assert served == [bench.runners[1]] * 4
    assert bench.script.loads == 2
    await bench.pool.close()


async def test_a_load_that_gets_on_may_take_longer_than_the_timeout() -> None:
    script = Script(load_seconds=0.3)
    bench = Bench(script, load_timeout=0.1)

    async def step() -> None:
        while True:
            script.load_steps += 1
            await asyncio.sleep(0.02)

    stepping = asyncio.create_task(step())
    await bench.use(spec())
    stepping.cancel()
    script.load_seconds = 60.0
    with pytest.raises(LoadFailed, match=r"no progress for 0\.1 s"):
        await bench.use(spec("b"))
    await bench.pool.close()


async def test_a_runner_not_heard_of_for_long_is_asked_first() -> None:
    clock, script = Clock(), Script()
    pool: Pool[str] = Pool(lambda wanted: FakeRunner(wanted, script), Limits(ping_every=5.0), clock)
    for now, pings in ((0.0, 0), (4.9, 0), (5.1, 1), (6.0, 1), (10.2, 2)):
        clock.now = now
        async with pool.lease("a", spec()):
            assert script.pings == pings
    assert script.loads == 1
    await pool.close()


async def test_a_runner_that_hangs_is_replaced_and_its_requests_end() -> None:
    bench = Bench(Script(), ping_every=0.0, ping_timeout=0.02)
    async with bench.pool.lease("a", spec()):
        bench.script.hangs = True
        asking = [asyncio.create_task(bench.use(spec())) for _ in range(3)]
        await until(lambda: bench.runners[0].state is RunnerState.STOPPED)
        bench.script.hangs = False
    await asyncio.gather(*asking)
    assert (bench.script.loads, bench.script.stops) == (2, 1)
    await bench.pool.close()


async def test_a_runner_that_hangs_under_the_only_request_there_is_ends_it() -> None:
    bench = Bench(Script(), watch_every=0.01, ping_timeout=0.02)
    async with bench.pool.lease("a", spec()) as runner:
        await until(lambda: bench.script.pings > 2)
        assert runner.state is RunnerState.READY
        bench.script.hangs = True
        await until(lambda: runner.state is RunnerState.STOPPED)
        bench.script.hangs = False
    await bench.use(spec())
    pings = bench.script.pings
    await asyncio.sleep(0.05)
    assert bench.script.pings == pings  # nobody holds it, so nobody asks
    assert (bench.script.loads, bench.script.stops) == (2, 1)
    await bench.pool.close()


async def test_a_client_that_leaves_while_its_runner_is_asked_frees_it() -> None:
    bench = Bench(Script(), ping_every=0.0, ping_timeout=60.0)
    await bench.use(spec())
    bench.script.hangs = True
    leaver = asyncio.create_task(bench.use(spec(), keep_alive=0))
    await until(lambda: bench.script.pings == 1)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    await bench.pool.unload(lambda _: True)
    assert bench.script.stops == 1
    await bench.pool.close()


async def test_when_nobody_wants_the_room_any_more_the_busy_one_stays() -> None:
    bench = Bench(loaded=1)
    async with bench.pool.lease("a", spec("a")):
        leaver = asyncio.create_task(bench.use(spec("b")))
        await asyncio.sleep(0.01)
        late = asyncio.create_task(bench.use(spec("a")))  # behind the eviction, for now
        await asyncio.sleep(0.01)
        assert not late.done()
        leaver.cancel()
        await late
    assert bench.names() == ["a"]
    assert bench.script.loads == 1
    await bench.pool.close()


async def test_a_load_that_has_begun_is_finished_for_who_comes_back() -> None:
    bench = Bench(Script(load_seconds=0.03))
    leaver = asyncio.create_task(bench.use(spec()))
    await until(lambda: bench.script.loads == 1)
    leaver.cancel()
    await bench.use(spec())
    assert bench.script.loads == 1
    await bench.pool.close()


async def test_a_model_that_can_never_fit_is_refused_and_nothing_goes_for_it() -> None:
    bench = bench_with(4 * GIB)
    await bench.use(sized("small", 1))
    with pytest.raises(NotEnoughMemory) as refused:
        await bench.use(sized("huge", 9))
    said = str(refused.value)
    assert said.startswith(
        "model requires more system memory (9.0 GiB) than is available (4.0 GiB)"
    )
    assert "num_ctx" in said
    assert bench.names() == ["small"]
    await bench.pool.close()


async def test_memory_evicts_the_idle_before_the_count_does() -> None:
    bench = bench_with(4 * GIB, loaded=9)
    await bench.use(sized("a", 2), 100)
    await bench.use(sized("b", 2), 50)
    await bench.use(sized("c", 1), 70)
    assert bench.names() == ["a", "c"]
    await bench.use(sized("d", 4))
    assert bench.names() == ["d"]
    await bench.pool.close()


async def test_what_a_runner_holds_already_is_not_counted_twice() -> None:
    # 3 GiB of the model are taken: the system's figure has them off already.
    script = Script(held=3 * GIB)
    bench = bench_with(2 * GIB, script, loaded=9)
    bench.script.held = 0
    await bench.use(sized("a", 1))
    bench.script.held = 1 * GIB
    await bench.use(sized("b", 2))
    assert sorted(bench.names()) == ["a", "b"]
    await bench.pool.close()


async def test_a_larger_context_of_a_loaded_model_counts_its_own_room() -> None:
    bench = bench_with(4 * GIB)
    await bench.use(sized("a", 3))
    longer = replace(sized("a", 4), load=LoadOptions(num_ctx=128))
    await bench.use(longer)
    assert bench.names() == ["a"]
    assert bench.script.loads == 2
    longest = replace(sized("a", 5), load=LoadOptions(num_ctx=256))
    with pytest.raises(NotEnoughMemory):
        await bench.use(longest)
    assert bench.names() == ["a"]
    await bench.pool.close()


@pytest.mark.parametrize(
    ("changed", "same"),
    [({"num_ctx": 32}, False), ({"num_batch": 8}, False), ({"num_gpu": 3}, False),
     ({"num_gpu": -1}, True), ({"main_gpu": 1}, False), ({"num_thread": 3}, False),
     ({"use_mmap": False}, False), ({}, True)],
)  # fmt: skip
def test_which_load_options_reload(changed: dict[str, int], same: bool) -> None:
    loaded = RunnerSpec(RunnerKey(Path("a"), False), LoadOptions(num_ctx=64, num_gpu=0))
    wanted = replace(loaded, load=replace(loaded.load, **changed))  # type: ignore[arg-type]
    assert serves(loaded, replace(wanted, memory=Memory(weights=1))) is same


@pytest.mark.parametrize(
    "changed",
    [{"adapters": (Path("b"),)}, {"projector": Path("p")}, {"kv_type": "q8_0"},
     {"flash_attention": True}, {"parallel": 2}],
)  # fmt: skip
def test_other_files_or_caches_reload(changed: dict[str, object]) -> None:
    loaded = RunnerSpec(RunnerKey(Path("a"), False), LoadOptions(num_ctx=64))
    assert not serves(loaded, replace(loaded, **changed))  # type: ignore[arg-type]


async def test_a_storm_of_clients_leaving_keeps_the_counts_right() -> None:
    import random

    chance = random.Random(7)
    bench = Bench(Script(load_seconds=0.001), loaded=2, queue=60)
    outcomes: list[str] = []

    async def ask() -> None:
        try:
            async with bench.pool.lease("x", spec(chance.choice("abc"))) as runner:
                await asyncio.sleep(chance.random() * 0.003)
                if chance.random() < 0.1 and isinstance(runner, FakeRunner):
                    runner._state = RunnerState.FAILED
            outcomes.append("done")
        except asyncio.CancelledError:
            outcomes.append("left")
            raise

    tasks = [asyncio.create_task(ask()) for _ in range(60)]
    for task in chance.sample(tasks, 30):
        await asyncio.sleep(chance.random() * 0.003)
        task.cancel()
    async with asyncio.timeout(20):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert set(outcomes) <= {"done", "left"}
    assert bench.pool._waiting == 0
    assert all(entry.leases == 0 for entry in bench.pool._entries.values())
    await bench.pool.close()
    assert all(runner.state is RunnerState.STOPPED for runner in bench.runners)


async def test_who_leaves_while_a_runner_is_stopped_does_not_leave_it_half_stopped() -> None:
    begun, door, stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Slow(FakeRunner):
        async def stop(self) -> None:
            begun.set()
            await door.wait()
            await super().stop()
            stopped.set()

    pool: Pool[str] = Pool(lambda wanted: Slow(wanted, Script()), Limits())
    async with pool.lease("a", spec()):
        pass
    unloading = asyncio.create_task(pool.unload(lambda _: True))
    await begun.wait()
    unloading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unloading
    closing = asyncio.create_task(pool.close())
    door.set()
    await closing
    assert stopped.is_set()


async def test_close_ends_a_question_that_has_no_answer() -> None:
    bench = Bench(Script(), ping_every=0.0, ping_timeout=60.0)
    await bench.use(spec())
    bench.script.hangs = True
    asking = asyncio.create_task(bench.use(spec()))
    await until(lambda: bench.script.pings == 1)
    await bench.pool.close()
    with pytest.raises((LoadFailed, asyncio.CancelledError)):
        await asking


async def test_a_load_that_got_on_and_then_stands_still_is_given_up() -> None:
    script = Script(load_seconds=60.0)
    bench = Bench(script, load_timeout=0.1)
    loading = asyncio.create_task(bench.use(spec()))
    await until(lambda: script.loads == 1)
    for _ in range(3):
        script.load_steps += 1
        await asyncio.sleep(0.02)
    with pytest.raises(LoadFailed, match="no progress"):
        await asyncio.wait_for(loading, 5)
    await bench.pool.close()
