"""A service of its own for one run: `ragstone serve` on a free port with an empty data folder."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.client import Client, ClientError
from evals.errors import StartError

LOCAL_PORT = 8484
START_SECONDS = 180.0  # importing torch and loading two models took 20 s here on a busy machine
STOP_SECONDS = 30.0
SERVE = (sys.executable, "-m", "app", "serve")

Say = Callable[[str], None]


def local_url() -> str:
    """Return where a service of this machine would listen: RAGSTONE_URL, else RAGSTONE_PORT."""
    port = os.environ.get("RAGSTONE_PORT") or LOCAL_PORT
    return os.environ.get("RAGSTONE_URL") or f"http://127.0.0.1:{port}"


def answers(url: str) -> bool:
    """Say whether a service answers there."""
    with Client(url, timeout=5) as client:
        try:
            client.health()
        except ClientError:
            return False
        return True


@contextmanager
def service(url: str | None, say: Say, serve: Sequence[str] = SERVE) -> Iterator[str]:
    """Yield the address of a ready service: the given one, the running one, or a new one."""
    if url is None and answers(local_url()):
        url = local_url()
    if url is not None:
        say(f"using the service at {url}")
        yield url
        return
    say("no service is running: starting one for this run")
    with started(say, serve) as address:
        yield address


@contextmanager
def started(say: Say, serve: Sequence[str] = SERVE) -> Iterator[str]:
    """Start a service, yield its address when it is ready, and stop it afterwards.

    Raises StartError with the end of its log when it does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="ragstone-eval-") as folder:
        port = free_port()
        log = Path(folder) / "serve.log"
        url = f"http://127.0.0.1:{port}"
        command = [*serve, "--port", str(port), "--data-dir", str(Path(folder) / "data")]
        with log.open("wb") as sink:
            child = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT)
        try:
            _wait_until_ready(child, url, log)
            say(f"started at {url}")
            yield url
        finally:
            _stop(child)


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(child: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    last = "it does not answer"
    with Client(url, timeout=10) as client:
        while time.monotonic() < deadline:
            if child.poll() is not None:
                raise StartError(
                    f"the service stopped with code {child.returncode} while starting:\n{_end(log)}"
                )
            try:
                client.ready()
            except ClientError as exc:
                last = str(exc)
                time.sleep(0.3)
            else:
                return
    raise StartError(f"the service was not ready after {START_SECONDS:.0f} s: {last}\n{_end(log)}")


def _end(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
