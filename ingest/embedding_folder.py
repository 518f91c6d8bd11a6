"""Reads what a sentence-transformers folder says of its model, without loading it or torch."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from storage.records import EmbeddingIdentity

_DEFAULT_WINDOW = 512
_WHOLE = ("config.json", "modules.json", "tokenizer.json", "vocab.txt", "*/config.json")
_LANGUAGE = re.compile(
    r"^language:[ \t]*(?P<one>[a-z]{2,3})?[ \t]*\n(?P<many>(?:[ \t]*- .+\n)*)", re.M
)


def read_identity(folder: Path, name: str | None = None) -> EmbeddingIdentity:
    """Return the identity of the model in `folder`; hashes its weights (0.1 s per 100 MB).

    Raises FileNotFoundError where there is no such model.
    """
    config = _json(folder / "config.json")
    pooling = _json(folder / "1_Pooling" / "config.json", missing={})
    limits = _json(folder / "sentence_bert_config.json", missing={})
    window = limits.get("max_seq_length") or config.get("max_position_embeddings")
    return EmbeddingIdentity(
        model=name or folder.name,
        dimensions=int(pooling.get("word_embedding_dimension") or config["hidden_size"]),
        content_hash=content_hash(folder),
        max_tokens=int(window or _DEFAULT_WINDOW),
        languages=languages(folder),
    )


def content_hash(folder: Path) -> str:
    """Return the sha256 over every file that decides what vectors the model makes."""
    digest = hashlib.sha256()
    for path in sorted(_deciding_files(folder)):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def languages(folder: Path) -> tuple[str, ...]:
    """Return the languages that the model card's front matter names; empty where it does not."""
    card = folder / "README.md"
    if not card.is_file():
        return ()
    parts = card.read_text("utf-8", errors="replace").split("---\n", 2)
    found = _LANGUAGE.search(parts[1]) if len(parts) == 3 else None
    if found is None:
        return ()
    return (
        (found["one"],) if found["one"] else tuple(re.findall(r"- ([a-z]{2,3})\b", found["many"]))
    )


def _deciding_files(folder: Path) -> Iterator[Path]:
    weights = list(folder.glob("*.safetensors")) or list(folder.glob("pytorch_model*.bin"))
    if not weights:
        raise FileNotFoundError(
            f"No embedding model in {folder}: expected *.safetensors. `make setup` places the "
            "bundled one; RAGSTONE_EMBEDDING_MODEL names another."
        )
    yield from weights
    for pattern in _WHOLE:
        yield from folder.glob(pattern)


def _json(path: Path, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    if missing is not None and not path.is_file():
        return missing
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"No embedding model in {path.parent}: {path.name} is missing. `make setup` places "
            "the bundled one; RAGSTONE_EMBEDDING_MODEL names another."
        ) from error
    return found
