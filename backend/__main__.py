"""`python -m backend`: the server as a process of its own.

    --exit-with-parent   end when stdin does: give it a pipe that only the parent holds open

When it is ready it prints one line, `Ragstone backend listening on http://HOST:PORT`, with the
real port where OLLAMA_HOST asked for port 0.
"""

import argparse
import errno
import logging
import os
import socket
import sys

import uvicorn

from backend.address import Address
from backend.engine.lifeline import watch_pipe
from backend.environment import help_text, notices
from backend.main import create_app
from backend.settings import BackendSettings
from backend.web.guard import is_loopback
from backend.web.request_head import BoundedHead

SHUTDOWN_SECONDS = 2
KEEP_ALIVE_SECONDS = 30
"""Clients give an idle connection up first (httpx after 5 s), so none is closed under a request."""
READY = "Ragstone backend listening on {url}"


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; returns the exit code."""
    options = _parser().parse_args(arguments)
    settings = BackendSettings()
    _log(settings.debug)
    for line in notices(os.environ):
        print(f"Note: {line}", file=sys.stderr)
    try:
        listener = _listen(settings.address)
    except OSError as error:
        print(_cannot_listen(settings.address, error), file=sys.stderr)
        return 1
    bound = Address(settings.address.host, listener.getsockname()[1])
    if not is_loopback(bound.host):
        print(_exposed(bound.host, token=settings.token), file=sys.stderr)
    server = _Server(_config(settings), READY.format(url=bound.url()))
    if options.exit_with_parent:
        # The pipe alone: the kernel's signal would also come when only the parent's thread ended
        # that started this process, and a service may well start it from a worker thread.
        watch_pipe(sys.stdin.fileno(), server.stop)
    server.run([listener])
    return 0


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._ready, flush=True)

    def stop(self) -> None:
        self.should_exit = True


def _config(settings: BackendSettings) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(settings),
        http=BoundedHead,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        server_header=False,
    )


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def _cannot_listen(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Error: port {address.port} is taken. Stop the program that holds it, or choose "
            f"another: OLLAMA_HOST={address.host}:{address.port + 1}, or port 0 for any."
        )
    return f"Error: cannot listen on {address.host}:{address.port}: {error.strerror}"


def _exposed(host: str, *, token: str) -> str:
    warning = f"Warning: {host} can be reached from other machines, "
    if token:
        return warning + "without encryption: the token crosses the network as it is."
    return warning + (
        "and this server asks for no password. Set OLLAMA_HOST=127.0.0.1 unless that is meant, or "
        "RAGSTONE_BACKEND_TOKEN to ask for one."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backend",
        description="A model server that speaks Ollama's API.",
        epilog=help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--exit-with-parent", action="store_true", help="end when stdin ends")
    return parser


def _log(level: int) -> None:
    """OLLAMA_DEBUG: 1 is for our own records (the engine's lines are among them), 2 for all."""
    logging.basicConfig(
        level=logging.DEBUG if level > 1 else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
    )
    if level:
        logging.getLogger("backend").setLevel(logging.DEBUG)


if __name__ == "__main__":
    sys.exit(main())
