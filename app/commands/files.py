"""Which files `ragstone add` means: files, folders and patterns, each with the name it gets."""

import glob
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path


class NoSuchFiles(ValueError):
    """A path or pattern that names no file."""


def find_files(targets: Iterable[str]) -> list[tuple[str, Path]]:
    """Return (name, path) of every file meant, in order, each once.

    A folder means every file below it that is not hidden. A file's name is its own; where two
    would be the same, the folders in front of it tell them apart (`a/x.md` is `a_x.md`), since
    a second document of one name would take the place of the first.
    Raises NoSuchFiles.
    """
    found: dict[Path, Path] = {}
    for target in targets:
        for root, path in _files(target):
            found.setdefault(path.resolve(), path.relative_to(root))
    often = Counter(relative.name for relative in found.values())
    return [
        ("_".join(relative.parts) if often[relative.name] > 1 else relative.name, path)
        for path, relative in found.items()
    ]


def _files(target: str) -> list[tuple[Path, Path]]:
    path = Path(os.path.abspath(Path(target).expanduser()))  # noqa: PTH100  # resolves `..`, not links
    if path.is_file():
        return [(path.parent.parent, path)]
    if path.is_dir():
        below = [(path, file) for file in sorted(path.rglob("*")) if _wanted(file, path)]
        if not below:
            raise NoSuchFiles(f"the folder {target} holds no files")
        return below
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # may be absolute
    files = [Path(match) for match in matches if Path(match).is_file()]
    if not files:
        raise NoSuchFiles(f"there is no file {target}")
    return [(file.parent.parent, file) for file in files]


def _wanted(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.is_file() and not hidden
