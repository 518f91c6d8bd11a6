"""Who gets the token and who never does: challenges, keys, redirects to other hosts."""

import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backend.answers.generation import Backend
from backend.models.store import ModelStore
from backend.registry import keys
from tests.backend.registry.conftest import BIG, error_of, pulled
from tests.backend.registry.server import Registry, serve, verified

TOKEN = "a.signed-token_of/the+registry="


@pytest.fixture
def storage() -> Iterator[Registry]:
    """A second host, which only has blobs."""
    with serve() as storage:
        yield storage


@pytest.fixture
def key(backend: Backend) -> Path:
    return backend.settings.models_folder.parent / "id_ed25519"


def read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_challenge_is_answered_with_a_signed_question_and_the_token_is_kept(
    client: httpx.AsyncClient, registry: Registry, key: Path
) -> None:
    registry.add_model({"model": BIG})
    registry.faults.token = TOKEN
    assert (await pulled(client, registry))[-1] == {"status": "success"}
    asked = registry.asked("GET", "/token")
    # one client for the manifest, and one for each of the two blobs
    assert len(asked) == 3
    query = asked[0].query
    assert list(query) == ["nonce", "scope", "service", "ts"]
    assert query["scope"] == ["repository:library/tiny:pull"]
    assert query["service"] == [registry.host]
    assert len(query["nonce"][0]) == 22
    assert query["nonce"] != asked[1].query["nonce"]
    (public,) = [
        line.split()[1] for line in key.with_name("id_ed25519.pub").read_text().split("\n")[:1]
    ]
    assert asked[0].headers["authorization"].startswith(f"{public}:")


async def test_the_signature_is_over_the_address_that_was_asked(
    client: httpx.AsyncClient, registry: Registry, gguf: bytes
) -> None:
    registry.add_model({"model": gguf})
    registry.faults.token = TOKEN
    await pulled(client, registry)
    asked = registry.asked("GET", "/token")[0]
    url = f"http://{registry.host}{asked.target}"
    assert verified(asked.headers["authorization"], url)
    assert not verified(asked.headers["authorization"], url + "&more=1")


async def test_the_key_is_the_owners_alone_and_made_once(
    client: httpx.AsyncClient, registry: Registry, key: Path, gguf: bytes
) -> None:
    registry.add_model({"model": gguf})
    await pulled(client, registry)
    assert read(key) == b""
    registry.faults.token = TOKEN
    await pulled(client, registry)
    made = read(key)
    assert made.startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert mode_of(key) == 0o600
    await pulled(client, registry)
    assert read(key) == made
    assert names_in(key.parent) == ["id_ed25519", "id_ed25519.pub", "models"]


def test_a_users_key_of_ollama_is_taken_where_there_is_no_nearer_one(tmp_path: Path) -> None:
    own = Path.home() / ".ollama" / "id_ed25519"
    models = tmp_path / "far" / "models"
    assert keys.key_file(models) == models.parent / "id_ed25519"
    keys.signature(own, "http://x/token")
    assert keys.key_file(models) == own
    keys.signature(models.parent / "id_ed25519", "http://x/token")
    assert keys.key_file(models) == models.parent / "id_ed25519"


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN OPENSSH PRIVATE KEY-----\n"])
async def test_a_damaged_key_is_told_and_not_replaced(
    client: httpx.AsyncClient, registry: Registry, key: Path, content: bytes
) -> None:
    write(key, content)
    registry.add_model({"model": BIG})
    registry.faults.token = TOKEN
    said = error_of(await pulled(client, registry))
    assert said.startswith("pull model manifest: the key id_ed25519 cannot be used: ")
    assert read(key) == content


@pytest.mark.parametrize("realm", ["http://localhost:{port}/token", "http://{host}.evil/token"])
async def test_a_foreign_realm_is_not_asked(
    client: httpx.AsyncClient, registry: Registry, storage: Registry, key: Path, realm: str
) -> None:
    port = storage.server_address[1]
    registry.add_model({"model": BIG})
    registry.faults.token = TOKEN
    registry.faults.realm = realm.format(port=port, host=registry.host)
    said = error_of(await pulled(client, registry))
    assert said.startswith('pull model manifest: realm host "')
    assert said.endswith(f'does not match original host "{registry.host}"')
    assert storage.seen == []
    assert read(key) == b""


async def test_a_user_in_front_of_the_realm_does_not_make_it_the_registrys(
    client: httpx.AsyncClient, registry: Registry, storage: Registry
) -> None:
    registry.faults.token = TOKEN
    registry.faults.realm = f"http://{registry.host}@{storage.host}/token"
    assert "does not match" in error_of(await pulled(client, registry))
    assert storage.seen == []


