"""Evaluation runs: list them, begin one, read one with its result."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.deps import CatalogueDep, ServicesDep
from storage.records import EvalRun

router = APIRouter(prefix="/v1/evals", tags=["evaluation"])


class NewRun(BaseModel):
    """Which dataset to ask; a name, never a path of this machine."""

    model_config = ConfigDict(extra="forbid")

    dataset: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$",
        description="Name of a shipped dataset; default: RAGSTONE_EVAL_DATASET.",
    )


@router.get("/runs")
def list_runs(
    catalogue: CatalogueDep, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> dict[str, list[EvalRun]]:
    """List runs, newest first, without their results."""
    return {"runs": catalogue.eval_runs.list(limit)}


@router.post("/runs", status_code=202)
def begin_run(services: ServicesDep, new: NewRun | None = None) -> EvalRun:
    """Begin a run in the background; 409 while another goes on."""
    return services.nightly.begin(new.dataset if new else None)


@router.get("/runs/{run_id}")
def one_run(catalogue: CatalogueDep, run_id: str) -> EvalRun:
    """Return one run; `result` is what `ragstone eval run` writes, once it has finished."""
    return catalogue.eval_runs.get(run_id)
