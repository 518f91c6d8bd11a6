"""Further names of a document: the same bytes sent under another name are kept once.

Whoever sent them was told that they are there. So when the first name gets new bytes, the
document lives on under its next name instead of going away.
"""

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection

from storage.catalogue.tables import aliases, documents
from storage.catalogue.underway import LIVE
from storage.records import Document


def remember_alias(connection: Connection, document: Document, name: str) -> None:
    """Write down that the document's bytes came under this name too."""
    forget_alias(connection, document.collection_id, name)
    connection.execute(
        insert(aliases).values(
            collection_id=document.collection_id, name=name, document_id=document.id
        )
    )


def forget_alias(connection: Connection, collection_id: str, name: str) -> None:
    """Strike a name out: other bytes answer to it now."""
    connection.execute(
        delete(aliases).where(aliases.c.collection_id == collection_id, aliases.c.name == name)
    )


def lives_on(connection: Connection, document_id: str) -> bool:
    """Give a document its next name, if it has one that no other document uses."""
    used = select(documents.c.id).where(
        documents.c.collection_id == aliases.c.collection_id,
        documents.c.name == aliases.c.name,
        documents.c.status.in_(LIVE),
    )
    query = select(aliases).where(aliases.c.document_id == document_id, ~used.exists())
    alias = connection.execute(query.order_by(aliases.c.name).limit(1)).mappings().one_or_none()
    if alias is None:
        return False
    forget_alias(connection, alias["collection_id"], alias["name"])
    connection.execute(
        update(documents)
        .where(documents.c.id == document_id)
        .values(name=alias["name"], replaces=None)
    )
    return True
