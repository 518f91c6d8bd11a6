"""`ragstone ...` run in this process, against a service on real HTTP with fake models."""

import io
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn

from app import cli
from app.answering.fake_chat import FakeChat
from app.client import Client
from app.main import create_app
from app.settings import Settings
from app.wiring import build_services
from ingest.fake_embed import HashingEmbedder

HANDBOOK = (
    "Full-time employees receive 25 days of annual leave per year.\n\n"
    "Dr. Maria Okafor approves every flight that is longer than six hours.\n"
)
LEAVE = "How many days of annual leave do full-time employees receive?"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def chat() -> FakeChat:
    return FakeChat(default="25 days")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli") / "data"


@pytest.fixture(scope="module")
def service(chat: FakeChat, data_dir: Path) -> Iterator[int]:
    """The port of a service that runs in a thread."""
    settings = Settings(_env_file=None, data_dir=data_dir)
    services = build_services(settings, embedder=HashingEmbedder(), chat_model=chat)
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(settings, services), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield bound.getsockname()[1]
    server.should_exit = True
    thread.join()
    bound.close()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `ragstone ...` in this process; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run_command(*arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ragstone", *arguments])
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        said = capsys.readouterr()
        if isinstance(code, str):  # sys.exit prints it when nobody catches it
            return 1, said.out, code
        return int(code or 0), said.out, said.err

    return run_command


@pytest.fixture
def ragstone(run: Run, service: int, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run`, with the service's port in the environment as a user would have it."""
    monkeypatch.setenv("RAGSTONE_PORT", str(service))
    return run


@pytest.fixture
def handbook(service: int, tmp_path: Path) -> Iterator[str]:
    """A collection of the test's own that holds the handbook."""
    name = tmp_path.name
    (tmp_path / "handbook.txt").write_text(HANDBOOK)
    with Client(f"http://127.0.0.1:{service}") as client:
        client.create_collection(name)
        (accepted,) = client.upload(name, [tmp_path / "handbook.txt"])
        job_id = accepted.get("job_id")
        assert job_id
        assert [*client.job_events(job_id)][-1].data["state"] == "succeeded"
        yield name
        client.delete_collection(name)
