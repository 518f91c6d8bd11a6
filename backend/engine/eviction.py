"""Which runner must go when there is no room: pure choices."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
UNBOUNDED = 1 << 62


@dataclass(frozen=True, slots=True)
class Candidate(Generic[Key]):
    """A loaded runner as the choice sees it; `order` breaks ties (the weights' path).

    `memory` is what its end gives back, in bytes: what it holds and what it may still take.
    """

    key: Key
    keep_alive: float
    busy: bool
    order: str
    memory: int = 0


def next_to_go(
    loaded: Sequence[Candidate[Key]], limit: int, needed: int = 0, room: int = UNBOUNDED
) -> Key | None:
    """The runner to unload before one more of `needed` bytes is loaded, or None if there is room.

    `room` counts the bytes still free beside the loaded ones. An idle runner with the shortest
    keep_alive goes; when all are busy the shortest of those, as soon as it is idle.
    """
    if not loaded or (len(loaded) < limit and needed <= room):
        return None
    chosen = min(loaded, key=lambda one: (one.busy, one.keep_alive, one.order))
    return chosen.key


def most_room(loaded: Sequence[Candidate[Key]], room: int) -> int:
    """Bytes that would be free if every loaded runner went."""
    return room + sum(one.memory for one in loaded)
