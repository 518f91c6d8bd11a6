"""Which Ollama answers: the one that is set, one that runs here already, or the bundled one."""

from dataclasses import dataclass

import httpx

from app.settings import Settings
from app.supervise import BackendChild

LOCAL_OLLAMA = "http://127.0.0.1:11434"
PROBE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class OllamaChoice:
    """The server's URL, why it was chosen, and the child process if we started one."""

    url: str
    reason: str
    child: BackendChild | None = None


def choose_ollama(settings: Settings) -> OllamaChoice:
    """Return the server to use, starting the bundled backend where there is no other.

    An Ollama found on its usual port is used only if it has the configured model: the
    default model comes with Ragstone, so another server seldom has it.

    Raises:
        BackendNotStarted: the bundled backend did not come up.
    """
    if settings.ollama_url:
        return OllamaChoice(settings.ollama_url.rstrip("/"), "set by RAGSTONE_OLLAMA_URL")
    found = _models_of(LOCAL_OLLAMA)
    if found is not None and has_model(found, settings.model):
        return OllamaChoice(LOCAL_OLLAMA, "an Ollama that was running already")
    child = BackendChild(settings.models_dir)
    reason = "bundled"
    if found is not None:
        reason = f"bundled; the Ollama on port 11434 has no {settings.model}"
    return OllamaChoice(child.start(), reason, child)


def has_model(names: list[str], wanted: str) -> bool:
    """Return whether `wanted` is among the names; a name without a tag means `latest`."""
    full = wanted if ":" in wanted else f"{wanted}:latest"
    return full in names


def _models_of(url: str) -> list[str] | None:
    """Return the names of an Ollama's models, None where no Ollama answers."""
    try:
        reply = httpx.get(f"{url}/api/tags", timeout=PROBE_SECONDS, trust_env=False)
        return [model["name"] for model in reply.json()["models"]]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
