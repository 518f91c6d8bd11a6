"""Which runner must go when there is no room: a pure choice."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Candidate(Generic[Key]):
    """A loaded runner as the choice sees it; `order` breaks ties (the weights' path)."""

    key: Key
    keep_alive: float
    busy: bool
    order: str


def next_to_go(loaded: Sequence[Candidate[Key]], limit: int) -> Key | None:
    """The runner to unload before one more is loaded, or None while there is room.

    An idle one with the shortest keep_alive; when all are busy the shortest of those, which goes
    as soon as it is idle.
    """
    if len(loaded) < limit:
        return None
    chosen = min(loaded, key=lambda one: (one.busy, one.keep_alive, one.order))
    return chosen.key
