"""Collections: the knowledge bases, and which embedding model fills each."""

import re
import unicodedata
from datetime import UTC, datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage.catalogue.database import Database
from storage.catalogue.rows import from_embedding, select_collections, to_collection, to_embedding
from storage.catalogue.tables import collections, documents, dropped_collections, leftovers
from storage.errors import CollectionExists, EmbeddingMismatch, InvalidName, UnknownCollection
from storage.ids import new_id
from storage.records import Collection, EmbeddingIdentity

DEFAULT_COLLECTION = "default"
CollectionList = list[Collection]  # inside the class `list` is the method
_NAME = re.compile(r"[^\W_][\w.-]{0,62}")


class Collections:
    """The collections of the catalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, description: str = "") -> Collection:
        """Make a collection. Raises InvalidName or CollectionExists."""
        name = checked_name(name)
        row = {
            "id": new_id(),
            "name": name,
            "description": description,
            "created_at": datetime.now(UTC),
            "embedding": None,
        }
        try:
            with self._database.writing() as connection:
                connection.execute(insert(collections).values(row))
        except IntegrityError as error:
            raise CollectionExists(f"There is a collection named “{name}” already.") from error
        return to_collection({**row, "documents": 0})

    def ensure(self, name: str) -> Collection:
        """Return the collection of that name, made now where there was none."""
        try:
            return self.get(name)
        except UnknownCollection:
            pass
        try:
            return self.create(name)
        except CollectionExists:
            return self.get(name)

    def get(self, name: str) -> Collection:
        """Return the collection of that name. Raises UnknownCollection."""
        name = unicodedata.normalize("NFC", name)
        with self._database.reading() as connection:
            query = select_collections().where(collections.c.name == name)
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise UnknownCollection(
                f"There is no collection named “{name}”. GET /v1/collections lists those there are."
            )
        return to_collection(row)

    def list(self) -> CollectionList:
        """Return every collection, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select_collections().order_by(collections.c.name))
            return [to_collection(row) for row in rows.mappings()]

    def delete(self, name: str) -> Collection:
        """Delete a collection with its documents, chunks and jobs; return what it was.

        Its id is remembered until `storage.sweep` has dropped it from the indexes too.
        Raises UnknownCollection.
        """
        collection = self.get(name)
        with self._database.writing() as connection:
            gone = connection.execute(delete(collections).where(collections.c.id == collection.id))
            if gone.rowcount:
                connection.execute(
                    delete(leftovers).where(leftovers.c.collection_id == collection.id)
                )
                connection.execute(insert(dropped_collections).values(id=collection.id))
        return collection

    def set_embedding(self, collection_id: str, identity: EmbeddingIdentity) -> None:
        """Remember which model fills the collection; the same model again changes nothing.

        Two identities are the same when content hash and dimensions are: a model's name may
        be a folder today and a hub name tomorrow. Raises EmbeddingMismatch, UnknownCollection.
        """
        with self._database.writing() as connection:
            query = select(collections.c.name, collections.c.embedding)
            query = query.where(collections.c.id == collection_id).with_for_update()
            row = connection.execute(query).one_or_none()
            if row is None:
                raise UnknownCollection("The collection has been deleted meanwhile.")
            present = to_embedding(row.embedding)
            if present is None:
                change = update(collections).where(collections.c.id == collection_id)
                connection.execute(change.values(embedding=from_embedding(identity)))
            elif not _same_model(present, identity):
                raise EmbeddingMismatch(_mismatch(row.name, present, identity))

    def hashes(self, collection_id: str) -> set[str]:
        """Return the sha256 of every document of the collection, failed ones included."""
        query = select(documents.c.sha256).where(documents.c.collection_id == collection_id)
        with self._database.reading() as connection:
            return set(connection.scalars(query))


def checked_name(name: str) -> str:
    """Return the name in Unicode's NFC form. Raises InvalidName."""
    name = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(name):
        raise InvalidName(
            f"“{name[:80]}” cannot name a collection: use 1 to 63 letters, digits, dots, hyphens "
            "and underscores, the first a letter or digit."
        )
    return name


def _same_model(one: EmbeddingIdentity, other: EmbeddingIdentity) -> bool:
    return (one.content_hash, one.dimensions) == (other.content_hash, other.dimensions)


def _mismatch(name: str, present: EmbeddingIdentity, asked: EmbeddingIdentity) -> str:
    return (
        f"Collection “{name}” was filled by embedding model {present.model} "
        f"({present.dimensions} dimensions, {present.content_hash[:12]}), and this service runs "
        f"{asked.model} ({asked.dimensions} dimensions, {asked.content_hash[:12]}): their vectors "
        "cannot be compared. Set RAGSTONE_EMBEDDING_MODEL back, or make a new collection."
    )
