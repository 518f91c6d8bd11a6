"""`ragstone jobs`: list, follow and cancel the jobs of ingestion."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.options import AsJson, Port, Url, connect
from app.commands.output import console, print_json, print_json_line, print_table

if TYPE_CHECKING:
    from app.client.records import Job

app = typer.Typer(help="List, follow and cancel the jobs of ingestion.")
JobId = Annotated[str, typer.Argument(help="The job's id.")]


@app.callback(invoke_without_command=True)
def jobs(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option(help="queued, running, succeeded, failed or cancelled.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 20,
    url: Url = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """List the latest jobs."""
    if context.invoked_subcommand:
        return
    with connect(url, port) as client:
        found = client.jobs(state=state, limit=limit)
    if as_json:
        print_json(found)
    else:
        columns = ("id", "state", "stage", "progress", "tries", "document", "error")
        print_table(columns, map(_row, found))


def _row(job: "Job") -> tuple[object, ...]:
    progress = f"{job['done']}/{job['total']}" if job["total"] else ""
    error = job.get("error")
    about = (job.get("document_name"), error["message"] if error else "")
    return (job["id"], job["state"], job["stage"], progress, job.get("attempts"), *about)


@app.command()
def follow(job_id: JobId, url: Url = None, port: Port = None, as_json: AsJson = False) -> None:
    """Print a job's progress until it is final; exits with 1 if it failed."""
    last: dict[str, Any] = {}
    with connect(url, port) as client:
        for event in client.job_events(job_id):
            last = event.data
            if as_json:
                print_json_line(last)
            else:
                done = f" {last['done']}/{last['total']}" if last.get("total") else ""
                console().print(f"{last.get('state')}  {last.get('stage')}{done}")
    if error := last.get("error"):
        if not as_json:
            console().print(f"{error['message']} ({error['code']})")
        raise typer.Exit(1)


@app.command()
def cancel(job_id: JobId, url: Url = None, port: Port = None, as_json: AsJson = False) -> None:
    """Cancel a job that has not finished."""
    with connect(url, port) as client:
        job = client.cancel_job(job_id)
    if as_json:
        print_json(job)
    else:
        console().print(f"{job_id} is {job.get('state', 'cancelled')}")
