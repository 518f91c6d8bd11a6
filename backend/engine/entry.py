"""A runner as the pool keeps it: who uses it, how long it stays, whether it still answers."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from backend.engine.eviction import Candidate
from backend.engine.runner import Runner, RunnerKey, RunnerSpec, RunnerState

Label = TypeVar("Label")
log = logging.getLogger(__name__)
AHEAD = 1
"""Requests sent to a runner beyond its slots: the engine takes the next without a pause, and all
others wait here, where leaving costs nothing and a runner's death leaves them their turn."""
SHORT = 4
"""Requests without a slot that a runner has at once: it has a thread for each and holds its body
several times over (60 texts of 2 MB to be counted took a child beyond its 5 GB)."""


def serves(loaded: RunnerSpec, wanted: RunnerSpec) -> bool:
    """Whether a runner of `loaded` does for `wanted`; an automatic num_gpu takes what there is."""
    if wanted.load.num_gpu < 0:
        wanted = replace(wanted, load=replace(wanted.load, num_gpu=loaded.load.num_gpu))
    return replace(wanted, memory=loaded.memory) == loaded


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Label]):
    """A loaded model as `/api/ps` shows it; `remaining` seconds until it is unloaded."""

    label: Label
    spec: RunnerSpec
    remaining: float


@dataclass(eq=False)
class Entry(Generic[Label]):
    """`leases` hold it; `retiring` counts those who wait to end it; `checked` is when it answered.

    Times are seconds of the pool's clock.
    """

    label: Label
    spec: RunnerSpec
    runner: Runner
    keep_alive: float
    leases: int = 0
    retiring: int = 0
    expires: float = 0.0
    checked: float = 0.0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    timer: asyncio.TimerHandle | None = None
    question: "asyncio.Task[bool] | None" = None
    watching: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.spec.parallel + AHEAD)
        self.short = asyncio.Semaphore(SHORT)
        self.idle.set()

    def gate(self, *, slot: bool) -> asyncio.Semaphore:
        """What a request waits at for its turn."""
        return self.slots if slot else self.short

    @property
    def ready(self) -> bool:
        """Whether the runner can be asked."""
        return self.runner.state is RunnerState.READY

    def takes(self, spec: RunnerSpec) -> bool:
        """Whether a new request of that kind may have it."""
        return self.ready and not self.retiring and serves(self.spec, spec)

    @property
    def to_come(self) -> int:
        """Bytes that the runner may still take beyond what it holds."""
        return max(0, self.spec.memory.total - self.runner.held()) if self.ready else 0

    def candidate(self) -> Candidate[RunnerKey]:
        """The runner as the choice of who goes sees it; a dead one goes first."""
        key, worth = self.spec.key, self.keep_alive if self.ready else -1.0
        memory = max(self.spec.memory.total, self.runner.held()) if self.ready else 0
        return Candidate(key, worth, self.leases > 0, str(key.weights), memory)

    async def answers(self, seconds: float) -> bool:
        """Whether the runner answers within so many seconds; one that does not is stopped.

        One question at a time, however many wait for its answer.
        """
        if self.question is None:
            self.question = asyncio.create_task(self._ask(seconds))
        return await asyncio.shield(self.question)

    async def _ask(self, seconds: float) -> bool:
        answers = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                answers = await self.runner.ping()
        self.question = None
        if not answers and self.ready:
            log.warning("the runner of %s does not answer", self.spec.key.weights.name)
            await self.runner.stop()  # its requests hang too: this is what ends them
        return answers

    def watch(self, every: float, seconds: float) -> None:
        """Ask every so many seconds whether it answers: its requests may be the only ones."""
        if self.watching is None:
            self.watching = asyncio.create_task(self._watch(every, seconds))

    def unwatch(self) -> None:
        """Ask no more."""
        if self.watching is not None:
            self.watching.cancel()
            self.watching = None

    async def _watch(self, every: float, seconds: float) -> None:
        while self.ready:
            await asyncio.sleep(every)
            await self.answers(seconds)

    def arm(self, seconds: float, now: float, end: "Callable[[Entry[Label]], None]") -> None:
        """Let `end` be called for it in so many seconds, unless it is disarmed; never for inf."""
        self.disarm()
        self.expires = now + seconds
        if seconds != float("inf"):
            self.timer = asyncio.get_running_loop().call_later(seconds, end, self)

    def remaining(self, now: float) -> float:
        """Seconds until it is unloaded, counted from now while it is in use."""
        if self.leases or self.keep_alive == float("inf"):
            return self.keep_alive
        return max(0.0, self.expires - now)

    def end(self) -> None:
        """Take back all that would happen to it later."""
        self.disarm()
        self.unwatch()
        if self.question is not None:
            self.question.cancel()

    def disarm(self) -> None:
        """Take back the timer that would end it."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
