"""How many threads the engine gets: one core is left to everybody else."""

import os

import psutil


def default_threads() -> int:
    """The physical cores this process may use, less one, at least one.

    The engine's threads wait for each other by spinning, some hundred times a token; as soon as one
    loses its core to another process all the others burn theirs. Gemma-270M on two busy cores (load
    average 5.5): one thread read 146-174 tokens/s and wrote 14, two read 59-80 and wrote 1.4 to 5.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    physical = psutil.cpu_count(logical=False) or usable
    return max(1, min(usable, physical) - 1)
