"""Lists of manifests: one name with a model for each engine, as later versions of Ollama keep them.

Read only: the entry for llama.cpp is taken; Ragstone never writes a list.
"""

import json
from collections.abc import Iterable, Iterator

from backend.errors import InvalidDigest, InvalidModel
from backend.models.blobs import Blobs
from backend.models.go_json import go_json

LIST_TYPE = "application/vnd.ollama.manifest.list.v2+json"
MAX_CHILD = 4 << 20
_RUNNERS = ("ollama", "llamacpp", "")


def runnable(raw: bytes, blobs: Blobs) -> bytes:
    """The manifest to run: `raw` itself, or the entry of the list that it is; InvalidModel."""
    if LIST_TYPE.encode() not in raw:
        return raw
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidModel("the manifest is not JSON") from error
    if not isinstance(value, dict) or value.get("mediaType") != LIST_TYPE:
        return raw
    entries = value.get("manifests")
    fitting = [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
    for runner in _RUNNERS:
        for entry in fitting:
            if str(entry.get("runner") or "").lower() == runner:
                return go_json(entry) if "config" in entry else _blob(entry.get("digest"), blobs)
    raise InvalidModel("the model has no weights for this engine")


def children(raw: bytes, digests: Iterable[str], blobs: Blobs) -> Iterator[bytes]:
    """The manifests that a list names, among these digests; none where `raw` is no list."""
    if LIST_TYPE.encode() not in raw:
        return
    for digest in digests:
        try:
            if blobs.size(digest) <= MAX_CHILD:
                yield blobs.path(digest).read_bytes()
        except OSError:  # not here: nothing to keep
            continue


def _blob(digest: object, blobs: Blobs) -> bytes:
    try:
        path = blobs.path(str(digest))
        if path.stat().st_size > MAX_CHILD:
            raise InvalidModel("a manifest of the list is too large")
        return path.read_bytes()
    except (InvalidDigest, OSError) as error:
        raise InvalidModel("a manifest of the list is missing") from error
