"""The shape of the house, read from the source: floors, cycles, sizes, names.

The rules are those of docs/architecture.md. They are tests because a rule that nothing checks is a
wish.
"""

import ast
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
#: Each floor with the floors it may use beside itself.
FLOORS: dict[str, frozenset[str]] = {
    "huiying": frozenset({"handlers", "admin", "bot", "knowledge"}),
    "handlers": frozenset({"admin", "bot", "knowledge"}),
    "admin": frozenset({"bot", "knowledge"}),
    "bot": frozenset(),
    "knowledge": frozenset(),
}
MAX_FILE_LINES = 400
#: Alembic writes these, one long step after another; nobody edits a migration once it is out.
WRITTEN_BY_ALEMBIC = ROOT / "huiying" / "migrations" / "versions"
MAX_FUNCTION_LINES = 50
MEDIAN_FUNCTION_LINES = 10
P90_FUNCTION_LINES = 25
#: Functions that import what a string names.
IMPORTERS = ("import_module", "__import__")
SHAPELESS_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file of ours; ``name`` is how it is imported."""

    name: str
    path: Path
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def floor(self) -> str:
        return self.name.split(".")[0]

    @property
    def package(self) -> str:
        """The package that this file's relative imports start from."""
        is_package = self.path.name == "__init__.py"
        return self.name if is_package else self.name.rpartition(".")[0]


@cache
def modules() -> dict[str, Module]:
    """Every file of the five floors by its dotted name."""
    return {module.name: module for floor in FLOORS for module in _modules_below(ROOT / floor)}


def _modules_below(directory: Path) -> Iterator[Module]:
    for path in sorted(directory.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Module(name, path, path.read_text(encoding="utf-8"))


def imports(module: Module) -> Iterator[tuple[str, int]]:
    """Every dotted name that a file imports, wherever in the file, with its line."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            for alias in node.names:
                yield f"{base}.{alias.name}", node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(IMPORTERS):
            yield ast.unparse(node.args[0]).strip("'"), node.lineno


def _base(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.package.split(".")
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def files_used(module: Module) -> set[str]:
    """Which of our files a file imports; ``from a.b import c`` is ``a.b.c`` when that is a file."""
    names = {_nearest_file(name) for name, _ in imports(module)}
    return {name for name in names if name is not None and name != module.name}


def _nearest_file(name: str) -> str | None:
    while name not in modules():
        name, dot, _ = name.rpartition(".")
        if not dot:
            return None
    return name


@cache
def function_lengths() -> list[tuple[int, str]]:
    """The length in lines of every function, its docstring included."""
    return [
        (_length(node), f"{module.path.relative_to(ROOT)}:{node.lineno} {node.name}")
        for module in modules().values()
        if module.path.parent != WRITTEN_BY_ALEMBIC
        for node in ast.walk(module.tree)
        if isinstance(node, Function)
    ]


def _length(node: Function) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_the_five_floors_are_there() -> None:
    assert {module.floor for module in modules().values()} == set(FLOORS)


def test_imports_go_down_the_floors() -> None:
    wrong = [
        f"{module.path.relative_to(ROOT)}:{line} imports {name}"
        for module in modules().values()
        for name, line in imports(module)
        if (floor := name.split(".")[0]) in FLOORS
        and floor != module.floor
        and floor not in FLOORS[module.floor]
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_imports_the_tests() -> None:
    wrong = [
        f"{module.path.relative_to(ROOT)}:{line} imports {name}"
        for module in modules().values()
        for name, line in imports(module)
        if name.split(".")[0] in {"tests", "benchmarks"}
    ]
    assert not wrong, "\n".join(wrong)


def test_no_two_files_import_each_other() -> None:
    graph = {name: files_used(module) for name, module in modules().items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import cycle: " + " ← ".join(error.args[1]))


def test_no_file_is_too_long() -> None:
    everywhere = [*modules().values(), *_modules_below(ROOT / "tests")]
    long = [
        f"{module.path.relative_to(ROOT)} has {lines} lines"
        for module in everywhere
        if module.path.parent != WRITTEN_BY_ALEMBIC
        and (lines := module.text.count("\n")) > MAX_FILE_LINES
    ]
    assert not long, "\n".join(long)


def test_no_function_is_too_long() -> None:
    long = [f"{where} has {n} lines" for n, where in function_lengths() if n > MAX_FUNCTION_LINES]
    assert not long, "\n".join(long)


def test_most_functions_are_short() -> None:
    lengths = [length for length, _ in function_lengths()]
    assert statistics.median(lengths) < MEDIAN_FUNCTION_LINES
    assert statistics.quantiles(lengths, n=10)[-1] < P90_FUNCTION_LINES


def test_no_file_is_named_for_nothing() -> None:
    shapeless = [name for name in modules() if SHAPELESS_NAMES & set(name.split("."))]
    assert not shapeless, f"name the noun instead: {shapeless}"


def test_every_test_folder_is_a_package() -> None:
    """Without ``__init__.py`` the folder ``tests/bot`` would hide the package ``bot``."""
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    missing = [str(folder) for folder in folders if not (folder / "__init__.py").exists()]
    assert not missing, f"no __init__.py in {missing}"
