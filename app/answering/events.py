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
    """A finished sentence with its verdict; offsets and `so_far` will not change any more."""

    sentence: AnswerSentence
    so_far: str = ""
    """The answer's text up to this sentence and its [n] marks."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The whole answer; always last."""

    answer: Answer


Event = SourcesFound | Token | SentenceChecked | Answered
