"""What happens while a question is answered, as a sequence of typed events."""

from dataclasses import dataclass

from app.answering.records import Answer, AnswerSentence, Source


@dataclass(frozen=True, slots=True)
class SourcesFound:
    """The passages that the answer will rest on; always first."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer's text as it comes."""

    text: str


@dataclass(frozen=True, slots=True)
class SentenceChecked:
    """A finished sentence with its verdict."""

    sentence: AnswerSentence


@dataclass(frozen=True, slots=True)
class Answered:
    """The whole answer; always last."""

    answer: Answer


Event = SourcesFound | Token | SentenceChecked | Answered
