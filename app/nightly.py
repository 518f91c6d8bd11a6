"""Evaluation runs of this service by itself: every night by crontab, or when asked to.

A run is a child process, `python -m evals run`, which asks the service over HTTP like any
other caller; its JSON lines become the progress and the result of a row in the catalogue.
One run goes at a time, since two would spoil each other's latencies.
"""

import json
import logging
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from app.errors import EvaluationBusy
from app.settings import Settings
from storage.catalogue import Catalogue
from storage.records import EvalRun, Fault

log = logging.getLogger("ragstone.nightly")

RUN = (sys.executable, "-m", "evals", "run", "--json-progress")
STOP_SECONDS = 10.0
LAST_LINES = 12

Schedule = Callable[[str, str, Callable[[], None]], None]
"""Called with a name, a crontab line, and what to do then."""


class Nightly:
    """Starts evaluation runs and writes them down; `schedule` is the worker's."""

    def __init__(
        self,
        catalogue: Catalogue,
        settings: Settings,
        schedule: Schedule,
        command: Sequence[str] = RUN,
    ) -> None:
        self._runs = catalogue.eval_runs
        self._settings = settings
        self._schedule = schedule
        self._command = tuple(command)
        self._url = own_url(settings)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._child: subprocess.Popen[str] | None = None
        self._stopping = False

    def start(self) -> None:
        """Close what a crash left open, and schedule the nightly run if there is a crontab."""
        for run in self._runs.unfinished():
            self._runs.fail(run.id, Fault("interrupted", "The service stopped during the run."))
        if self._settings.eval_cron:
            self._schedule("evaluation", self._settings.eval_cron, self.tonight)

    def listens_at(self, url: str) -> None:
        """Tell where the service really listens, where the system chose the port."""
        self._url = url

    def tonight(self) -> None:
        """Begin the nightly run and return at once: the worker is needed to read its documents."""
        try:
            run = self.begin()
        except EvaluationBusy as exc:
            log.warning("no nightly evaluation: %s", exc)
        else:
            log.info("nightly evaluation %s of %s begins", run.id, run.dataset)

    def begin(self, dataset: str | None = None) -> EvalRun:
        """Begin a run in the background and return its row. Raises EvaluationBusy."""
        with self._lock:
            if self._stopping or (self._thread and self._thread.is_alive()):
                raise EvaluationBusy("An evaluation is running; wait until it has finished.")
            run = self._runs.add(dataset or self._settings.eval_dataset)
            self._thread = threading.Thread(
                target=self._carry_out, args=(run,), name="evaluation", daemon=True
            )
            self._thread.start()
        return run

    def stop(self) -> None:
        """End the run that goes on, if any; it is written down as interrupted."""
        with self._lock:
            self._stopping = True
            thread, child = self._thread, self._child
        if child and child.poll() is None:
            child.terminate()
        if thread:
            thread.join(STOP_SECONDS)

    def wait(self, seconds: float) -> bool:
        """Wait for the run that goes on; say whether it has ended."""
        if self._thread:
            self._thread.join(seconds)
        return not (self._thread and self._thread.is_alive())

    def _carry_out(self, run: EvalRun) -> None:
        try:
            self._follow(run)
        except Exception as exc:  # the edge of the thread: the row must not stay open
            log.exception("evaluation %s failed", run.id)
            self._runs.fail(run.id, Fault("evaluation_failed", f"{type(exc).__name__}: {exc}"))

    def _follow(self, run: EvalRun) -> None:
        said: deque[str] = deque(maxlen=LAST_LINES)
        command = [*self._command, "--dataset", run.dataset, "--url", self._url]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as child:
            with self._lock:
                self._child = child
                if self._stopping:
                    child.terminate()
            assert child.stdout is not None
            for line in child.stdout:
                self._hear(run, line, said)
        # a run that has its result keeps it: a row that has ended does not change any more
        self._runs.fail(run.id, self._fault(child.returncode, said))

    def _hear(self, run: EvalRun, line: str, said: deque[str]) -> None:
        event = event_of(line)
        match event.get("event"):
            case "progress":
                self._runs.progress(run.id, int(event["done"]), int(event["total"]))
            case "result":
                self._runs.finish(run.id, event["result"])
            case "error":
                self._runs.fail(run.id, Fault("evaluation_failed", str(event["message"])))
            case None:
                said.append(line.rstrip())

    def _fault(self, code: int, said: Sequence[str]) -> Fault:
        if self._stopping:
            return Fault("interrupted", "The service stopped during the run.")
        words = " ".join(said) or "it said nothing"
        return Fault("evaluation_failed", f"The run ended with code {code}: {words}")


def event_of(line: str) -> dict[str, Any]:
    """Read a line of the child; what is not one of its events is an empty dict."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def own_url(settings: Settings) -> str:
    """Return where this service can be reached from its own machine."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # listened on, not connected to
    host = anywhere.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
