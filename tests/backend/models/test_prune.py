"""Tidying at start: old blobs that nobody names go, nothing else, whatever the folder is like."""

import json
import os
import time
from pathlib import Path

import httpx
import pytest

from backend.models.manifest_list import LIST_TYPE
from backend.models.names import ModelName
from backend.models.prune import OLD, tidy
from backend.models.store import ModelStore
from tests.backend.processes import backend_process

LONG_AGO = time.time() - 2 * OLD


def old(path: Path, raw: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(raw)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def age(store: ModelStore) -> set[Path]:
    """Make every blob that is there old; these are the ones in use."""
    return {old(path) for path in store.blobs.folder.iterdir()}


def test_old_blobs_that_no_manifest_names_go(store: ModelStore) -> None:
    kept = age(store)
    gone = [
        old(store.blobs.path(store.blobs.add_bytes(b"an orphan"))),
        old(store.blobs.folder / ("sha256-" + "0" * 64 + "-partial")),
        old(store.blobs.folder / ("sha256-" + "0" * 64 + "-partial-3")),
        old(store.blobs.folder / "incoming-abc"),
        old(store.blobs.folder / "sha256-123"),
    ]
    young = [
        store.blobs.path(store.blobs.add_bytes(b"a young orphan")),
        store.blobs.folder / "incoming-young",
    ]
    young[1].write_bytes(b"x")
    tidy(store, noprune=False)
    assert {*store.blobs.folder.iterdir()} == {*kept, *young}
    assert not any(path.exists() for path in gone)
    assert len(store.models()) == 3


def test_noprune_keeps_everything(store: ModelStore) -> None:
    orphan = old(store.blobs.path(store.blobs.add_bytes(b"an orphan")))
    tidy(store, noprune=True)
    assert orphan.exists()


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'{"config":{},"layers":[]}', b" " * (4 << 20) + b" {}"], ids=len
)
def test_a_corrupt_manifest_stops_the_pruning(store: ModelStore, raw: bytes) -> None:
    orphan = old(store.blobs.path(store.blobs.add_bytes(b"an orphan")))
    path = store.manifests.path(ModelName.parse("damaged"))
    path.parent.mkdir(parents=True)
    path.write_bytes(raw)
    tidy(store, noprune=False)
    assert orphan.exists()
    path.unlink()
    tidy(store, noprune=False)
    assert not orphan.exists()
    assert not path.parent.exists()  # and its folder, which is empty now


def test_a_manifest_under_a_name_that_cannot_be_stops_it_too(store: ModelStore) -> None:
    orphan = old(store.blobs.path(store.blobs.add_bytes(b"an orphan")))
    stray = old(store.folder / "manifests" / "a host" / "user" / "model" / "tag")
    tidy(store, noprune=False)
    assert orphan.exists()
    stray.unlink()
    tidy(store, noprune=False)
    assert not orphan.exists()


def test_a_manifest_that_may_not_be_read_keeps_its_blobs(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(store)
    secret = store.manifests.path(ModelName.parse("tiny"))
    real = Path.open

    def guarded(path: Path, *arguments: object, **named: object) -> object:
        if path == secret:
            raise PermissionError(13, "not yours")
        return real(path, *arguments, **named)  # type: ignore[arg-type,call-overload]

    before = set(store.blobs.folder.iterdir())
    monkeypatch.setattr(Path, "open", guarded)
    tidy(store, noprune=False)
    store.delete(ModelName.parse("plain"))
    assert set(store.blobs.folder.iterdir()) == before


def test_names_of_blobs_are_brought_up_to_date(store: ModelStore) -> None:
    weights = store.content(store.get(ModelName.parse("tiny"))).weights
    hexadecimal = weights.name.removeprefix("sha256-")
    for name in (f"sha256:{hexadecimal}", f"sha256-{hexadecimal.upper()}"):
        weights.rename(weights.with_name(name))
        tidy(store, noprune=True)
        assert weights.is_file()
        assert not weights.with_name(name).exists()


def test_what_a_list_of_manifests_names_stays(store: ModelStore) -> None:
    tiny = store.manifests.path(ModelName.parse("tiny"))
    child = store.blobs.add_bytes(tiny.read_bytes())
    entries = [
        {"mediaType": "m", "digest": "sha256:" + "0" * 64, "runner": "mlx"},
        {"mediaType": "m", "digest": child, "runner": "llamacpp"},
    ]
    value = {"schemaVersion": 2, "mediaType": LIST_TYPE, "manifests": entries}
    tiny.write_text(json.dumps(value))
    kept = age(store)
    orphan = old(store.blobs.path(store.blobs.add_bytes(b"an orphan")))
    stored = store.get(ModelName.parse("tiny"))
    assert store.content(stored).weights.is_file()
    tidy(store, noprune=False)
    assert not orphan.exists()
    assert {*store.blobs.folder.iterdir()} == kept


@pytest.mark.parametrize("entries", [None, [], [7], [{"runner": "mlx"}],
                                     [{"runner": "ollama", "digest": "../x"}],
                                     [{"runner": "ollama", "digest": "sha256:" + "0" * 64}],
                                     [{"runner": "ollama", "config": 7}]], ids=str)  # fmt: skip
def test_a_list_without_a_model_for_this_engine_hides_itself(
    store: ModelStore, entries: object
) -> None:
    value = {"schemaVersion": 2, "mediaType": LIST_TYPE, "manifests": entries}
    store.manifests.path(ModelName.parse("tiny")).write_text(json.dumps(value))
    assert {str(model.name) for model in store.models()} == {"plain:latest", "embedder:latest"}


def test_only_files_in_the_folder_of_blobs_are_touched(store: ModelStore, tmp_path: Path) -> None:
    age(store)
    outside = old(tmp_path / "outside")
    folder = store.blobs.folder / ("sha256-" + "1" * 64)
    folder.mkdir()
    link = store.blobs.folder / "link"
    link.symlink_to(outside)
    os.utime(link, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    tidy(store, noprune=False)
    assert outside.exists()
    assert folder.is_dir()
    assert not link.is_symlink()


def test_a_folder_that_is_not_there_is_tidy(tmp_path: Path) -> None:
    tidy(ModelStore(tmp_path / "absent"), noprune=False)
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(("setting", "stays"), [("1", True), ("", False)])
def test_the_server_tidies_as_it_starts(store: ModelStore, setting: str, stays: bool) -> None:
    orphan = old(store.blobs.path(store.blobs.add_bytes(b"an orphan")))
    age(store)
    with backend_process(store.folder, OLLAMA_NOPRUNE=setting) as (_, url):
        assert httpx.get(url).text == "Ollama is running"
        deadline = time.monotonic() + 20
        while orphan.exists() and not stays and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(httpx.get(f"{url}/api/tags").json()["models"]) == 3
    assert orphan.exists() == stays
