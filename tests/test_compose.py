"""The containers, as far as they can be tested without an engine: each command is run here."""

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from app.client import Client
from app.settings import Settings
from scripts.healthy import healthy

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("api", "backend", "chroma")
SLOW = bool(os.environ.get("RAGSTONE_SLOW_TESTS"))
SCHEMA_PACKAGE = "docker-compose==1.29.2"  # the last one on the package index, with its schema
SCHEMA_SHA256 = "8d5589373b35c8d3b1c8c1182c6e4a4ff14bffa3dd0b605fcd08f73c94cef809"
START_SECONDS = 90

STRINGS = {"type": "array", "items": {"type": "string"}}
SHAPE = {
    # the part of the Compose specification that our file uses
    "type": "object",
    "required": ["services", "volumes"],
    "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "volumes": {}, "services": {}},
    "patternProperties": {"^x-": {}},
    "$defs": {
        "service": {
            "type": "object",
            "required": ["image", "healthcheck", "restart", "volumes"],
            "additionalProperties": False,
            "properties": {
                "image": {"type": "string"},
                "build": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"context": {"const": "."}, "args": {"type": "object"}},
                },
                "command": STRINGS,
                "environment": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                },
                "ports": STRINGS,
                "volumes": STRINGS,
                "profiles": STRINGS,
                "restart": {"enum": ["unless-stopped"]},
                "init": {"type": "boolean"},
                "depends_on": {
                    "type": "object",
                    "additionalProperties": {"const": {"condition": "service_healthy"}},
                },
                "healthcheck": {
                    "type": "object",
                    "required": ["test", "interval", "timeout", "retries", "start_period"],
                    "additionalProperties": False,
                    "properties": {
                        "test": STRINGS,
                        "retries": {"type": "integer"},
                        **{
                            key: {"type": "string", "pattern": r"^\d+s$"}
                            for key in ("interval", "timeout", "start_period")
                        },
                    },
                },
            },
        }
    },
}


def test_the_file_has_the_shape_of_a_compose_file():
    jsonschema.validate(COMPOSE, SHAPE)
    for service in SERVICES.values():
        jsonschema.validate(service, SHAPE["$defs"]["service"])  # type: ignore[index]


