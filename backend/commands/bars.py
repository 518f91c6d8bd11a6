"""Progress on a terminal: a turning sign for a step, a bar for what is counted."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID
from rich.text import Text

from backend.commands.units import human_bytes

MOST_SECONDS = 100 * 3600


def amounts(done: int, total: int, rate: float | None) -> str:
    """What stands behind a bar: how much there is, how fast it comes, how long it still takes."""
    if done >= total:
        return human_bytes(total)
    text = f"{human_bytes(done)}/{human_bytes(total)}"
    if rate is None or rate < 1:
        return text
    return f"{text}  {human_bytes(int(rate))}/s  {_clock((total - done) / rate)}"


def _clock(seconds: float) -> str:
    if seconds >= MOST_SECONDS:
        return "99h+"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


class BarProgress:
    """Rows on standard error; they stay when the work ends."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True, highlight=False)
        self._bars = Progress(_Row(), _Share(), _Counted(), _Amounts(), console=console)
        self._rows: dict[str, TaskID] = {}
        self._step: TaskID | None = None
        self._status: str | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._finish_step()
        self._bars.stop()

    def show(self, line: Mapping[str, Any]) -> None:
        """Turn a line of the stream into a row, new or known."""
        status, key = str(line.get("status", "")), line.get("digest")
        total = int(line.get("total") or 0)
        if key is not None and total:
            self._finish_step()
            self._count(str(key), status, total, int(line.get("completed") or 0))
        elif status != self._status:
            self._finish_step()
            self._step = self._bars.add_task(status, total=None)
        self._status = status

    def _count(self, key: str, status: str, total: int, done: int) -> None:
        if key not in self._rows:
            self._rows[key] = self._bars.add_task(status, total=total, completed=done)
        self._bars.update(self._rows[key], completed=min(done, total), description=status)

    def _finish_step(self) -> None:
        if self._step is not None:
            self._bars.update(self._step, total=0, completed=0)
            self._bars.stop_task(self._step)
            self._step = None


def start_sign() -> Callable[[], None]:
    """Show a turning sign; what is returned takes it away without a trace."""
    status = Console(stderr=True, highlight=False).status("")
    status.start()
    return status.stop


class _Row(ProgressColumn):
    """The name of a row; a step that still goes on turns."""

    def __init__(self) -> None:
        super().__init__()
        self._turning = SpinnerColumn(finished_text=" ")

    def render(self, task: Task) -> Text:
        name = Text(task.description)
        if task.total is not None:
            return name
        return name.append(" ").append_text(
            Text(str(self._turning.spinner.render(task.get_time())))
        )


class _Share(ProgressColumn):
    """Per cent; nothing for a step."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.percentage:3.0f}%" if task.total else "")


class _Counted(BarColumn):
    """The bar; nothing for a step."""

    def render(self, task: Task) -> Any:
        return super().render(task) if task.total else Text("")


class _Amounts(ProgressColumn):
    """How much, how fast, how long."""

    def render(self, task: Task) -> Text:
        return Text(amounts(int(task.completed), int(task.total), task.speed) if task.total else "")
