"""Systems without the modules of Unix: what is needed there is an import, and a clear message."""

import subprocess
import sys

CODE = """
import importlib, pkgutil, select, sys
for name in ("fcntl", "resource"):
    sys.modules[name] = None  # an import raises ImportError
for name in ("poll", "epoll"):
    delattr(select, name)
import mraf.extractors
from mraf.errors import MrafError
found = [each.name for each in pkgutil.walk_packages(mraf.extractors.__path__, "mraf.extractors.")]
for name in found:
    importlib.import_module(name)
print(len(found))
from mraf.extractors.media.isolated import Decoder
try:
    Decoder()
except MrafError as error:
    print(error)
"""


def test_every_module_imports_and_the_decoder_says_what_it_lacks():
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    count, message = done.stdout.splitlines()
    assert int(count) > 20
    assert message.startswith(f"Clips cannot be decoded on {sys.platform}: the decoder needs poll")
