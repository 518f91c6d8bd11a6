"""Figures of the tree: sizes of files and functions, and tests beside code, by room."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("app", "ingest", "storage", "backend", "evals")
LONG_FILE, LONG_FUNCTION = 300, 50


def lines_of(path: Path) -> int:
    """Return the lines of a file that are not blank."""
    return sum(1 for line in path.read_text("utf-8").splitlines() if line.strip())


def functions_of(path: Path) -> Iterator[int]:
    """Yield the length of each function, first to last line."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1


def row(name: str, code: list[Path], tests: list[Path]) -> str:
    """Return a table row for these files and the tests that go with them."""
    sizes = [len(path.read_text("utf-8").splitlines()) for path in code]
    functions = sorted(length for path in code for length in functions_of(path))
    written, tested = sum(map(lines_of, code)), sum(map(lines_of, tests))
    long_files = sum(size > LONG_FILE for size in sizes)
    long_functions = sum(length > LONG_FUNCTION for length in functions)
    return (
        f"| {name} | {len(code)} | {written:,} | {max(sizes)} | {long_files} | "
        f"{median(functions):.0f} | {functions[-1]} | {long_functions} | "
        f"{tested:,} | {tested / written:.2f} |"
    )


def main() -> None:
    """Print the table."""
    print(
        "| room | files | code lines | longest file | over 300 | median function | longest "
        "| over 50 | test lines | per code line |"
    )
    print("| --- |" + " ---: |" * 9)
    for room in ROOMS:
        code = sorted((ROOT / room).rglob("*.py"))
        print(row(room, code, sorted((ROOT / "tests" / room).rglob("*.py"))))
    every = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    print(row("all, with scripts' tests", every, sorted((ROOT / "tests").rglob("*.py"))))


if __name__ == "__main__":
    main()
