"""The commands with a real model in a real process: ask it, export it, import it, ask it again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backend.processes import ROOT, backend_process

MODELS = ROOT / ".models" / "ollama"
NAME = "smollm2:135m"

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(not (MODELS / "manifests").is_dir(), reason="no bundled models placed"),
]


def ragstone(url: str, *words: str) -> str:
    said = subprocess.run(
        [sys.executable, "-c", "from app.cli import main; main()", "model", *words],
        cwd=ROOT,
        env={**os.environ, "OLLAMA_HOST": url},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return said.stdout


def test_a_model_goes_out_comes_back_and_answers(tmp_path: Path) -> None:
    file = tmp_path / "smol.gguf"
    with backend_process(MODELS) as (_, url):
        assert "134.52M" in ragstone(url, "show", NAME)
        ragstone(url, "export", NAME, str(file))
    modelfile = tmp_path / "Modelfile"
    # cold and short: a model of this size may else talk on for minutes
    modelfile.write_text("FROM again\nPARAMETER temperature 0\nPARAMETER num_predict 20\n")
    with backend_process(tmp_path / "models") as (_, url):
        ragstone(url, "import", str(file), "again")
        ragstone(url, "create", "cold", "-f", str(modelfile))
        words = ("run", "cold", "What is the capital of France?", "--keepalive", "-1s")
        answer = ragstone(url, *words)
        assert answer.strip()
        assert ragstone(url, *words) == answer
        assert "Forever" in ragstone(url, "ps")
        ragstone(url, "stop", "cold")
        assert "cold" not in ragstone(url, "ps")
        ragstone(url, "rm", "again", "cold")
    assert list((tmp_path / "models" / "blobs").iterdir()) == []
