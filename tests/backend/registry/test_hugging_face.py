"""Models of Hugging Face by `hf.co/USER/REPO[:QUANT]`, the test registry playing all its hosts.

It is asked as a proxy, so that the names are the real ones; that shows too that HTTP_PROXY holds.
"""

import httpx
import pytest

from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.registry.conftest import BIG, error_of, lines
from tests.backend.registry.server import Registry

NAME = "hf.co/bartowski/Tiny-Model-1B-GGUF:Q4_K_M"
REPOSITORY = "bartowski/Tiny-Model-1B-GGUF"


@pytest.fixture
def hub(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """hf.co sends everything on to huggingface.co, which sends blobs on to a storage."""
    monkeypatch.setenv("HTTP_PROXY", f"http://{registry.host}")
    registry.add_model({"model": BIG, "template": b"{{ .Prompt }}"}, f"{REPOSITORY}:Q4_K_M")
    registry.faults.redirects["hf.co"] = "http://huggingface.co{path}"
    blob = f"/v2/{REPOSITORY}/blobs/{registry.add_blob(BIG)}"
    place = f"http://storage.hf.example/storage/{registry.add_blob(BIG)}"
    registry.faults.redirects[f"huggingface.co{blob}"] = place
    return registry


async def test_a_repository_is_pulled_by_its_quantisation(
    client: httpx.AsyncClient, hub: Registry, store: ModelStore
) -> None:
    said = await lines(client, "pull", model=NAME)
    assert said[-1] == {"status": "success"}, said[-1]
    name = ModelName.parse(NAME)
    assert store.manifests.path(name).parts[-4:] == ("hf.co", *REPOSITORY.split("/"), "Q4_K_M")
    assert store.content(store.get(name)).weights.read_bytes() == BIG
    assert {seen.host for seen in hub.asked("GET", "manifests")} == {"hf.co", "huggingface.co"}
    assert (await client.get("/api/tags")).json()["models"][0]["name"] == NAME


async def test_a_token_goes_to_both_names_of_the_hub_and_never_to_its_storage(
    client: httpx.AsyncClient, hub: Registry
) -> None:
    hub.faults.token = "token"
    hub.faults.realm = "http://huggingface.co/token"
    assert (await lines(client, "pull", model=NAME))[-1] == {"status": "success"}
    hosts = {seen.host for seen in hub.seen if "authorization" in seen.headers}
    assert hosts == {"hf.co", "huggingface.co"}
    assert any(seen.host == "storage.hf.example" for seen in hub.seen)


async def test_the_long_name_of_the_hub_works_as_well(
    client: httpx.AsyncClient, hub: Registry
) -> None:
    name = NAME.replace("hf.co", "huggingface.co")
    assert (await lines(client, "pull", model=name))[-1] == {"status": "success"}


@pytest.mark.parametrize("tag", ["tiny-model-1b-q8_0.gguf", "latest", "q4_k_m"])
async def test_a_file_name_or_any_case_may_be_the_tag(
    client: httpx.AsyncClient, hub: Registry, tag: str
) -> None:
    hub.add_model({"model": BIG}, f"{REPOSITORY}:{tag}")
    assert (await lines(client, "pull", model=f"hf.co/{REPOSITORY}:{tag}"))[-1] == {
        "status": "success"
    }
    assert hub.asked("GET", f"/v2/{REPOSITORY}/manifests/{tag}")


async def test_what_the_hub_says_of_a_missing_file_is_passed_on(
    client: httpx.AsyncClient, hub: Registry
) -> None:
    hub.faults.manifest_status = 400
    hub.faults.manifest = b'{"error":"The specified tag is not available in the repository."}'
    assert error_of(await lines(client, "pull", model=NAME)) == (
        "pull model manifest: 400: The specified tag is not available in the repository."
    )


async def test_a_realm_of_another_host_is_not_the_hubs(
    client: httpx.AsyncClient, hub: Registry
) -> None:
    hub.faults.token = "token"
    hub.faults.realm = "http://huggingface.co.evil.example/token"
    assert "does not match" in error_of(await lines(client, "pull", model=NAME))
    assert {seen.host for seen in hub.seen} == {"hf.co"}


@pytest.mark.parametrize(
    "place", ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "[::1]"]
)
async def test_a_registry_outside_cannot_send_us_to_our_own_network(
    client: httpx.AsyncClient, hub: Registry, place: str
) -> None:
    blob = f"/v2/{REPOSITORY}/blobs/{hub.add_blob(BIG)}"
    hub.faults.redirects[f"huggingface.co{blob}"] = f"http://{place}/storage/x"
    assert error_of(await lines(client, "pull", model=NAME)) == (
        "the registry redirects to an address that it may not name"
    )
    assert {seen.host for seen in hub.seen} == {"hf.co", "huggingface.co"}


async def test_a_proxy_is_not_for_this_machine(
    client: httpx.AsyncClient, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add_model({"model": BIG})
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await lines(client, "pull", model=registry.name()))[-1] == {"status": "success"}
    said = await lines(client, "pull", model=NAME)
    assert error_of(said).startswith("pull model manifest: GET http://hf.co/")
