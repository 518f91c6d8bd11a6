"""The loaded models: who is loaded, who waits, who must go.

All state belongs to one event loop, so there are no locks: every change happens between two awaits.
One load runs at a time; requests for the same runner share it. A request that goes away while it
waits leaves the load to the others.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from backend.engine.eviction import Candidate, next_to_go
from backend.engine.runner import Runner, RunnerFactory, RunnerKey, RunnerSpec, RunnerState
from backend.errors import BackendError, LoadFailed, ServerBusy

Label = TypeVar("Label")
BUSY = "server busy, please try again.  maximum pending requests exceeded"
# A fresh runner waits at least this long for those who asked for it to take it up.
GRACE_SECONDS = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a pool; times in seconds, `load_timeout` infinite for none."""

    loaded: int = 3
    queue: int = 512
    keep_alive: float = 300.0
    load_timeout: float = 300.0


@dataclass(eq=False)
class _Entry(Generic[Label]):
    label: Label
    spec: RunnerSpec
    runner: Runner
    keep_alive: float
    leases: int = 0
    retiring: bool = False
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    expires: float = 0.0
    timer: asyncio.TimerHandle | None = None

    def serves(self, spec: RunnerSpec) -> bool:
        ready = self.runner.state is RunnerState.READY
        return ready and not self.retiring and self.spec == spec


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Label]):
    """A loaded model as `/api/ps` shows it; `remaining` seconds until it is unloaded."""

    label: Label
    spec: RunnerSpec
    remaining: float


