"""How a job under way says how far it is, and hears that it should stop."""

from typing import Protocol

from storage.records import JobStage


class Reporter(Protocol):
    """Implementation: ingest.jobs; tests use SilentReporter."""

    def report(self, stage: JobStage, done: int, total: int) -> None:
        """Say that `done` of `total` in this stage is behind us; may raise as `check` does."""
        ...

    def check(self) -> None:
        """Raise IngestCancelled (or what else ends the work) if the work should stop. Cheap."""
        ...


class SilentReporter:
    """Nobody listens and nobody cancels."""

    def report(self, stage: JobStage, done: int, total: int) -> None:
        """Do nothing."""

    def check(self) -> None:
        """Do nothing."""
