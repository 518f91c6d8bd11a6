"""The shape of the tree: which way imports go, who knows which library, how long things get."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("app", "ingest", "storage", "backend", "evals")
TOOLS = ("scripts", "benchmarks")

ARROWS: dict[str, tuple[str, ...]] = {
    "app": ("app", "ingest", "storage"),
    "ingest": ("ingest", "storage"),
    "storage": ("storage",),
    "backend": ("backend",),
    "evals": ("evals", "app.client"),  # asks a service over HTTP, as anybody may
}
# the doors through which the service starts an evaluation, and a person the backend's commands
DOORS = {
    "app/commands/evaluate.py": "evals",
    "app/commands/model.py": "backend.commands.cli",
    "app/commands/processes.py": "backend.environment",
    "app/nightly.py": "evals",
}

ONE_KNOWS: dict[str, tuple[str, ...]] = {
    # library: the files, or folders, that may import it
    "PIL": ("backend/answers/images.py",),
    "aiohttp": ("backend/engine/llama_client.py",),
    "bs4": ("ingest/loaders/html.py",),
    "charset_normalizer": ("ingest/loaders/text.py",),
    "chromadb": ("storage/chroma.py",),
    "cryptography": ("backend/registry/keys.py",),
    "docx": ("ingest/loaders/docx.py",),
    "gotpl": ("backend/prompts/go_",),
    "httpx_sse": ("app/client/transport.py",),
    "huey": ("ingest/jobs.py",),
    "llama_index.core": ("app/answering/llama_index_chat.py", "evals/judge.py"),
    "llama_index.embeddings": ("ingest/hf_embed.py",),
    "llama_index.llms": ("app/answering/llama_index_chat.py", "evals/judge.py"),
    "ik_llama_cpp": ("backend/engine/ik_model.py",),
    "jinja2": ("backend/engine/jinja_template.py", "evals/report.py"),
    "lxml": ("ingest/loaders/",),
    "markdown_it": ("ingest/loaders/markdown.py",),
    "ollama": ("app/answering/", "evals/judge.py"),
    "prompt_toolkit": ("backend/commands/chat/",),
    "pypdf": ("ingest/loaders/pdf.py",),
    "pypdfium2": ("ingest/loaders/pdf.py",),
    "rich": ("app/commands/", "backend/commands/", "evals/cli.py", "evals/terminal.py"),
    "sentence_transformers": ("ingest/hf_embed.py",),
    "sqlalchemy": ("storage/catalogue/",),
    "tokenizers": ("ingest/hf_embed.py",),
    "torch": ("ingest/hf_embed.py",),
    "transformers": ("ingest/hf_embed.py",),
    "typer": ("app/cli.py", "app/commands/", "backend/commands/", "evals/cli.py"),
    "uvicorn": (
        "app/commands/serve.py",
        "backend/__main__.py",
        "backend/main.py",
        "backend/web/request_head.py",
    ),
    "xllamacpp": ("backend/engine/llama_child.py", "backend/engine/quantize_child.py"),
}
HEAVY = (
    *("torch", "transformers", "sentence_transformers", "llama_index", "chromadb"),
    *("xllamacpp", "ik_llama_cpp", "gotpl"),
)
BANNED = re.compile(r"(^|_)(manager|managers|helper|helpers|util|utils|misc|base|common)(_|$)")
FOREIGN = re.compile(
    r"/work/|/tmp/|/farm/|\bpypi\.org|pythonhosted|registry\.npmjs|deb\.debian\.org", re.IGNORECASE
)
LONGEST_FILE, LONGEST_FUNCTION, MEDIAN_FUNCTION = 300, 50, 10


def sources(*rooms: str) -> list[Path]:
    return sorted(chain.from_iterable((ROOT / room).rglob("*.py") for room in rooms))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[str]:
    """Full names of what a file imports; `from a import b` is `a.b`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name(path)}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_one_way(room: str) -> None:
    wrong = [
        f"{name(path)} imports {module}"
        for path in sources(room)
        for module in imports(path)
        if module.split(".")[0] in (*ROOMS, *TOOLS, "tests")
        and not any(within(module, allowed) for allowed in ARROWS[room])
        and not within(module, DOORS.get(name(path), room))
    ]
    assert wrong == []


@pytest.mark.parametrize("library", ONE_KNOWS)
def test_few_files_know_an_outside_library(library: str) -> None:
    wrong = [
        name(path)
        for path in sources(*ROOMS)
        if any(within(module, library) for module in imports(path))
        and not name(path).startswith(ONE_KNOWS[library])
    ]
    assert wrong == []


def test_no_file_is_long() -> None:
    lengths = {name(path): path.read_text().count("\n") for path in sources(*ROOMS, *TOOLS)}
    assert {file: lines for file, lines in lengths.items() if lines >= LONGEST_FILE} == {}


def test_functions_are_short() -> None:
    lengths = {
        f"{name(path)}:{function.name}": length(function)
        for path in sources(*ROOMS, *TOOLS)
        for function in functions(path)
    }
    assert {at: lines for at, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}
    assert median(lengths.values()) <= MEDIAN_FUNCTION


def test_names_say_something() -> None:
    named = [
        f"{name(path)}: {word}"
        for path in sources(*ROOMS, *TOOLS)
        for word in (
            *path.relative_to(ROOT).with_suffix("").parts,
            *(node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)),
            *(function.name for function in functions(path)),
        )
        if BANNED.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower())
    ]
    assert named == []


def swallows(handler: ast.ExceptHandler) -> bool:
    """Whether the handler ends the error; one that cleans up and raises it again does not."""
    last = handler.body[-1]
    return not (isinstance(last, ast.Raise) and last.exc is None)


def reason(line: str) -> bool:
    """Whether the line has a comment that is more than a mark for the linter."""
    comment = re.sub(r"noqa: [A-Z0-9, ]+", "", line.partition("#")[2])
    return re.search("[a-z]{3}", comment) is not None


def test_a_broad_except_gives_its_reason() -> None:
    silent = []
    for path in sources(*ROOMS, *TOOLS):
        lines = path.read_text().splitlines()
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.ExceptHandler) or not swallows(node):
                continue
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            near = lines[node.lineno - 1 : node.lineno + 1]  # beside it, or the line below
            if broad and not any(map(reason, near)):
                silent.append(f"{name(path)}:{node.lineno}")
    assert silent == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [name(path) for path in sources(*ROOMS, *TOOLS) if not ast.get_docstring(tree(path))]
    assert silent == []


@pytest.mark.parametrize("module", ["app.cli", "backend.main", "app.client", "ingest.load_child"])
def test_what_must_start_fast_imports_nothing_heavy(module: str) -> None:
    look = f"import sys, {module}; print(*(m for m in {HEAVY!r} if m in sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == ""


def test_nothing_of_one_machine_is_in_the_repository() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    wrong = []
    for file in filter(None, listed.stdout.split("\0")):
        path = ROOT / file
        if path == Path(__file__) or not path.is_file():
            continue
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        wrong += [f"{file}:{n}" for n, line in enumerate(lines, 1) if FOREIGN.search(line)]
    assert wrong == []
