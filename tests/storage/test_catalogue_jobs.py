import pytest

from storage.catalogue import Catalogue
from storage.errors import UnknownDocument, UnknownEvalRun, UnknownJob
from storage.records import Document, DocumentStatus, Fault, Job, JobStage, JobState
from tests.fixtures.store import add_document, completed_document, publish_document

FAULT = Fault("unreadable", "Damaged.")


@pytest.fixture
def document(catalogue: Catalogue) -> Document:
    return add_document(catalogue)


@pytest.fixture
def job(catalogue: Catalogue, document: Document) -> Job:
    return catalogue.jobs.get(str(document.job_id))


def status(catalogue: Catalogue, job: Job) -> DocumentStatus:
    return catalogue.documents.by_id(job.document_id).status


def test_a_job_runs_through_its_stages_and_succeeds(catalogue: Catalogue, job: Job) -> None:
    assert (job.state, job.stage, job.attempts) == (JobState.QUEUED, JobStage.WAITING, 0)
    assert job.document_name == catalogue.documents.by_id(job.document_id).name
    started = catalogue.jobs.start(job.id)
    assert (started.state, started.attempts) == (JobState.RUNNING, 1)
    assert status(catalogue, job) is DocumentStatus.PROCESSING
    catalogue.jobs.progress(job.id, JobStage.EMBEDDING, 3, 7)
    seen = catalogue.jobs.get(job.id)
    assert (seen.stage, seen.done, seen.total) == (JobStage.EMBEDDING, 3, 7)
    assert seen.updated_at >= started.updated_at
    ended = catalogue.jobs.finish(job.id)
    assert (ended.state, ended.stage, ended.done) == (JobState.SUCCEEDED, JobStage.DONE, 7)


def test_what_was_interrupted_is_unfinished_and_starts_again(
    catalogue: Catalogue, job: Job
) -> None:
    later = add_document(catalogue, "later.txt", "later")
    catalogue.jobs.start(job.id)
    assert [j.id for j in catalogue.jobs.unfinished()] == [job.id, later.job_id]
    catalogue.jobs.progress(job.id, JobStage.STORING, 1, 2)
    again = catalogue.jobs.start(job.id)
    assert (again.attempts, again.stage, again.done) == (2, JobStage.WAITING, 0)
    catalogue.jobs.finish(job.id)
    assert [j.id for j in catalogue.jobs.unfinished()] == [later.job_id]


def test_a_retry_goes_back_into_the_queue_and_says_why(catalogue: Catalogue, job: Job) -> None:
    catalogue.jobs.start(job.id)
    queued = catalogue.jobs.fail(job.id, FAULT, retry=True)
    assert (queued.state, queued.error, queued.attempts) == (JobState.QUEUED, FAULT, 1)
    assert status(catalogue, job) is DocumentStatus.PENDING
    catalogue.jobs.start(job.id)
    publish_document(catalogue, catalogue.documents.by_id(job.document_id), "text")
    assert catalogue.jobs.finish(job.id).error is None


def test_giving_up_fails_the_document_with_the_job(catalogue: Catalogue, job: Job) -> None:
    catalogue.jobs.start(job.id)
    failed = catalogue.jobs.fail(job.id, FAULT, retry=False)
    assert (failed.state, failed.error) == (JobState.FAILED, FAULT)
    document = catalogue.documents.by_id(job.document_id)
    assert (document.status, document.error) == (DocumentStatus.FAILED, FAULT)


def test_cancelling_ends_the_job_and_its_document(catalogue: Catalogue, job: Job) -> None:
    assert catalogue.jobs.cancelled(job.id) is False
    catalogue.jobs.start(job.id)
    assert catalogue.jobs.cancel(job.id).state is JobState.CANCELLED
    assert catalogue.jobs.cancelled(job.id) is True
    document = catalogue.documents.by_id(job.document_id)
    assert document.error is not None
    assert (document.status, document.error.code) == (DocumentStatus.FAILED, "cancelled")
    with pytest.raises(UnknownDocument, match="cancelled"):
        publish_document(catalogue, document, "text")


