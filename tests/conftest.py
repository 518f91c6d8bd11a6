"""Fixtures for every room, one file per resource; no test leaves this machine."""

import os
import socket

import pytest

pytest_plugins = [
    "tests.fixtures.models",
    "tests.fixtures.store",
    "tests.fixtures.service",
]

LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse any connection that would leave the machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of whoever runs the tests, but for where models and data lie."""
    kept = {"RAGSTONE_MODELS_DIR", "RAGSTONE_SHARED_DATA"}
    for name in list(os.environ):
        if (name.startswith(("RAGSTONE_", "OLLAMA_")) and name not in kept) or name.lower() in (
            "http_proxy",
            "https_proxy",
            "all_proxy",
        ):
            monkeypatch.delenv(name)
