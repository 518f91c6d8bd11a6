"""How far a loading child has come, seen from outside: what it has read and what it holds.

The engine has no load callback over its Python binding. Time on the processor would be no sign,
since a child that spins uses it too; bytes read from the disk and memory held at most only grow
while weights come in, whether they are read or mapped.
"""

import sys

import psutil

_MIB = 1 << 20


def child_growth(pid: int | None) -> tuple[int, int]:
    """MiB read from storage and MiB held at most so far, (0, 0) where no process is to be seen."""
    if pid is None:
        return (0, 0)
    try:
        process = psutil.Process(pid)
        held = _most_held(process)
        read = process.io_counters().read_bytes if hasattr(process, "io_counters") else 0
    except psutil.Error:
        return (0, 0)
    return (read // _MIB, held // _MIB)


def child_held(pid: int | None) -> int:
    """Bytes that end with the process: what it holds without the files it maps, where told."""
    if pid is None:
        return 0
    try:
        memory = psutil.Process(pid).memory_info()
    except psutil.Error:
        return 0
    return int(memory.rss - getattr(memory, "shared", 0))


def _most_held(process: psutil.Process) -> int:
    memory = process.memory_info()
    # Windows counts the peak itself; elsewhere the present size stands in for it: a load only
    # gives memory back at its end.
    return int(memory.peak_wset if sys.platform == "win32" else memory.rss)
