"""The bundled backend as a child process: started, watched, restarted, and never left behind.

The child gets a pipe from us as standard input and exits when it closes, so it goes
down with this process however that ends, kill -9 included.
"""

import logging
import os
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

from app.errors import BackendNotStarted

log = logging.getLogger("ragstone.backend")
READY = "listening on "
START_SECONDS = 30.0
RESTART_PAUSE_SECONDS = 0.5


class BackendChild:
    """One `python -m backend` on a loopback port that the system chooses.

    Raises:
        BackendNotStarted: the child ended, or said nothing within 30 s.
    """

    def __init__(self, models_dir: Path, environment: dict[str, str] | None = None) -> None:
        self._environment = {
            **os.environ,
            "OLLAMA_MODELS": os.environ.get("OLLAMA_MODELS", str(models_dir / "ollama")),
            "RAGSTONE_MODELS_DIR": str(models_dir),
            **(environment or {}),
        }
        self._process: subprocess.Popen[str] | None = None
        self._last_lines: deque[str] = deque(maxlen=20)
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._address = "127.0.0.1:0"
        self.url = ""

    @property
    def pid(self) -> int | None:
        """Process id of the running child."""
        return self._process.pid if self._process else None

    def start(self) -> str:
        """Start the child and return its URL once it listens."""
        threading.Thread(target=self._watch, name="backend-watch", daemon=True).start()
        if not self._ready.wait(START_SECONDS):
            self.stop()
            said = " ".join(self._last_lines) or "it said nothing"
            raise BackendNotStarted(
                f"The bundled model server did not start within {START_SECONDS:.0f} s ({said}). "
                "Run `ragstone backend` to see why, or set RAGSTONE_OLLAMA_URL."
            )
        return self.url

    def stop(self) -> None:
        """End the child; its runners go with it."""
        self._stopping.set()
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._run_once()
            if not self._stopping.wait(RESTART_PAUSE_SECONDS):
                log.warning("backend ended, starting it again: %s", " ".join(self._last_lines))

    def _run_once(self) -> None:
        """Run the child until it ends; a restart keeps the address that clients know."""
        with subprocess.Popen(
            [sys.executable, "-m", "backend", "--exit-with-parent"],
            # this one is for the service alone, so a token meant for a shared server is not its
            env={
                **self._environment,
                "OLLAMA_HOST": self._address,
                "RAGSTONE_BACKEND_TOKEN": "",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            self._process = process
            assert process.stdout is not None
            for line in process.stdout:
                self._hear(line.rstrip())

    def _hear(self, line: str) -> None:
        self._last_lines.append(line)
        log.debug("%s", line)
        if not self._ready.is_set() and READY in line:
            self.url = line.split(READY, 1)[1].strip()
            self._address = self.url.removeprefix("http://")
            self._ready.set()
