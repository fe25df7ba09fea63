"""Who may import whom. Read from the source, so that an import inside a function counts too."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STANDARD = set(sys.stdlib_module_names)

ALLOWED = {
    "reference": {"numpy", "scipy", "reference"},
    "opencl_backend": {"numpy", "platformdirs", "pyopencl", "reference", "opencl_backend"},
    "difftest": {"numpy", "hypothesis", "pytest", "reference", "difftest"},
}
"""package -> what its modules may import besides the standard library."""

EXCEPTIONS = {("difftest/oracle", "opencl_backend.scalar_c"), ("difftest/campaigns/coordinator.py", "distributed")}
"""(place, module): doors in the walls. The oracle reads the stated ulp of each row; many machines are Dask's affair."""

ELSEWHERE = "difftest/systems/elsewhere/"
"""What runs in other systems' interpreters: it may import those systems, and nothing of this house."""


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> list[tuple[int, str]]:
    """(line, absolute module name) of every import in a file."""
    found = []
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            # "from package import module" imports that module.
            inner = [f"{name}.{alias.name}" for alias in node.names]
            found += [(node.lineno, n if (ROOT / n.replace(".", "/")).exists() else name) for n in inner]
    return found


def crossings(package: str) -> list[str]:
    wrong = []
    for path in modules(package):
        place = path.relative_to(ROOT).as_posix()
        for line, name in imports(path):
            top = name.split(".")[0]
            if place.startswith(ELSEWHERE):
                if top in ALLOWED:
                    wrong.append(f"{place}:{line} imports {name}")
                continue
            if top in STANDARD or top in ALLOWED[package]:
                continue
            if any(place.startswith(folder) and (name + ".").startswith(door + ".") for folder, door in EXCEPTIONS):
                continue
            wrong.append(f"{place}:{line} imports {name}")
    return wrong


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_it_may_know(package):
    assert modules(package), f"{package} has moved"
    assert crossings(package) == []


def test_the_check_sees_an_import_inside_a_function(tmp_path, monkeypatch):
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "bad.py").write_text("def f():\n    from opencl_backend import lower\n")
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert crossings("reference") == ["reference/bad.py:2 imports opencl_backend"]


def test_the_reference_names_no_backend_outside_its_flags():
    naming = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in modules("reference")
        if path.name != "config.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search("opencl", line, re.IGNORECASE)
    ]
    assert naming == []


def test_every_module_opens_with_what_it_owns():
    """Three to eight lines, as a rule; here only that they are there."""
    silent = [
        str(path.relative_to(ROOT))
        for package in ALLOWED
        for path in modules(package)
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
