"""The native shapes of questions, searches and answers on the wire."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from app.answering.events import Answered, Event, SentenceChecked, SourcesFound, Token
from app.answering.records import Answer, AnswerSentence, Question, Source
from app.sse import ServerEvent
from storage.records import DocumentFilter, Passage

LONGEST_QUESTION = 8000
MOST_PASSAGES = 200


def _in_utc(moment: datetime) -> datetime:
    """A time without a zone is meant in UTC."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is outside of the years 1 to 9999 in UTC") from error


Moment = Annotated[datetime, AfterValidator(_in_utc)]
Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_QUESTION)
]
Name = Annotated[str, StringConstraints(max_length=1000)]
"""A name of something; the limit also refuses lone surrogates, which no store can keep."""
TopK = Annotated[int, Field(ge=1, le=MOST_PASSAGES, description="Passages to retrieve.")]


class Filters(BaseModel):
    """Which documents may be searched; every given condition must hold."""

    model_config = ConfigDict(extra="forbid")

    document_ids: list[Name] | None = None
    names: list[Name] | None = Field(None, description="Exact names, or patterns such as *.pdf.")
    media_types: list[Name] | None = Field(None, description="Exact types, or text/*.")
    uploaded_after: Moment | None = None
    uploaded_before: Moment | None = None

    def as_filter(self) -> DocumentFilter:
        """Return the record that storage understands."""
        return DocumentFilter(
            self.document_ids,
            self.names,
            self.media_types,
            self.uploaded_after,
            self.uploaded_before,
        )


class QueryRequest(BaseModel):
    """A question about a collection's documents."""

    question: Words
    collection: Name = "default"
    top_k: TopK | None = None
    mode: Name | None = Field(None, description="hybrid, dense or keyword.")
    strategy: Name | None = None
    model: Name | None = Field(None, description="A model of the backend; default RAGSTONE_MODEL.")
    filters: Filters | None = None
    stream: bool = Field(False, description="Answer as server-sent events.")

    def as_question(self) -> Question:
        """Return the record that the answering understands."""
        return Question(
            text=self.question,
            collection=self.collection,
            top_k=self.top_k,
            mode=self.mode,
            strategy=self.strategy,
            model=self.model,
            filters=self.filters.as_filter() if self.filters else None,
        )


class SearchRequest(BaseModel):
    """A search for passages, without an answer."""

    query: Words
    top_k: TopK | None = None
    mode: Literal["hybrid", "dense", "keyword"] = "hybrid"
    filters: Filters | None = None


class FoundPassage(BaseModel):
    """A retrieved chunk; `ranks` says where each index put it, from 1."""

    chunk_id: str
    document_id: str
    document_name: str
    media_type: str
    text: str
    score: float
    page: int | None
    section: tuple[str, ...]
    start: int
    end: int
    ranks: dict[str, int]
    similarity: float | None

    @classmethod
    def of(cls, passage: Passage) -> "FoundPassage":
        """Return the wire shape of a passage."""
        chunk = asdict(passage.chunk)
        return cls(
            chunk_id=chunk.pop("id"),
            document_name=passage.document_name,
            media_type=passage.media_type,
            score=passage.score,
            ranks=passage.ranks,
            similarity=passage.similarity,
            **chunk,
        )


class FoundPassages(BaseModel):
    """Passages, best first."""

    passages: list[FoundPassage]


_ANSWER = TypeAdapter(Answer)
_SENTENCE = TypeAdapter(AnswerSentence)
_SOURCES = TypeAdapter(tuple[Source, ...])


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return the Answer object of the HTTP API."""
    shaped: dict[str, Any] = _ANSWER.dump_python(answer, mode="json")
    return shaped


def server_event(event: Event) -> ServerEvent:
    """Return the server-sent event of an answering event."""
    match event:
        case SourcesFound(sources=sources):
            return ServerEvent("sources", {"sources": _SOURCES.dump_python(sources, mode="json")})
        case Token(text=text):
            return ServerEvent("token", {"text": text})
        case SentenceChecked(sentence=sentence):
            return ServerEvent("sentence", _SENTENCE.dump_python(sentence, mode="json"))
        case Answered(answer=answer):
            return ServerEvent("answer", answer_json(answer))
