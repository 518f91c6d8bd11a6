"""Do the passages support what was said? The service's own verdicts, sentence by sentence.

The judge (evals.judge) is the second opinion, by a model.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from evals.records import Case, Exchange, Score

METRICS = ("faithfulness", "unsupported")


@dataclass(frozen=True)
class Faithfulness:
    """`faithfulness`: share of checked sentences that are supported; `unsupported`: that are not.

    What is partly supported counts in neither.
    """

    name: str = "faithfulness"
    version: str = "1"

    def score(self, case: Case, exchange: Exchange) -> Mapping[str, Score]:
        """Return both shares; unscored for an abstention or when nothing was checked."""
        if exchange.abstained:
            return {name: Score.unscored("nothing was claimed") for name in METRICS}
        checked = [s.verdict for s in exchange.sentences if s.verdict != "not_checked"]
        if not checked:
            return {name: Score.unscored("no sentence was checked") for name in METRICS}
        return {
            "faithfulness": Score(checked.count("supported") / len(checked)),
            "unsupported": Score(checked.count("unsupported") / len(checked)),
        }
