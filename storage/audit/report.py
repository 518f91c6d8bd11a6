"""What an audit found: plain values, so that it can be shown as JSON as it is."""

from dataclasses import dataclass

from storage.records import Document


@dataclass(frozen=True, slots=True)
class Mention:
    """A document that something is wrong with."""

    id: str
    name: str
    collection: str

    @classmethod
    def of(cls, document: Document) -> "Mention":
        """Return the mention of a document."""
        return cls(document.id, document.name, document.collection)


@dataclass(frozen=True, slots=True)
class IndexAudit:
    """One index of one collection, as chunk ids; `fault` is why it could not be read at all.

    `unreachable` are stored vectors, of a sample, that a search for themselves does not find.
    """

    index: str
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    fault: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the index holds exactly what the catalogue does."""
        return not (self.missing or self.extra or self.unreachable or self.fault)


@dataclass(frozen=True, slots=True)
class CollectionAudit:
    """A collection, how many documents and chunks answer in it, and how its indexes stand."""

    id: str
    name: str
    documents: int
    chunks: int
    vectors: IndexAudit
    keywords: IndexAudit


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was counted, what is off, and the same in sentences (none where all is well).

    `stray_collections` are ids of index spaces that no collection owns, `orphan_files` hashes
    of originals that no document owns.
    """

    collections: tuple[CollectionAudit, ...]
    files: int
    stray_collections: tuple[str, ...] = ()
    incomplete_documents: tuple[Mention, ...] = ()
    stuck_documents: tuple[Mention, ...] = ()
    missing_files: tuple[Mention, ...] = ()
    orphan_files: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is off."""
        return not self.sentences


def sentences_of(report: AuditReport) -> tuple[str, ...]:
    """Return what is off, a sentence each, with what to do where --fix cannot do it."""
    found: list[str] = []
    for collection in report.collections:
        for index in (collection.vectors, collection.keywords):
            found += _of_index(collection.name, index)
    if report.stray_collections:
        found.append(f"Indexes hold {_count(report.stray_collections, 'unknown collection')}.")
    if report.stuck_documents:
        found.append(f"{_count(report.stuck_documents, 'document')} under way without a job.")
    if report.orphan_files:
        found.append(f"{_count(report.orphan_files, 'original file')} of no document.")
    found += [
        f"“{mention.name}” in “{mention.collection}” has lost its text or some of its chunks: "
        "delete it and upload it again."
        for mention in report.incomplete_documents
    ]
    found += [
        f"“{mention.name}” in “{mention.collection}” has lost its original file; what was read "
        "from it is still there. To have the file back, delete it and upload it again."
        for mention in report.missing_files
    ]
    return tuple(found)


def _of_index(collection: str, audited: IndexAudit) -> list[str]:
    where = f"the {audited.index} index of “{collection}”"
    found = []
    if audited.fault:
        found.append(f"It is not possible to read {where}. {audited.fault}")
    if audited.missing:
        found.append(f"{_count(audited.missing, 'chunk')} missing from {where}.")
    if audited.extra:
        found.append(f"{_count(audited.extra, 'chunk')} of no document in {where}.")
    if audited.unreachable:
        found.append(f"{_count(audited.unreachable, 'chunk')} cannot be reached in {where}.")
    return found


def _count(things: tuple[object, ...], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