class Pool(Generic[Label]):
    """Runners by key. `Label` is what the caller wants to see again in `loaded()`."""

    def __init__(
        self,
        factory: RunnerFactory,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._factory, self._limits, self._clock = factory, limits, clock
        self._entries: dict[RunnerKey, _Entry[Label]] = {}
        self._load: asyncio.Task[None] | None = None
        self._loading: RunnerSpec | None = None
        self._waiting = 0
        self._ending: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lease(
        self, label: Label, spec: RunnerSpec, keep_alive: float | None = None
    ) -> AsyncIterator[Runner]:
        """A ready runner for `spec`, loaded if need be and not unloaded while it is held.

        `keep_alive` replaces the runner's present value when given. Raises ServerBusy, LoadFailed.
        """
        entry = await self._acquire(label, spec)
        if keep_alive is not None:
            entry.keep_alive = keep_alive
        try:
            yield entry.runner
        finally:
            self._release(entry)

    def loaded(self) -> list[Loaded[Label]]:
        """The ready runners, the one that stays longest first."""
        shown = [
            Loaded(entry.label, entry.spec, self._remaining(entry))
            for entry in self._entries.values()
            if entry.runner.state is RunnerState.READY
        ]
        return sorted(shown, key=lambda one: one.remaining, reverse=True)

    async def unload(self, chosen: Callable[[RunnerKey], bool]) -> None:
        """Unload the chosen runners: at once where idle, else when their last request ends."""
        for entry in [entry for key, entry in self._entries.items() if chosen(key)]:
            entry.keep_alive = 0.0
            if not entry.leases and entry.runner.state is not RunnerState.STARTING:
                await self._retire(entry)

    async def close(self) -> None:
        """Stop every runner and the load under way; the pool is not used afterwards."""
        if self._load is not None:
            self._load.cancel()
            await asyncio.gather(self._load, return_exceptions=True)
        entries = list(self._entries.values())
        self._entries.clear()
        for entry in entries:
            self._disarm(entry)
        await asyncio.gather(*(entry.runner.stop() for entry in entries), return_exceptions=True)
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _acquire(self, label: Label, spec: RunnerSpec) -> _Entry[Label]:
        entry = self._take(spec)
        if entry is not None:
            return entry
        if self._waiting >= self._limits.queue:
            raise ServerBusy(BUSY)
        self._waiting += 1
        try:
            while (entry := self._take(spec)) is None:
                await self._wait_for_load(label, spec)
        finally:
            self._waiting -= 1
        return entry

    def _take(self, spec: RunnerSpec) -> _Entry[Label] | None:
        entry = self._entries.get(spec.key)
        if entry is None or not entry.serves(spec):
            return None
        entry.leases += 1
        entry.idle.clear()
        self._disarm(entry)
        return entry

    async def _wait_for_load(self, label: Label, spec: RunnerSpec) -> None:
        if self._load is None:
            self._loading = spec
            self._load = asyncio.create_task(self._make_ready(label, spec))
            self._load.add_done_callback(self._load_ended)
        mine = self._loading == spec
        try:
            # Shielded: the client that asked first may leave while others wait for the same load.
            await asyncio.shield(self._load)
        except BackendError:
            if mine:
                raise

    def _load_ended(self, task: asyncio.Task[None]) -> None:
        self._load = self._loading = None
        if not task.cancelled() and task.exception() is not None:
            log.warning("a model did not load: %s", task.exception())

    async def _make_ready(self, label: Label, spec: RunnerSpec) -> None:
        stale = self._entries.get(spec.key)
        if stale is not None:
            await self._retire(stale)
        while (key := next_to_go(self._candidates(), self._limits.loaded)) is not None:
            await self._retire(self._entries[key])
        entry = _Entry(label, spec, self._factory(spec), self._limits.keep_alive)
        entry.idle.set()
        self._entries[spec.key] = entry
        try:
            await self._start(entry.runner)
        except BaseException:  # a cancel too must leave no dead entry; raised again
            self._entries.pop(spec.key, None)
            await entry.runner.stop()
            raise
        self._arm(entry, max(entry.keep_alive, GRACE_SECONDS))

    async def _start(self, runner: Runner) -> None:
        limit = self._limits.load_timeout
        try:
            await asyncio.wait_for(runner.start(), None if limit in (0, float("inf")) else limit)
        except TimeoutError as error:
            sentence = f"the model did not load within {limit:.0f} s (OLLAMA_LOAD_TIMEOUT)"
            raise LoadFailed(sentence) from error
        except OSError as error:  # no process or pipe to be had
            raise LoadFailed(f"the model runner could not be started: {error}") from error

    async def _retire(self, entry: _Entry[Label]) -> None:
        entry.retiring = True
        self._disarm(entry)
        await entry.idle.wait()
        if self._entries.get(entry.spec.key) is entry:
            del self._entries[entry.spec.key]
        await entry.runner.stop()

    def _release(self, entry: _Entry[Label]) -> None:
        entry.leases -= 1
        if entry.leases:
            return
        entry.idle.set()
        if entry.retiring:
            return  # whoever retires it waits for exactly this
        dead = entry.runner.state is not RunnerState.READY
        if dead or entry.keep_alive == 0:
            self._end(entry)
        else:
            self._arm(entry, entry.keep_alive)

    def _end(self, entry: _Entry[Label]) -> None:
        task = asyncio.create_task(self._retire(entry))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _arm(self, entry: _Entry[Label], seconds: float) -> None:
        entry.expires = self._clock() + seconds
        if seconds != float("inf"):
            loop = asyncio.get_running_loop()
            entry.timer = loop.call_later(seconds, self._end, entry)

    def _disarm(self, entry: _Entry[Label]) -> None:
        if entry.timer is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                entry.timer.cancel()
            entry.timer = None

    def _remaining(self, entry: _Entry[Label]) -> float:
        if entry.leases or entry.keep_alive == float("inf"):
            return entry.keep_alive
        return max(0.0, entry.expires - self._clock())

    def _candidates(self) -> list[Candidate[RunnerKey]]:
        return [
            Candidate(key, _worth(entry), entry.leases > 0, str(key.weights))
            for key, entry in self._entries.items()
        ]


def _worth(entry: _Entry[Label]) -> float:
    return entry.keep_alive if entry.runner.state is RunnerState.READY else -1.0
