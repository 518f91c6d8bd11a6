"""The loaded models: who is loaded, who waits, who must go.

All state belongs to one event loop, so there are no locks: every change happens between two awaits.
One load runs at a time; requests for the same runner share it. A request that goes away while it
waits leaves the load to the others.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from backend.engine import loading
from backend.engine.entry import Entry, Loaded, serves
from backend.engine.eviction import UNBOUNDED, Candidate, most_room, next_to_go
from backend.engine.memory import refusal
from backend.engine.runner import Runner, RunnerFactory, RunnerKey, RunnerSpec, RunnerState
from backend.errors import BackendError, LoadFailed, NotEnoughMemory, ServerBusy

Label = TypeVar("Label")
BUSY = "server busy, please try again.  maximum pending requests exceeded"
# A fresh runner waits at least this long for those who asked for it to take it up.
GRACE_SECONDS = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a pool; times in seconds, `load_timeout` (of a stalled load) infinite for none.

    A runner that has not been heard of for `ping_every` is asked first whether it answers, one that
    is in use every `watch_every`, and is replaced when it does not within `ping_timeout`.
    """

    loaded: int = 3
    queue: int = 512
    keep_alive: float = 300.0
    load_timeout: float = 300.0
    ping_every: float = 5.0
    watch_every: float = 15.0
    ping_timeout: float = 10.0


@dataclass(eq=False)
class _Load:
    """The load under way; `wanted` by so many, and `begun` once there is room for it."""

    spec: RunnerSpec
    wanted: int = 0
    begun: bool = False
    task: "asyncio.Task[None]" = field(init=False)


