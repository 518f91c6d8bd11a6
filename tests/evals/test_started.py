import os
import signal
import sys
from pathlib import Path

import pytest

from app.client import Client
from evals.errors import StartError
from evals.started import answers, free_port, local_url, service, started

FAKE = (sys.executable, "-m", "tests.evals.serve_fake")


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch: pytest.MonkeyPatch):
    """Child processes import `tests` from the checkout."""
    monkeypatch.chdir(Path(__file__).resolve().parents[2])
    monkeypatch.delenv("RAGSTONE_URL", raising=False)


def test_starts_waits_until_ready_and_stops():
    said: list[str] = []
    with started(said.append, FAKE) as url:
        with Client(url) as client:
            assert client.health() == {"status": "ok"}
        assert answers(url)
    assert not answers(url)
    assert said == [f"started at {url}"]


def test_a_service_that_dies_shows_its_last_words():
    broken = (sys.executable, "-c", "import sys; print('no models here'); sys.exit(3)")
    with (
        pytest.raises(StartError, match=r"code 3 while starting:\nno models here"),
        started(lambda _: None, broken),
    ):
        pass


def test_it_is_stopped_when_the_run_fails():
    kept: list[str] = []

    def failing_run() -> None:
        with started(lambda _: None, FAKE) as url:
            kept.append(url)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing_run()
    assert not answers(kept[0])


def test_the_given_service_comes_first(url: str):
    said: list[str] = []
    with service(url, said.append) as address:
        assert address == url
    assert said == [f"using the service at {url}"]


def test_the_running_service_comes_second(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAGSTONE_PORT", url.rsplit(":", 1)[1])
    with service(None, lambda _: None) as address:
        assert address == url


def test_one_is_started_when_none_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAGSTONE_PORT", str(free_port()))
    said: list[str] = []
    with service(None, said.append, FAKE) as address:
        assert answers(address)
    assert said[0] == "no service is running: starting one for this run"


def test_the_local_address(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RAGSTONE_PORT", raising=False)
    assert local_url() == "http://127.0.0.1:8484"
    monkeypatch.setenv("RAGSTONE_PORT", "9999")
    assert local_url() == "http://127.0.0.1:9999"
    monkeypatch.setenv("RAGSTONE_URL", "http://elsewhere:1")
    assert local_url() == "http://elsewhere:1"


def test_one_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch):
    stubborn = (sys.executable, "-c", STUBBORN)
    monkeypatch.setattr("evals.started.STOP_SECONDS", 0.2)
    with started(lambda _: None, stubborn) as url, Client(url) as client:
        pid = client.health()["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIG_DFL)


STUBBORN = """
import http.server, json, os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Always(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"pid": os.getpid()}).encode())
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Always).serve_forever()
"""
