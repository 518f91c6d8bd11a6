"""Random lives of documents against a model of a few lines: what must answer, answers."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from storage.audit import audit
from storage.catalogue import Catalogue
from storage.errors import DuplicateDocument, UnknownDocument
from storage.files import FileStore
from storage.fts5 import Fts5Index
from storage.memory import MemoryIndex
from storage.records import Document, DocumentStatus, Fault
from storage.sweep import sweep
from tests.fixtures.store import Store, publish_document

NAMES = st.sampled_from(["a.txt", "b.txt", "手册.txt"])
CONTENTS = st.sampled_from(["pump", "pump\nvalve", "filter", "保修\n两年\nwarranty"])


class DocumentLives(RuleBasedStateMachine):
    """Uploads, publishes, fails, cancels, deletes; the model is two dicts by name."""

    underway = Bundle("underway")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        place = Path(self.folder.name)
        url = f"sqlite:///{place / 'catalogue.sqlite3'}"
        self.store = Store(
            Catalogue(url),
            MemoryIndex(),
            Fts5Index(place / "keyword.sqlite3"),
            FileStore(place / "files"),
            url,
        )
        self.answering: dict[str, tuple[str, str]] = {}
        self.coming: dict[str, tuple[str, str]] = {}
        self.aliases: dict[str, str] = {}

    def teardown(self) -> None:
        self.store.keywords.close()
        self.store.catalogue.close()
        self.folder.cleanup()

    @rule(target=underway, name=NAMES, content=CONTENTS)
    def upload(self, name: str, content: str) -> tuple[Document, str]:
        try:
            document = self.store.take_in(name, content)
        except DuplicateDocument as duplicate:
            first = duplicate.document
            assert (first.id, content) in [*self.answering.values(), *self.coming.values()]
            if first.name != name:
                self.aliases[name] = first.id
            elif self.coming.get(name, ("", ""))[0] != first.id:
                self.give_way(self.coming, name)
            return first, content
        replaced = self.answering.get(name)
        assert document.replaces == (replaced[0] if replaced else None)
        self.give_way(self.coming, name, document.id)
        self.coming[name] = (document.id, content)
        return document, content

    def give_way(
        self, place: dict[str, tuple[str, str]], name: str, newcomer: str | None = None
    ) -> None:
        """Whoever has the name there goes, or lives on under a further name that is free."""
        if name not in place:
            return
        document_id, content = place.pop(name)
        taken = {*self.answering, *self.coming} | ({name} if newcomer else set())
        free = sorted(n for n, i in self.aliases.items() if i == document_id and n not in taken)
        if free:
            place[free[0]] = (document_id, content)
            del self.aliases[free[0]]
        else:
            self.aliases = {n: i for n, i in self.aliases.items() if i != document_id}

    def name_in(self, place: dict[str, tuple[str, str]], document: Document) -> str | None:
        return next((n for n, (i, _) in place.items() if i == document.id), None)

    @rule(taken=underway)
    def publish(self, taken: tuple[Document, str]) -> None:
        document, content = taken
        wanted = self.is_wanted(document)
        try:
            self.store.index(document, content)
            publish_document(self.store.catalogue, document, content)
        except UnknownDocument:
            assert not wanted
            self.store.vectors.delete(
                document.collection_id, [f"{document.id}-{n}" for n in range(3)]
            )
            self.store.keywords.delete(
                document.collection_id, [f"{document.id}-{n}" for n in range(3)]
            )
            return
        assert wanted
        name = self.name_in(self.coming, document)
        if name is None:
            return  # published before
        self.aliases.pop(name, None)
        if name in self.answering:
            self.give_way(self.answering, name)
        self.answering[name] = self.coming.pop(name)

    def is_wanted(self, document: Document) -> bool:
        return any(self.name_in(place, document) for place in (self.answering, self.coming))

    @rule(taken=underway)
    def index_and_stop(self, taken: tuple[Document, str]) -> None:
        """A process dies between filling the indexes and publishing, and starts again."""
        document, content = taken
        if self.name_in(self.coming, document):
            self.store.index(document, content)
            self.store.sweep(include_staged=True)

    @rule(taken=underway, how=st.sampled_from(["cancel", "fail", "give up", "retry"]))
    def end(self, taken: tuple[Document, str], how: str) -> None:
        document, _ = taken
        jobs, fault = self.store.catalogue.jobs, Fault("unreadable", "Damaged.")
        if not self.is_wanted(document):
            return
        if how == "cancel":
            jobs.cancel(str(document.job_id))
        elif how == "fail":
            self.store.catalogue.documents.fail(document.id, fault)
        else:
            jobs.fail(str(document.job_id), fault, retry=how == "retry")
        if how != "retry":
            self.gone(self.coming, document)

    @rule(taken=consumes(underway))
    def delete(self, taken: tuple[Document, str]) -> None:
        document, _ = taken
        try:
            self.store.catalogue.documents.delete(document.id)
        except UnknownDocument:
            assert not self.is_wanted(document)
        for place in (self.answering, self.coming):
            self.gone(place, document)

    def gone(self, place: dict[str, tuple[str, str]], document: Document) -> None:
        if name := self.name_in(place, document):
            del place[name]

    @rule()
    def restart(self) -> None:
        self.store.catalogue.close()
        self.store.catalogue = Catalogue(self.store.url)

    @invariant()
    def the_newest_published_version_of_each_name_answers(self) -> None:
        catalogue = self.store.catalogue
        completed, _ = catalogue.documents.list("default", DocumentStatus.COMPLETED)
        assert {d.name: d.id for d in completed} == {n: i for n, (i, _) in self.answering.items()}
        for document in completed:
            text, _ = catalogue.chunks.text(document.id)
            assert text == self.answering[document.name][1]
            chunks = [chunk.text for chunk in catalogue.chunks.of_document(document.id)]
            assert chunks == text.split("\n")

    @invariant()
    def nothing_is_off_once_swept(self) -> None:
        store = self.store
        sweep(store.catalogue, store.vectors, store.keywords)
        report = audit(store.catalogue, store.vectors, store.keywords, store.files)
        assert [
            s
            for s in report.sentences
            if "original file of no" not in s and "original files of no" not in s
        ] == []
        collection = store.catalogue.collections.get("default")
        staged = store.catalogue.census.staged(collection.id)
        answering = store.catalogue.chunks.ids(collection.id)
        assert store.vectors.ids(collection.id) - staged == answering
        assert store.keywords.ids(collection.id) - staged == answering


TestDocumentLives = DocumentLives.TestCase
TestDocumentLives.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
