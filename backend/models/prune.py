"""Tidying of the models' folder when the server starts, as Ollama does it.

Only files in `blobs/` whose names were checked are touched, only old ones, and none at all while
any manifest cannot be read: what that one names is not known (CVE-2025-44779 was a pull that had
other files deleted).
"""

import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path

from backend.errors import InvalidModel, ModelNotFound
from backend.models import manifest_list, manifests
from backend.models.store import ModelStore

OLD = 3600.0
"""Seconds: a younger blob may be on its way into a manifest."""
_BLOB = re.compile(r"sha256[:-]([0-9a-fA-F]{64})")

log = logging.getLogger(__name__)


def tidy(store: ModelStore, *, noprune: bool) -> None:
    """Give blobs their present names; unless `noprune`, remove what no manifest names."""
    try:
        _rename(store)
        if noprune:
            return
        if unreadable := _unreadable(store):
            log.warning("nothing is pruned, as the manifest %s cannot be read", unreadable)
            return
        _prune(store)
        store.manifests.remove_empty_folders()
    except OSError as error:
        log.warning("the models' folder could not be tidied: %s", error)


def _rename(store: ModelStore) -> None:
    """`sha256:<hex>` and capital letters, as other versions and systems left them."""
    for path in _files(store.blobs.folder):
        found = _BLOB.fullmatch(path.name)
        if found is None:
            continue
        target = store.blobs.path(path.name)
        if path.name != target.name and not target.exists():
            path.rename(target)


def _unreadable(store: ModelStore) -> str:
    for name in store.manifests.names():
        try:
            raw, _ = store.manifests.bytes_of(name)
            manifests.parse(manifest_list.runnable(raw, store.blobs))
        except (InvalidModel, ModelNotFound):
            return str(name)
    return next((path.name for path in store.manifests.strays()), "")


def _prune(store: ModelStore) -> None:
    before = time.time() - OLD
    old = [path for path in _files(store.blobs.folder) if path.lstat().st_mtime < before]
    store.remove_unused(path.name for path in old if _BLOB.fullmatch(path.name))
    for path in old:
        if not _BLOB.fullmatch(path.name):  # an upload or download that was broken off
            path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in list(folder.iterdir()) if path.is_file() or path.is_symlink())
