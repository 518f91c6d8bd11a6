"""How the catalogue opens, and what it says when it cannot."""

import gc
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from storage.catalogue import Catalogue
from storage.catalogue.tables import SCHEMA_VERSION, metadata
from storage.errors import StoreUnavailable
from tests.fixtures.store import add_document, completed_document


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def change(url: str, statement: str) -> None:
    with closing(sqlite3.connect(path_of(url))) as connection, connection:
        connection.execute(statement)


def pragma(url: str, name: str) -> object:
    catalogue = Catalogue(url)
    with catalogue._database.reading() as connection:
        value = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
    catalogue.close()
    return value


@pytest.mark.parametrize(
    ("name", "value"),
    [("journal_mode", "wal"), ("foreign_keys", 1), ("synchronous", 2), ("busy_timeout", 15_000)],
)
def test_sqlite_is_set_up_for_safety(catalogue_url: str, name: str, value: object) -> None:
    assert pragma(catalogue_url, name) == value


def test_everything_is_there_after_reopening(catalogue_url: str) -> None:
    first = Catalogue(catalogue_url)
    document = completed_document(first)
    first.close()
    second = Catalogue(catalogue_url)
    assert second.documents.by_id(document.id) == document
    assert len(second.chunks.of_document(document.id)) == 2
    second.close()


def test_closing_leaves_no_log_and_no_open_connection(catalogue_url: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        catalogue = Catalogue(catalogue_url)
        completed_document(catalogue)
        catalogue.close()
        del catalogue
        gc.collect()
    names = {file.name for file in path_of(catalogue_url).parent.iterdir()}
    assert names == {"catalogue.sqlite3"}


@pytest.mark.parametrize(("version", "cure"), [(SCHEMA_VERSION + 1, "Update"), (0, "wrote it")])
def test_another_schema_version_is_refused(catalogue_url: str, version: int, cure: str) -> None:
    Catalogue(catalogue_url).close()
    change(catalogue_url, f"UPDATE schema_version SET version = {version}")
    with pytest.raises(StoreUnavailable, match=f"schema version {version}.*{cure}"):
        Catalogue(catalogue_url)


def test_a_database_of_somebody_else_is_left_alone(catalogue_url: str) -> None:
    change(catalogue_url, "CREATE TABLE documents (mine TEXT)")
    with pytest.raises(StoreUnavailable, match="not Ragstone's"):
        Catalogue(catalogue_url)


def test_a_file_that_is_no_database_is_a_sentence(catalogue_url: str) -> None:
    path_of(catalogue_url).write_bytes(b"no database at all " * 300)
    with pytest.raises(StoreUnavailable, match="backup"):
        Catalogue(catalogue_url)


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("nonsense", "RAGSTONE_DATABASE_URL"),
        ("nodialect://host/db", "RAGSTONE_DATABASE_URL"),
        ("sqlite:////no/such/folder/catalogue.sqlite3", "RAGSTONE_DATA_DIR"),
    ],
)
def test_an_address_that_does_not_open_is_a_sentence(url: str, part: str) -> None:
    with pytest.raises(StoreUnavailable, match=part):
        Catalogue(url)


def test_a_full_disk_is_a_sentence_and_loses_nothing(catalogue_url: str) -> None:
    catalogue = Catalogue(catalogue_url)
    kept = completed_document(catalogue)
    with catalogue._database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="disk is full"):
        completed_document(catalogue, "large.txt", "line\n" * 2000)
    assert catalogue.documents.by_id(kept.id) == kept
    assert len(catalogue.chunks.ids(kept.collection_id)) == 2
    catalogue.close()


def test_a_database_that_another_program_holds_is_a_sentence(
    catalogue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.catalogue.database.BUSY_SECONDS", 0)
    catalogue = Catalogue(catalogue_url)
    with closing(sqlite3.connect(path_of(catalogue_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="Another program"):
            add_document(catalogue)
        assert catalogue.documents.list("default") == ([], None)
    add_document(catalogue)
    catalogue.close()


def test_the_tables_are_good_postgresql_too() -> None:
    dialect = postgresql.dialect()
    for table in metadata.sorted_tables:
        statement = str(CreateTable(table).compile(dialect=dialect))
        assert statement.strip().startswith("CREATE TABLE")
        for index in table.indexes:
            assert "INDEX" in str(CreateIndex(index).compile(dialect=dialect))


def test_importing_storage_is_light() -> None:
    program = (
        "import sys, storage.catalogue, storage.chroma, storage.fts5, storage.audit, storage.lock\n"
        "print([m for m in ('chromadb', 'torch', 'llama_index', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
