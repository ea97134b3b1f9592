"""Every package that the product imports is declared, so that a bare install runs."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLOORS = ("huiying", "handlers", "admin", "bot", "knowledge")


def imported() -> set[str]:
    """Return the top-level names of everything imported anywhere in the product."""
    names: set[str] = set()
    for path in (p for floor in FLOORS for p in (ROOT / floor).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").partition(".")[0])
    return names - set(sys.stdlib_module_names) - set(FLOORS) - {"__future__"}


def declared() -> set[str]:
    """Return the distributions that pyproject.toml names for a bare install and the extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["transformers"], *extras["postgres"]]
    return {_plain(re.split(r"[\[<>=; ]", line)[0]) for line in lines}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


#: modules whose distribution comes with one we name and is part of its own interface
PART_OF = {"sqlalchemy": "sqlmodel", "pydantic": "pydantic-settings", "pydantic_core": "sqlmodel"}
#: extras that may be absent where the tests run
ABSENT = {"sentence_transformers": "sentence-transformers", "torch": "torch", "psycopg": "psycopg"}


def test_what_is_imported_is_declared() -> None:
    known = packages_distributions()
    missing = []
    for name in sorted(imported()):
        fixed = PART_OF.get(name) or ABSENT.get(name)
        owners = [fixed] if fixed else known[name]
        if not any(_plain(owner) in declared() for owner in owners):
            missing.append(f"{name} ({', '.join(map(str, owners))})")
    assert not missing, missing
