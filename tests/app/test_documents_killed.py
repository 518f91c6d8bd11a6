"""Kill -9 of the whole service in mid-ingestion; benchmarks/kill_ingest.py does it twenty times."""

import random
from pathlib import Path

from benchmarks.kill_ingest import Ledger, run_round, verify


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    ledger, chance = Ledger(), random.Random(7)
    run_round(tmp_path / "data", ledger, chance, (0.5, 1.5), real=False)
    assert ledger.acknowledgements > 0
    assert verify(tmp_path / "data", ledger, real=False) == []
