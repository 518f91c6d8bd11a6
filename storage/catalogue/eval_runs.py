"""Evaluation runs, with their whole result once finished."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update

from storage.catalogue.database import Database
from storage.catalogue.rows import fault_columns, to_eval_run
from storage.catalogue.tables import eval_runs
from storage.catalogue.underway import OPEN
from storage.errors import UnknownEvalRun
from storage.ids import new_id
from storage.records import EvalRun, Fault, JobState

EvalRunList = list[EvalRun]  # inside the class `list` is the method


class EvalRuns:
    """The evaluation runs of the catalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, dataset: str) -> EvalRun:
        """Queue a run over that dataset."""
        run_id = new_id()
        values = {"dataset": dataset, "state": JobState.QUEUED, "created_at": datetime.now(UTC)}
        with self._database.writing() as connection:
            connection.execute(insert(eval_runs).values(id=run_id, **values))
        return self.get(run_id)

    def get(self, run_id: str) -> EvalRun:
        """Return a run with its result. Raises UnknownEvalRun."""
        with self._database.reading() as connection:
            query = select(eval_runs).where(eval_runs.c.id == run_id)
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise UnknownEvalRun(f"There is no evaluation run {run_id[:64]}.")
        return to_eval_run(row)

    def unfinished(self) -> EvalRunList:
        """Return the runs that have not ended: after a restart, those were interrupted."""
        query = select(eval_runs).where(eval_runs.c.state.in_(OPEN))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(eval_runs.c.created_at)).mappings()
            return [to_eval_run(row) for row in rows]

    def progress(self, run_id: str, done: int, total: int) -> None:
        """Write how many of the questions are asked; the run is running from the first call.

        Raises UnknownEvalRun.
        """
        self._change(run_id, state=JobState.RUNNING, done=done, total=total)

    def finish(self, run_id: str, result: dict[str, Any]) -> EvalRun:
        """End a run with its result. Raises UnknownEvalRun."""
        ended = {"state": JobState.SUCCEEDED, "finished_at": datetime.now(UTC)}
        return self._change(run_id, **ended, result=result)

    def fail(self, run_id: str, fault: Fault) -> EvalRun:
        """End a run without a result. Raises UnknownEvalRun."""
        ended = {"state": JobState.FAILED, "finished_at": datetime.now(UTC)}
        return self._change(run_id, **ended, **fault_columns(fault))

    def list(self, limit: int = 50) -> EvalRunList:
        """Return up to `limit` runs, newest first; results are left out, being large."""
        columns = tuple(column for column in eval_runs.c if column.name != "result")
        query = select(*columns).order_by(eval_runs.c.created_at.desc(), eval_runs.c.id.desc())
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(limit)).mappings()
            return [to_eval_run({**row, "result": None}) for row in rows]

    def _change(self, run_id: str, **values: Any) -> EvalRun:
        """Change a run that has not ended; one that has stays as it is."""
        change = update(eval_runs).where(eval_runs.c.id == run_id, eval_runs.c.state.in_(OPEN))
        with self._database.writing() as connection:
            connection.execute(change.values(**values))
        return self.get(run_id)
