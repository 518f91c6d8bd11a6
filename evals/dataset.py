"""Evaluation datasets: JSON lines with a fixed schema, and beside them the documents asked about.

A dataset is a folder with `cases.jsonl` and, if it brings its documents, `corpus/`; a .jsonl
file alone also works, with a `corpus/` beside it used when there is one. A line is one object:

    id          string, unique, required
    question    string, required
    answers     list of strings, the acceptable answers; may be empty for what is not answerable
    sources     list of {document, page?, quote?}: file name, page from 1, words literally there
    answerable  true or false, default true; an answerable case has an answer or a source
    language    ISO 639-1 code, default "en"
    tags        list of strings, for the report's breakdown

An unknown field is an error: it is a typing mistake more often than an intention.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.errors import DatasetError
from evals.records import Case, GoldSource

SHIPPED = Path(__file__).parent / "datasets"
FIELDS = {"id", "question", "answers", "sources", "answerable", "language", "tags"}
SOURCE_FIELDS = {"document", "page", "quote"}


@dataclass(frozen=True, slots=True)
class Dataset:
    """Cases and their documents. `version` is a hash of both, `corpus_version` of the latter."""

    name: str
    version: str
    cases: tuple[Case, ...]
    corpus: tuple[Path, ...] = ()
    corpus_version: str = ""


def shipped() -> list[str]:
    """Return the names of the datasets that come with Ragstone."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/cases.jsonl"))


def load(name_or_path: str) -> Dataset:
    """Load a shipped dataset by name, or a folder or file by path; DatasetError says why not."""
    path = _cases_file(name_or_path)
    try:
        raw = path.read_bytes()
        cases = tuple(_cases(raw.decode("utf-8"), path))
    except (OSError, UnicodeDecodeError) as exc:
        raise DatasetError(f"{path} cannot be read: {exc}") from exc
    if not cases:
        raise DatasetError(f"{path} holds no case")
    corpus = tuple(sorted(p for p in (path.parent / "corpus").glob("*") if p.is_file()))
    corpus_digest = hashlib.sha256()
    for document in corpus:
        corpus_digest.update(document.name.encode() + b"\0" + document.read_bytes() + b"\0")
    name = path.parent.name if path.name == "cases.jsonl" else path.stem
    return Dataset(
        name=name,
        version=hashlib.sha256(raw + corpus_digest.digest()).hexdigest()[:12],
        cases=cases,
        corpus=corpus,
        corpus_version=corpus_digest.hexdigest()[:12] if corpus else "",
    )


def _cases_file(name_or_path: str) -> Path:
    if name_or_path in shipped():
        return SHIPPED / name_or_path / "cases.jsonl"
    path = Path(name_or_path)
    if path.is_dir():
        path = path / "cases.jsonl"
    if not path.is_file():
        raise DatasetError(
            f"{name_or_path!r} is neither a shipped dataset ({', '.join(shipped())}) "
            "nor a .jsonl file nor a folder with a cases.jsonl"
        )
    return path


def _cases(text: str, path: Path) -> Iterator[Case]:
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        case = _case(_object(line, where), where)
        if case.id in seen:
            raise DatasetError(f"{where}: id {case.id!r} already stands in line {seen[case.id]}")
        seen[case.id] = number
        yield case


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as exc:
        raise DatasetError(f"{where}, column {exc.colno}: not JSON: {exc.msg}") from exc
    if not isinstance(value, dict):
        raise DatasetError(f"{where}: a case is a JSON object, not {type(value).__name__}")
    return value


def _case(raw: dict[str, Any], where: str) -> Case:
    _known(raw, FIELDS, where)
    sources = _field(raw, "sources", list, where, default=[])
    case = Case(
        id=_field(raw, "id", str, where),
        question=_field(raw, "question", str, where),
        answers=_strings(raw, "answers", where),
        sources=tuple(_source(item, where) for item in sources),
        answerable=_field(raw, "answerable", bool, where, default=True),
        language=_field(raw, "language", str, where, default="en"),
        tags=_strings(raw, "tags", where),
    )
    if not case.id or not case.question.strip():
        raise DatasetError(f"{where}: id and question may not be empty")
    if case.answerable and not (case.answers or case.sources):
        raise DatasetError(f"{where}: an answerable case needs an answer or a source")
    if not case.answerable and (case.answers or case.sources):
        raise DatasetError(f"{where}: what is not answerable has neither answers nor sources")
    return case


def _source(raw: Any, where: str) -> GoldSource:
    if not isinstance(raw, dict):
        raise DatasetError(f"{where}: a source is an object with a `document`")
    _known(raw, SOURCE_FIELDS, where)
    page = raw.get("page")
    if page is not None and (not isinstance(page, int) or page < 1):
        raise DatasetError(f"{where}: `page` counts from 1, got {page!r}")
    quote = _field(raw, "quote", str, where) if "quote" in raw else None
    return GoldSource(_field(raw, "document", str, where), page, quote)


def _known(raw: dict[str, Any], fields: set[str], where: str) -> None:
    unknown = sorted(set(raw) - fields)
    if unknown:
        raise DatasetError(
            f"{where}: unknown field {unknown[0]!r}; known are {', '.join(sorted(fields))}"
        )


def _strings(raw: dict[str, Any], name: str, where: str) -> tuple[str, ...]:
    values = _field(raw, name, list, where, default=[])
    if not all(isinstance(value, str) and value for value in values):
        raise DatasetError(f"{where}: `{name}` is a list of strings that are not empty")
    return tuple(values)


def _field(raw: dict[str, Any], name: str, kind: type, where: str, default: Any = None) -> Any:
    if name not in raw:
        if default is None:
            raise DatasetError(f"{where}: `{name}` is missing")
        return default
    if not isinstance(raw[name], kind):
        wanted = {"str": "a string", "list": "a list", "bool": "true or false"}[kind.__name__]
        raise DatasetError(f"{where}: `{name}` must be {wanted}")
    return raw[name]
