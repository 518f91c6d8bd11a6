"""One file per scorer; `standard()` lists those that need no model."""

from evals.scorer import Scorer
from evals.scorers.abstention import Abstention
from evals.scorers.answer import AnswerMatch
from evals.scorers.faithfulness import Faithfulness
from evals.scorers.latency import Latency
from evals.scorers.retrieval import Retrieval


def standard() -> list[Scorer]:
    """Return the scorers of every run, in the order of the report."""
    return [Retrieval(), AnswerMatch(), Abstention(), Faithfulness(), Latency()]
