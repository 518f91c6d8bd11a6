"""Every known attack has a case in this folder that carries its number."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
# What was found in Ollama up to its version 0.33, and what each is about.
KNOWN = {
    "2024-37032": "a digest that is a path",
    "2024-28224": "DNS rebinding",
    "2024-39719": "errors that tell whether a file exists",
    "2024-39720": "a GGUF file of four bytes",
    "2024-39721": "a model file without an end",
    "2024-39722": "a name that is a path, pushed",
    "2024-45436": "an archive that unpacks elsewhere",
    "2024-8063": "a block count of zero",
    "2025-0317": "an alignment of zero",
    "2024-12055": "reads beyond the end of a GGUF file",
    "2024-7773": "the same, while a model is made",
    "2024-12886": "a gzip bomb from a registry",
    "2025-0315": "giant arrays in a GGUF file",
    "2025-0312": "keys that are missing or of another type",
    "2025-1975": "a malformed manifest",
    "2025-44779": "a pull that removes other files",
    "2025-51471": "a token for a stranger",
    "2025-63389": "no authentication",
    "2025-66959": "lengths of texts in a GGUF file",
    "2025-66960": "lengths of arrays in a GGUF file",
    "2025-15514": "crafted pictures",
    "2026-7482": "tensors beyond the end of the file",
    "issue 17042": "metadata without a bound",
}


@pytest.mark.parametrize("number", KNOWN)
def test_it_has_a_case(number: str) -> None:
    cases = "".join(path.read_text() for path in FOLDER.glob("test_*.py") if path != Path(__file__))
    spelt = re.escape(number).replace(r"\-", "[-_]").replace(r"\ ", "[ _]")
    assert re.search(f"(?i)(def test_(cve_)?|CVE-){spelt}", cases), KNOWN[number]
