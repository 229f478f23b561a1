"""Imports of the package data where a system lacks modules of Unix."""

import subprocess
import sys
from pathlib import Path

import mraf.data

IMPORT_ALL = """
import importlib, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_every_module_is_imported_without_the_modules_of_unix():
    folder = Path(mraf.data.__file__).parent
    files = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py"))
    names = [".".join(("mraf", "data", *file.parts)).removesuffix(".__init__") for file in files]
    assert "mraf.data.table.lock" in names and "mraf.data.sample.painting.puppet" in names
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