async def test_another_port_of_the_same_host_is_another_registry(
    client: httpx.AsyncClient, registry: Registry, storage: Registry
) -> None:
    registry.faults.token = TOKEN
    registry.faults.realm = f"http://{storage.host}/token"
    assert "does not match" in error_of(await pulled(client, registry))
    assert storage.seen == []


@pytest.mark.parametrize(
    "answer",
    [
        b" ",
        b"[]",
        b"{}",
        b'{"token":7}',
        b'{"token":"a\\r\\nb"}',
        b'{"token":"\xc3\xa9"}',
        b"{" * 10,
    ],
)
async def test_an_answer_that_is_no_token_is_refused(
    client: httpx.AsyncClient, registry: Registry, answer: bytes
) -> None:
    registry.faults.token = TOKEN
    registry.faults.token_answer = answer
    said = error_of(await pulled(client, registry))
    assert said == "pull model manifest: the registry answered with no token"


async def test_a_giant_token_is_not_read(client: httpx.AsyncClient, registry: Registry) -> None:
    registry.faults.token = TOKEN
    registry.faults.token_answer = b'{"token":"' + b"x" * (1 << 20) + b'"}'
    assert "more than 65536 bytes" in error_of(await pulled(client, registry))


async def test_a_token_that_does_not_help_is_asked_for_once(
    client: httpx.AsyncClient, registry: Registry
) -> None:
    registry.faults.token = TOKEN
    registry.faults.token_answer = b'{"token":"another"}'
    said = error_of(await pulled(client, registry))
    assert said == "pull model manifest: 401: unauthorized: access denied"
    assert len(registry.asked("GET", "/token")) == 1


async def test_a_storage_on_another_host_never_sees_the_token(
    client: httpx.AsyncClient, registry: Registry, storage: Registry, store: ModelStore
) -> None:
    registry.add_model({"model": BIG})
    digest = storage.add_blob(BIG)
    registry.faults.token = TOKEN
    place = f"http://{storage.host}/storage/{digest}?signed=yes"
    registry.faults.redirects[f"/v2/library/tiny/blobs/{digest}"] = place
    assert (await pulled(client, registry))[-1] == {"status": "success"}
    assert store.blobs.path(digest).read_bytes() == BIG
    assert storage.sent[digest] == len(BIG)
    assert registry.sent[digest] == 0
    assert len(storage.seen) == 16
    assert all("authorization" not in seen.headers for seen in storage.seen)
    assert all(seen.query == {"signed": ["yes"]} for seen in storage.seen)


async def test_a_storage_on_the_same_host_is_the_registry(
    client: httpx.AsyncClient, registry: Registry, gguf: bytes
) -> None:
    registry.add_model({"model": gguf})
    digest = registry.add_blob(gguf)
    registry.faults.token = TOKEN
    registry.faults.redirects[f"/v2/library/tiny/blobs/{digest}"] = f"/storage/{digest}"
    assert (await pulled(client, registry))[-1] == {"status": "success"}
    assert registry.asked("GET", "storage")[0].headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_signed_address_that_ran_out_is_asked_for_again(
    client: httpx.AsyncClient, registry: Registry, storage: Registry
) -> None:
    registry.add_model({"model": BIG})
    digest = storage.add_blob(BIG)
    storage.faults.statuses = [403, 404]
    place = f"http://{storage.host}/storage/{digest}"
    registry.faults.redirects[f"/v2/library/tiny/blobs/{digest}"] = place
    assert (await pulled(client, registry))[-1] == {"status": "success"}
    assert len(registry.asked("GET", digest)) == 18


async def test_a_manifest_is_never_taken_from_another_host(
    client: httpx.AsyncClient, registry: Registry, storage: Registry
) -> None:
    storage.add_model({"model": BIG})
    path = "/v2/library/tiny/manifests/latest"
    registry.faults.redirects[path] = f"http://{storage.host}{path}"
    said = error_of(await pulled(client, registry))
    assert said == "pull model manifest: the registry redirects to another host"
    assert storage.seen == []


async def test_a_redirect_to_itself_ends(client: httpx.AsyncClient, registry: Registry) -> None:
    path = "/v2/library/tiny/manifests/latest"
    registry.faults.redirects[path] = path
    assert error_of(await pulled(client, registry)) == "pull model manifest: more than 10 redirects"


@pytest.mark.parametrize("place", ["file:///etc/passwd", "gopher://x/", "http://[bad/", ""])
async def test_a_redirect_to_what_is_no_web_address_is_not_followed(
    client: httpx.AsyncClient, registry: Registry, gguf: bytes, place: str
) -> None:
    registry.add_model({"model": gguf})
    digest = registry.add_blob(gguf)
    registry.faults.redirects[f"/v2/library/tiny/blobs/{digest}"] = place or "//"
    assert list((await pulled(client, registry))[-1]) == ["error"]