class Pool(Generic[Label]):
    """Runners by key. `Label` is what the caller wants to see again in `loaded()`."""

    def __init__(
        self,
        factory: RunnerFactory,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        room: Callable[[], int] = lambda: UNBOUNDED,
    ) -> None:
        self._factory, self._limits, self._clock, self._room = factory, limits, clock, room
        self._entries: dict[RunnerKey, Entry[Label]] = {}
        self._load: _Load | None = None
        self._waiting = 0
        self._closed = False
        self._ending: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lease(
        self,
        label: Label,
        spec: RunnerSpec,
        keep_alive: float | None = None,
        *,
        slot: bool = True,
    ) -> AsyncIterator[Runner]:
        """A ready runner for `spec`, loaded if need be and not unloaded while it is held.

        With `slot` it is held for work that occupies one of its slots, after those who came first;
        without, for something short, of which a few go at once. `keep_alive` replaces the runner's
        present value when given. Raises ServerBusy, LoadFailed.
        """
        entry = await self._hold(label, spec, slot=slot)
        if keep_alive is not None:
            entry.keep_alive = keep_alive
        try:
            yield entry.runner
        finally:
            entry.gate(slot=slot).release()
            self._release(entry)

    def loaded_like(self, spec: RunnerSpec) -> RunnerSpec:
        """The spec of the loaded runner of the same weights, however started; else `spec`."""
        entry = self._entries.get(spec.key)
        return entry.spec if entry is not None and entry.takes(entry.spec) else spec

    def loaded(self) -> list[Loaded[Label]]:
        """The ready runners, the one that stays longest first."""
        shown = [
            Loaded(entry.label, entry.spec, entry.remaining(self._clock()))
            for entry in self._entries.values()
            if entry.ready
        ]
        return sorted(shown, key=lambda one: one.remaining, reverse=True)

    async def unload(self, chosen: Callable[[RunnerKey], bool]) -> None:
        """Unload the chosen runners: at once where idle, else when their last request ends."""
        for entry in [entry for key, entry in self._entries.items() if chosen(key)]:
            entry.keep_alive = 0.0
            if not entry.leases and entry.runner.state is not RunnerState.STARTING:
                await self._retire(entry)

    async def close(self) -> None:
        """Stop every runner and the load under way; later requests and waiting ones fail."""
        self._closed = True
        if self._load is not None:
            self._load.task.cancel()
            await asyncio.wait({self._load.task})
        entries = list(self._entries.values())
        self._entries.clear()
        for entry in entries:
            entry.end()
        await asyncio.gather(*(entry.runner.stop() for entry in entries), return_exceptions=True)
        for entry in entries:  # their requests will not end by themselves any more
            entry.idle.set()
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _hold(self, label: Label, spec: RunnerSpec, *, slot: bool) -> Entry[Label]:
        while True:
            entry = await self._acquire(label, spec)
            try:
                await entry.gate(slot=slot).acquire()
            except BaseException:  # a cancel in the queue must end the lease; raised again
                self._release(entry)
                raise
            if entry.ready:
                return entry
            entry.gate(slot=slot).release()  # it died meanwhile: the next one has the same news
            self._release(entry)

    async def _acquire(self, label: Label, spec: RunnerSpec) -> Entry[Label]:
        entry = await self._take(spec)
        if entry is not None:
            return entry
        if self._waiting >= self._limits.queue:
            raise ServerBusy(BUSY)
        self._waiting += 1
        try:
            while (entry := await self._take(spec)) is None:
                await self._wait_for_load(label, spec)
        finally:
            self._waiting -= 1
        return entry

    async def _take(self, spec: RunnerSpec) -> Entry[Label] | None:
        """A lease on a loaded runner that still answers, if there is one."""
        if self._closed:
            raise LoadFailed("the server is shutting down")
        entry = self._entries.get(spec.key)
        if entry is None or not entry.takes(spec):
            return None
        entry.leases += 1
        entry.idle.clear()
        entry.disarm()
        entry.watch(self._limits.watch_every, self._limits.ping_timeout)
        if self._clock() - entry.checked < self._limits.ping_every:
            return entry
        try:
            answers = await entry.answers(self._limits.ping_timeout)
        except BaseException:  # a cancel must end the lease; raised again
            self._release(entry)
            raise
        entry.checked = self._clock()
        if answers and entry.ready:
            return entry
        self._release(entry)
        return None

    async def _wait_for_load(self, label: Label, spec: RunnerSpec) -> None:
        load = self._load
        if load is None:
            load = self._load = _Load(spec)
            load.task = asyncio.create_task(self._make_ready(label, load))
            load.task.add_done_callback(self._load_ended)
        mine = serves(load.spec, spec)
        load.wanted += mine
        try:
            # Not awaited itself: who asked first may leave while others wait for the same load.
            await asyncio.wait({load.task})
        finally:
            load.wanted -= mine
            if not load.wanted and not load.begun:
                # nobody is left to make room for; a load that has begun is finished, since who
                # gave it up mostly comes back for it
                load.task.cancel()
        if mine and not load.task.cancelled() and (error := load.task.exception()):
            raise error

    def _load_ended(self, task: "asyncio.Task[None]") -> None:
        self._load = None
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, BackendError):
            log.warning("a model did not load: %s", error)
        elif error is not None:
            log.error("a load failed in a way nobody foresaw", exc_info=error)

    async def _make_ready(self, label: Label, load: _Load) -> None:
        spec = load.spec
        await self._make_room(spec)
        load.begun = True
        entry = Entry(label, spec, self._factory(spec), self._limits.keep_alive)
        self._entries[spec.key] = entry
        try:
            await loading.start(entry.runner, self._limits.load_timeout)
        except BaseException:  # a cancel too must leave no dead entry; raised again
            self._entries.pop(spec.key, None)
            await entry.runner.stop()
            raise
        entry.checked = self._clock()
        self._arm(entry, max(entry.keep_alive, GRACE_SECONDS))

    async def _make_room(self, spec: RunnerSpec) -> None:
        needed = spec.memory.total
        if needed > (most := most_room(self._candidates(), self._room_left())):
            raise NotEnoughMemory(refusal(needed, most))  # before anything goes for nothing
        stale = self._entries.get(spec.key)
        if stale is not None:
            await self._retire(stale)
        while True:
            loaded, room = self._candidates(), self._room_left()
            key = next_to_go(loaded, self._limits.loaded, needed, room)
            if key is None:
                break
            await self._retire(self._entries[key])
        if needed > room:
            raise NotEnoughMemory(refusal(needed, room))

    async def _retire(self, entry: Entry[Label]) -> None:
        entry.retiring += 1
        entry.disarm()
        try:
            await entry.idle.wait()
        except BaseException:  # whoever wanted its room has left: it may stay; raised again
            entry.retiring -= 1
            self._settle(entry)
            raise
        if self._entries.get(entry.spec.key) is entry:
            del self._entries[entry.spec.key]
        stopping = self._kept(entry.runner.stop())
        await asyncio.shield(stopping)  # who unloads may leave, but half a stop leaks its pipes

    def _release(self, entry: Entry[Label]) -> None:
        entry.leases -= 1
        if not entry.leases:
            entry.unwatch()
            entry.idle.set()
            self._settle(entry)

    def _settle(self, entry: Entry[Label]) -> None:
        """Decide what becomes of an idle runner."""
        if entry.leases or entry.retiring or self._closed:
            return  # whoever retires it waits for exactly this
        if not entry.ready or entry.keep_alive == 0:
            self._end(entry)
        else:
            self._arm(entry, entry.keep_alive)

    def _end(self, entry: Entry[Label]) -> None:
        self._kept(self._retire(entry))

    def _kept(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """A task that `close` waits for."""
        task = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    def _arm(self, entry: Entry[Label], seconds: float) -> None:
        entry.arm(seconds, self._clock(), self._end)

    def _candidates(self) -> list[Candidate[RunnerKey]]:
        return [entry.candidate() for entry in self._entries.values()]

    def _room_left(self) -> int:
        return self._room() - sum(entry.to_come for entry in self._entries.values())
