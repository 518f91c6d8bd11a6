"""How many threads the engine gets, and how they wait for each other."""

import os

import psutil

SPIN_COUNT = "1000"
"""GOMP_SPINCOUNT of the engine: how long a thread spins at a barrier before it sleeps.

Threads of the engine meet some hundred times a token. With libgomp's default (spin for ever
while there are cores enough) they burn them as soon as one thread loses its own to another process.
Gemma-270M Q4_K_M, two threads on two cores, tokens/s read and written, median of three:

    spin count   machine idle   one core busy
    default      440 / 38       112 / 5.5, once no end within 60 s
    10,000       421 / 37       204 / 12
    1,000        405 / 35       222 / 18
    passive      228 / 22       217 / 19
    one thread   235 / 21       223 / 21
"""


def default_threads() -> int:
    """Return the physical cores that this process may use, at least one."""
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    physical = psutil.cpu_count(logical=False) or usable
    return max(1, min(usable, physical))


def waiting_environment() -> dict[str, str]:
    """Return what the engine's process needs in its environment; a user's own setting wins."""
    return {"GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", SPIN_COUNT)}
