from dataclasses import dataclass

import pytest

from ingest.chunk import ChunkDraft
from ingest.embedding_text import embedding_text
from ingest.errors import EmptyDocument, IngestCancelled
from ingest.fake_embed import HashingEmbedder
from ingest.removal import Removal
from storage.errors import EmbeddingMismatch, UnknownDocument
from storage.records import DocumentStatus, JobStage
from tests.fixtures import files
from tests.ingest.conftest import Room

PAGES = ["Warranty\nThe warranty lasts two years.", "Returns are free for thirty days."]


class Killed(Exception):
    """Stands for a kill -9: nothing after it runs."""


@dataclass
class Recorder:
    """Notes every report; breaks off at a stage when told to."""

    seen: list[tuple[JobStage, int, int]]
    killed_at: JobStage | None = None

    def report(self, stage: JobStage, done: int, total: int) -> None:
        self.seen.append((stage, done, total))
        if stage is self.killed_at:
            raise Killed

    def check(self) -> None:
        """Go on."""


def test_a_document_goes_the_whole_way(room: Room) -> None:
    document = room.ingest(files.pdf(PAGES), "manual.pdf")
    assert (document.status, document.pages, document.error) == (DocumentStatus.COMPLETED, 2, None)
    text, pages = room.catalogue.chunks.text(document.id)
    chunks = room.catalogue.chunks.of_document(document.id)
    assert document.chunks == len(chunks) > 0
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        assert any(p.number == chunk.page and p.start <= chunk.start < p.end for p in pages)
    assert "two years" in room.found("warranty")[0]
    identity = room.catalogue.collections.get("default").embedding
    assert identity == HashingEmbedder().identity
    assert room.complaints() == []


def test_progress_names_every_stage_in_order(room: Room) -> None:
    accepted = room.accept("words. " * 2000)
    recorder = Recorder([])
    room.carry(str(accepted.job_id), recorder)
    stages = list(dict.fromkeys(stage for stage, _, _ in recorder.seen))
    assert stages == [JobStage.LOADING, JobStage.CHUNKING, JobStage.EMBEDDING, JobStage.STORING]
    embedded = [
        (done, total) for stage, done, total in recorder.seen if stage is JobStage.EMBEDDING
    ]
    assert embedded[0][0] == 0
    assert embedded[-1][0] == embedded[-1][1] > 16
    assert [done for done, _ in embedded] == sorted(done for done, _ in embedded)


def test_a_new_version_takes_the_place_of_the_old_in_one_step(room: Room) -> None:
    old = room.ingest("The fee is five euro.", "fees.txt")
    accepted = room.accept("The fee is nine euro.", "fees.txt")
    assert room.found("fee") == ["The fee is five euro."]  # until the new one is ready
    room.carry(str(accepted.job_id))
    assert room.found("fee") == ["The fee is nine euro."]
    with pytest.raises(UnknownDocument):
        room.catalogue.documents.by_id(old.id)
    assert not room.stores.files.path(old.sha256).exists()
    assert room.complaints() == []


def test_a_new_version_that_fails_leaves_the_old_one(room: Room) -> None:
    room.ingest("The fee is five euro.", "fees.txt")
    accepted = room.accept(" \n ", "fees.txt")
    with pytest.raises(EmptyDocument):
        room.carry(str(accepted.job_id))
    assert room.found("fee") == ["The fee is five euro."]


@pytest.mark.parametrize("stage", [JobStage.LOADING, JobStage.EMBEDDING, JobStage.STORING])
def test_a_broken_off_job_runs_again_and_leaves_one_copy(room: Room, stage: JobStage) -> None:
    accepted = room.accept("Once only.")
    with pytest.raises(Killed):
        room.carry(str(accepted.job_id), Recorder([], killed_at=stage))
    room.carry(str(accepted.job_id))
    assert room.found("once") == ["Once only."]
    assert room.complaints() == []


def test_killed_between_publishing_and_finishing_it_only_has_to_be_swept(room: Room) -> None:
    room.ingest("The fee is five euro.", "fees.txt")
    accepted = room.accept("The fee is nine euro.", "fees.txt")
    job = room.catalogue.jobs.start(str(accepted.job_id))
    room.pipeline.ingest(room.catalogue.documents.by_id(job.document_id), Recorder([]))
    recorder = Recorder([])
    room.carry(job.id, recorder)  # the job was never finished
    assert recorder.seen == []
    assert room.found("fee") == ["The fee is nine euro."]
    assert room.complaints() == []


def test_deleted_while_it_is_stored_leaves_nothing(room: Room) -> None:
    accepted = room.accept("Short life.")

    class DeletesAtTheEnd(Recorder):
        def report(self, stage: JobStage, done: int, total: int) -> None:
            if stage is JobStage.STORING:
                Removal(room.stores).document("default", accepted.document.id)

    with pytest.raises(IngestCancelled):
        room.carry(str(accepted.job_id), DeletesAtTheEnd([]))
    assert room.found("life") == []
    assert room.stores.files.hashes() == set()
    assert room.complaints() == []


def test_another_embedding_model_is_refused(room: Room) -> None:
    room.ingest("Made with one model.")
    accepted = room.accept("Made with another.", "other.txt")
    job = room.catalogue.jobs.start(str(accepted.job_id))
    pipeline = room.with_embedder(HashingEmbedder(dimensions=32))
    with pytest.raises(EmbeddingMismatch, match="RAGSTONE_EMBEDDING_MODEL"):
        pipeline.ingest(room.catalogue.documents.by_id(job.document_id), Recorder([]))


def test_deleting_removes_rows_indexes_and_file(room: Room) -> None:
    document = room.ingest("Gone soon.")
    Removal(room.stores).document("default", document.id)
    assert room.found("gone") == []
    assert room.stores.vectors.ids(document.collection_id) == set()
    assert room.stores.keywords.ids(document.collection_id) == set()
    assert room.stores.files.hashes() == set()


def test_a_shared_file_stays_until_the_last_document_goes(room: Room) -> None:
    first = room.ingest("Shared words.", "a.txt")
    room.catalogue.documents.add(
        room.catalogue.collections.create("other"), "b.txt", "text/plain", 13, first.sha256
    )
    Removal(room.stores).document("default", first.id)
    assert room.stores.files.hashes() == {first.sha256}
    Removal(room.stores).collection("other")
    assert room.stores.files.hashes() == set()


def draft(text: str, *section: str) -> ChunkDraft:
    return ChunkDraft(text, 0, len(text), None, section)


@pytest.mark.parametrize(
    ("piece", "window", "expected"),
    [
        (draft("It lasts two years."), 50, "It lasts two years."),
        (
            draft("It lasts two years.", "Care", "Battery"),
            50,
            "Care > Battery\nIt lasts two years.",
        ),
        (draft("It lasts two years.", "Care", "Battery"), 8, "Battery\nIt lasts two years."),
        (draft("It lasts two years.", "Care", "Battery"), 7, "It lasts two years."),
        (draft("Battery\n\nTwo years.", "Care", "Battery"), 50, "Care\nBattery\n\nTwo years."),
        (draft("## Battery\n\nTwo years.", "Battery"), 50, "## Battery\n\nTwo years."),
    ],
)
def test_headings_go_along_while_they_fit(piece: ChunkDraft, window: int, expected: str) -> None:
    count = HashingEmbedder().count_tokens
    assert embedding_text(piece, count, window) == expected
