"""How much memory there is for one more runner: the machine's, or less in a container."""

from pathlib import Path

import psutil

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")
_VERSION_2 = ("memory.max", "memory.current", "file")
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "cache")


def available_memory(groups: Path = _CGROUPS, own: Path = _OWN_GROUP) -> int:
    """Bytes that a new process may take without pushing others out.

    The system's figure counts the file cache as free; so does that of a Linux control group here.
    """
    rooms = [_left(groups / "memory", *_VERSION_1)]
    folder = groups / _own_path(own)
    while folder.is_relative_to(groups):  # a limit of any group above counts too
        rooms.append(_left(folder, *_VERSION_2))
        folder = folder.parent
    return min([int(psutil.virtual_memory().available), *filter(None, rooms)])


def _own_path(own: Path) -> str:
    try:
        lines = own.read_text().splitlines()
    except OSError:  # not on Linux
        return ""
    found = [line.removeprefix("0::") for line in lines if line.startswith("0::")]
    return found[0].lstrip("/") if found and ".." not in found[0] else ""


def _left(folder: Path, limit_name: str, used_name: str, cache_name: str) -> int | None:
    limit, used = _number(folder / limit_name), _number(folder / used_name)
    if limit is None or used is None:
        return None
    # at least one byte: zero would read as "no limit"
    return max(1, limit - max(0, used - _counter(folder / "memory.stat", cache_name)))


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such group; "max" where it has no limit
        return None


def _counter(path: Path, name: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith(f"{name} ")]
    return int(found[0]) if found else 0
