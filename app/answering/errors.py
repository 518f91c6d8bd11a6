"""What can go wrong on the question's way.

AnsweringError
├── BackendUnavailable   the model server does not answer
├── BackendFailed        the model server answered with an error, or died in mid-answer
├── UnknownModel         the backend does not have that model
├── UnknownStrategy      no strategy (or search mode) of that name
└── NotReady             the embedding model is still loading
"""


class AnsweringError(Exception):
    """Any failure on the question's way; the message is a sentence for a person."""


class BackendUnavailable(AnsweringError):
    """The model server cannot be reached."""


class BackendFailed(AnsweringError):
    """The model server answered with an error, or broke off in mid-answer."""


class UnknownModel(AnsweringError):
    """The backend does not have that model."""


class UnknownStrategy(AnsweringError):
    """No strategy or search mode of that name; the message lists the known ones."""


class NotReady(AnsweringError):
    """The embedding model is still loading."""
