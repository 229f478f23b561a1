"""Imports where a system lacks modules and signals of Unix, as Windows does."""

import subprocess
import sys

IMPORT_ALL = """
import importlib, pkgutil, signal, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None  # an import raises ImportError
del signal.SIGKILL, signal.pthread_sigmask
import mraf
names = [each.name for each in pkgutil.walk_packages(mraf.__path__, "mraf.")]
for name in names:
    if name != "mraf.__main__":
        importlib.import_module(name)
print(*names)
from mraf.errors import how_it_ended
print(how_it_ended(1))
"""


def test_every_module_is_imported_without_the_modules_of_unix():
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    names, ended = done.stdout.splitlines()
    assert {"mraf.cli", "mraf.data.table.lock", "mraf.pipeline.extraction.ray.node"} < set(
        names.split()
    )
    assert len(names.split()) > 130 and ended == "ended with code 1"
