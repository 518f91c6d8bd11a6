"""What can end an evaluation; anything that goes wrong with one case is a `Failure` instead.

EvalError
├── DatasetError    a dataset that cannot be found or read; names file and line
├── CorpusError     the service could not take in the dataset's documents
├── StartError      no service is running and none could be started
└── ResultError     a result file that cannot be read or compared
"""


class EvalError(Exception):
    """Any reason to end a run; the message is a sentence for a person."""


class DatasetError(EvalError):
    """A dataset that cannot be found or read."""


class CorpusError(EvalError):
    """The service could not take in the dataset's documents."""


class StartError(EvalError):
    """No service is running and none could be started."""


class ResultError(EvalError):
    """A result file that cannot be read or compared."""