def test_a_published_document_is_past_cancelling(catalogue: Catalogue, job: Job) -> None:
    catalogue.jobs.start(job.id)
    publish_document(catalogue, catalogue.documents.by_id(job.document_id), "text")
    assert catalogue.jobs.cancel(job.id).state is JobState.SUCCEEDED
    assert status(catalogue, job) is DocumentStatus.COMPLETED


@pytest.mark.parametrize("ending", ["finish", "fail", "cancel"])
def test_a_job_that_has_ended_stays_as_it_is(catalogue: Catalogue, job: Job, ending: str) -> None:
    catalogue.jobs.start(job.id)
    if ending == "fail":
        ended = catalogue.jobs.fail(job.id, FAULT, retry=False)
    else:
        ended = getattr(catalogue.jobs, ending)(job.id)
    catalogue.jobs.progress(job.id, JobStage.LOADING, 1, 1)
    assert catalogue.jobs.start(job.id) == ended
    assert catalogue.jobs.finish(job.id) == ended
    assert catalogue.jobs.cancel(job.id) == ended
    assert catalogue.jobs.fail(job.id, Fault("other", ""), retry=True) == ended


def test_the_job_of_a_deleted_document_is_gone(catalogue: Catalogue, job: Job) -> None:
    catalogue.documents.delete(job.document_id)
    assert catalogue.jobs.cancelled(job.id) is True
    catalogue.jobs.progress(job.id, JobStage.LOADING, 1, 1)
    for call in (catalogue.jobs.get, catalogue.jobs.start, catalogue.jobs.finish):
        with pytest.raises(UnknownJob):
            call(job.id)


def test_jobs_are_listed_newest_first_and_counted(catalogue: Catalogue, job: Job) -> None:
    later = add_document(catalogue, "later.txt", "later")
    assert [j.id for j in catalogue.jobs.list()] == [later.job_id, job.id]
    assert [j.id for j in catalogue.jobs.list(limit=1)] == [later.job_id]
    catalogue.jobs.start(job.id)
    assert [j.id for j in catalogue.jobs.list(JobState.RUNNING)] == [job.id]
    assert catalogue.counts.jobs() == {JobState.RUNNING: 1, JobState.QUEUED: 1}
    assert catalogue.counts.documents() == {
        ("default", DocumentStatus.PROCESSING): 1,
        ("default", DocumentStatus.PENDING): 1,
    }


def test_only_a_document_under_way_gets_a_new_job(catalogue: Catalogue, job: Job) -> None:
    new = catalogue.jobs.add(job.document_id)
    assert catalogue.documents.by_id(job.document_id).job_id == new.id
    done = completed_document(catalogue, "done.txt", "done")
    with pytest.raises(UnknownDocument):
        catalogue.jobs.add(done.id)


def test_an_evaluation_run_goes_its_way(catalogue: Catalogue) -> None:
    runs = catalogue.eval_runs
    run = runs.add("ragstone")
    assert (run.state, run.result) == (JobState.QUEUED, None)
    runs.progress(run.id, 3, 40)
    assert [(r.state, r.done, r.total) for r in runs.unfinished()] == [(JobState.RUNNING, 3, 40)]
    result = {"scores": {"hit@5": 0.95}, "名": [1, None, "x"]}
    ended = runs.finish(run.id, result)
    assert (ended.state, ended.result) == (JobState.SUCCEEDED, result)
    assert ended.finished_at is not None
    assert runs.get(run.id) == ended
    assert runs.fail(run.id, FAULT) == ended
    assert runs.unfinished() == []


def test_a_failed_evaluation_run_says_why_and_the_list_is_newest_first(
    catalogue: Catalogue,
) -> None:
    first, second = catalogue.eval_runs.add("a"), catalogue.eval_runs.add("b")
    assert catalogue.eval_runs.fail(first.id, FAULT).error == FAULT
    assert [run.id for run in catalogue.eval_runs.list()] == [second.id, first.id]
    assert len(catalogue.eval_runs.list(limit=1)) == 1
    for call in (catalogue.eval_runs.get, lambda i: catalogue.eval_runs.progress(i, 1, 2)):
        with pytest.raises(UnknownEvalRun):
            call("nobody")