@pytest.mark.skipif(not SLOW, reason="fetches the schema; make check-slow runs it")
def test_the_file_passes_the_compose_schema(tmp_path):
    download = ("download", "--no-deps", "--only-binary=:all:", "--dest", tmp_path, SCHEMA_PACKAGE)
    subprocess.run([sys.executable, "-m", "pip", *download], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == SCHEMA_SHA256
    schema = json.loads(zipfile.ZipFile(wheel).read("compose/config/compose_spec.json"))
    file = {key: value for key, value in COMPOSE.items() if key != "name"}  # newer than the schema
    jsonschema.Draft7Validator(schema).validate(file)


def test_what_a_service_refers_to_is_there():
    for service in SERVICES.values():
        assert {mount.split(":")[0] for mount in service["volumes"]} <= set(COMPOSE["volumes"])
        assert set(service.get("depends_on", ())) <= set(SERVICES)
        for value in service.get("environment", {}).values():
            if found := re.fullmatch(r"http://(\w+):(\d+)(/v1)?", value):
                assert port_of(found.group(1)) == int(found.group(2))


def test_only_the_api_and_the_web_page_are_published_and_only_on_loopback():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"api", "webui"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_the_web_page_is_a_profile_of_its_own_and_knows_both_doors():
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["webui"]
    environment = SERVICES["webui"]["environment"]
    assert environment["OLLAMA_BASE_URL"] == "http://backend:11434"
    assert environment["OPENAI_API_BASE_URL"] == "http://api:8484/v1"


def test_every_variable_of_ours_is_a_setting():
    known = {f"RAGSTONE_{name}".upper() for name in Settings.model_fields}
    used = {name for service in SERVICES.values() for name in service.get("environment", ())}
    assert {name for name in used if name.startswith("RAGSTONE_")} <= known
    assert "RAGSTONE_EVAL_CRON" in used
    image = set(re.findall(r"\b(RAGSTONE_\w+)=", (ROOT / "Dockerfile").read_text()))
    assert image
    assert image <= known


def test_the_image_is_small_and_not_root():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    stages = [line for line in lines if line.startswith("FROM ")]
    assert stages == ["FROM python:3.11-slim AS build", "FROM python:3.11-slim"]
    assert lines.index("USER ragstone") > lines.index(stages[1])
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv", ".models", "data", ".env"} <= set(ignored)


def test_what_the_image_copies_and_starts_is_in_the_checkout():
    text = (ROOT / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        *sources, _ = line.split()
        assert all((ROOT / source).exists() for source in sources), line
    entry = re.search(r'ENTRYPOINT \["/opt/ragstone/(\S+)"\]', text)
    assert entry
    assert os.access(ROOT / entry.group(1), os.X_OK)


def port_of(service: str) -> int:
    """The port that a service listens on, as its own command or mapping says."""
    command = SERVICES[service].get("command")
    if command:
        return int(command[command.index("--port") + 1])
    return int(SERVICES[service]["ports"][0].rsplit(":", 1)[1])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def here(text: str, ports: dict[str, int], folder: Path) -> str:
    """Translate what is meant for the containers' network and disk to this machine."""
    for name in OURS:
        text = text.replace(f"http://{name}:{port_of(name)}", f"http://127.0.0.1:{ports[name]}")
    text = text.replace("0.0.0.0", "127.0.0.1")
    return str(folder / "chroma") if text == "/chroma" else text


@contextmanager
def started(name: str, ports: dict[str, int], folder: Path, models: Path) -> Iterator[str]:
    """Run a service's command as the file has it; yields the URL of its own health check."""
    service = SERVICES[name]
    command = [here(word, ports, folder) for word in service["command"]]
    command[command.index("--port") + 1] = str(ports[name])
    environment = {
        key: here(value, ports, folder)
        for key, value in service.get("environment", {}).items()
        if not value.startswith("$")
    }
    program = Path(sys.executable).with_name(command[0])
    start = (
        [program, *command[1:]] if program.exists() else [sys.executable, "-m", "app", *command[1:]]
    )
    test = service["healthcheck"]["test"]
    assert test[:4] == ["CMD", "python", "-m", "scripts.healthy"]
    url = test[4].replace(f":{port_of(name)}", f":{ports[name]}")
    log = folder / f"{name}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            start,
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env={
                **os.environ,
                **environment,
                "RAGSTONE_DATA_DIR": str(folder / "data"),
                "RAGSTONE_MODELS_DIR": str(models),
            },
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not healthy(url):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.model
def test_the_three_services_start_answer_and_work_together(tmp_path):
    models = Settings().models_dir.absolute()
    if not (models / "embedding").is_dir():
        pytest.skip("the bundled models are not in place: make setup")
    ports = {name: free_port() for name in OURS}
    with ExitStack() as running:
        for name in ("chroma", "backend", "api"):
            running.enter_context(started(name, ports, tmp_path, models))
        url = f"http://127.0.0.1:{ports['api']}"
        client = running.enter_context(Client(url))
        runs = client.info()
        assert runs["vectors"] == f"http://127.0.0.1:{ports['chroma']}"
        assert runs["ollama"]["url"] == f"http://127.0.0.1:{ports['backend']}"

        (tmp_path / "leave.md").write_text(
            "# Leave\n\nEverybody has 28 days of paid holiday a year.\n"
        )
        (accepted,) = client.upload("default", [tmp_path / "leave.md"])
        job_id = accepted.get("job_id")
        assert job_id
        assert [*client.job_events(job_id)][-1].data["state"] == "succeeded"
        (found,) = client.search("How much holiday is there?", mode="dense")
        assert "28 days" in found["text"]
        assert client.doctor()["ok"] is True
        answer = client.query("How many days of paid holiday does everybody have?")
        assert "28 days" in answer["answer"]
    assert (tmp_path / "chroma" / "chroma.sqlite3").exists()
    assert not (tmp_path / "data" / "chroma").exists()
