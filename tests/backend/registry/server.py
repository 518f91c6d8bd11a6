"""A registry on a real socket that keeps to the protocol, or breaks it where a test says so.

Started in a thread (`serve`), or as a process of its own (`python -m tests.backend.registry.server
FOLDER`, which serves the models of a store). It notes every request and every byte of a blob sent.
Asked as a proxy (`GET http://hf.co/...`), it plays any host.
"""

import base64
import hashlib
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.backend.registry.faults import Faults, Seen
from tests.backend.registry.handler import Handler


class Registry(ThreadingHTTPServer):
    """Blobs, manifests, faults, and what was asked and sent."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.faults = Faults()
        self.seen: list[Seen] = []
        self.sent: Counter[str] = Counter()
        self.uploads: dict[str, bytearray] = {}
        self.mounted: list[tuple[str, str]] = []
        self.changing = threading.Lock()

    def handle_error(self, *_: Any) -> None:
        """A client that goes is part of the tests."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def name(self, model: str = "library/tiny:latest") -> str:
        return f"{self.host}/{model}"

    def add_blob(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return digest

    def add_model(self, layers: dict[str, bytes], model: str = "library/tiny:latest") -> bytes:
        """Put up a model of these layers (role to content) and return its manifest."""
        config = b'{"model_format":"gguf","model_family":"llama"}'
        raw = manifest_of(
            [(f"application/vnd.ollama.image.{role}", body) for role, body in layers.items()],
            config,
        )
        for content in (*layers.values(), config):
            self.add_blob(content)
        repository, _, tag = model.rpartition(":")
        self.manifests[f"{repository}/manifests/{tag}"] = raw
        return raw

    def asked(self, method: str, part: str) -> list[Seen]:
        """The requests of that method with `part` in their path."""
        return [seen for seen in self.seen if seen.method == method and part in seen.path]


def manifest_of(layers: list[tuple[str, bytes]], config: bytes) -> bytes:
    def entry(media_type: str, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": entry("application/vnd.docker.container.image.v1+json", config),
        "layers": [entry(*layer) for layer in layers],
    }
    return json.dumps(manifest, indent=1).encode()  # not as anybody would write it again


@contextmanager
def serve() -> Iterator[Registry]:
    """A running registry, gone at the end."""
    registry = Registry()
    thread = threading.Thread(target=registry.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield registry
    finally:
        registry.faults.stalled.set()
        registry.shutdown()
        thread.join()
        registry.server_close()


def verified(authorization: str, url: str) -> bool:
    """Whether a token was asked for with a good signature of the key it names."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    public, _, signed = authorization.partition(":")
    empty = base64.b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()
    key: Any = load_ssh_public_key(f"ssh-ed25519 {public}".encode())
    try:
        key.verify(base64.b64decode(signed), f"GET,{url},{empty}".encode())
    except InvalidSignature:
        return False
    return True


def main(folder: Path, pause: float) -> None:
    """Serve the models of a store until killed; the first line printed is the host."""
    registry = Registry()
    registry.faults.pause = pause
    for blob in (folder / "blobs").iterdir():
        registry.blobs[blob.name.replace("-", ":", 1)] = blob.read_bytes()
    for path in (folder / "manifests").glob("*/*/*/*"):
        _, namespace, model, tag = path.relative_to(folder / "manifests").parts
        registry.manifests[f"{namespace}/{model}/manifests/{tag}"] = path.read_bytes()
    print(registry.host, flush=True)
    registry.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
