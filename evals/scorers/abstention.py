"""Does it keep silent when it should, and only then?"""

from collections.abc import Mapping
from dataclasses import dataclass

from evals.records import Case, Exchange, Score


@dataclass(frozen=True)
class Abstention:
    """`right_abstention` over the unanswerable, `wrong_abstention` over the answerable."""

    name: str = "abstention"
    version: str = "1"

    def score(self, case: Case, exchange: Exchange) -> Mapping[str, Score]:
        """Return 1 for an abstention in the metric that the case belongs to."""
        value = Score(float(exchange.abstained))
        if case.answerable:
            return {
                "right_abstention": Score.unscored("the case is answerable"),
                "wrong_abstention": value,
            }
        return {
            "right_abstention": value,
            "wrong_abstention": Score.unscored("the case is not answerable"),
        }
