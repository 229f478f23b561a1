"""The rooms of the house: their size, and which of them may import which."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("data", "extractors", "pipeline")
MODEL = ("network", "fop", "prototypes", "episodic", "inference", "recognition")
BY_ALL = {"mraf", "mraf.errors", "mraf.fingerprint", "mraf.json_text", "mraf.languages"}
"""Modules without dependencies, which every room may import."""


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    files = [f for f in ROOT.glob("mraf/*.py") if not f.is_symlink()]
    for folder in (*ROOMS, *(f"mraf/{name}" for name in MODEL)):
        files += ROOT.glob(f"{folder}/**/*.py")
    named = {}
    for file in files:
        path = file.relative_to(ROOT).with_suffix("")
        parts = path.parts if path.parts[0] == "mraf" else ("mraf", *path.parts)
        named[".".join(parts).removesuffix(".__init__")] = file
    return named


@cache
def imports_of(module: str) -> frozenset[str]:
    """The modules of the package that a module imports, anywhere in it, for type checkers too."""
    known, found = modules(), set()
    for node in ast.walk(ast.parse(known[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{module}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in names}
    return frozenset(found & set(known)) - {module}


def room(module: str) -> str:
    """The top-level folder of a module; "mraf" is the model."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in (*ROOMS, "cli") else "mraf"


def test_the_test_sees_the_package():
    assert len(modules()) > 90
    assert "mraf.errors" in imports_of("mraf.data.clips.clip")
    assert room("mraf.pipeline.workspace") == "pipeline" and room("mraf.network.model") == "mraf"


@pytest.mark.parametrize("name", ["data", "extractors", "mraf"])
def test_the_lower_rooms_do_not_import_each_other(name):
    wrong = {
        f"{module} -> {other}"
        for module in modules()
        if room(module) == name and module not in ("mraf", "mraf.__main__")
        for other in imports_of(module) - BY_ALL
        if room(other) != name
    }
    assert not wrong


def test_only_the_command_imports_the_commands():
    wrong = {
        f"{module} -> {other}"
        for module in modules()
        for other in imports_of(module)
        if (room(other) == "cli" and module != "mraf.__main__")
        or (
            other.startswith("mraf.pipeline.commands")
            and not module.startswith(("mraf.pipeline.commands", "mraf.cli"))
        )
    }
    assert not wrong


def test_no_file_imports_itself_by_way_of_others():
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module in done:
            return
        for other in sorted(imports_of(module)):
            if other != "mraf":  # which imports others only when they are asked for
                visit(other, (*path, module))
        done.add(module)

    for module in sorted(modules()):
        visit(module, ())


def test_a_room_holds_few_modules():
    folders: dict[Path, int] = {}
    for file in modules().values():
        if file.name not in ("__init__.py", "__main__.py"):
            folders[file.parent] = folders.get(file.parent, 0) + 1
    crowded = {str(f.relative_to(ROOT)): n for f, n in folders.items() if n > 10}
    assert not crowded


def test_no_module_is_long():
    long = {
        m: n for m, f in modules().items() if (n := len(f.read_text("utf-8").splitlines())) > 360
    }
    assert not long


def test_tests_mirror_the_modules():
    """A test file lies where the module lies that it tests."""
    known = {name.removeprefix("mraf.") for name in modules()}
    known |= {name for name in modules() if name.startswith("mraf.")}
    folders = {name.rpartition(".")[0] for name in known} | known
    for file in ROOT.glob("tests/**/test_*.py"):
        where = ".".join(file.relative_to(ROOT / "tests").parent.parts)
        if where and not where.startswith("known_issues"):
            assert where in folders, f"{file}: there is no room {where}"
