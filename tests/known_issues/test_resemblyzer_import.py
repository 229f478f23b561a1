"""Resemblyzer 0.1.4: `import resemblyzer` needs scipy and setuptools modules that are gone.

`GE2E` therefore reads the weights from the package's files and never imports it.
"""

import subprocess
import sys

from mraf.extractors.voice.ge2e import _resemblyzer_file


def test_the_package_does_not_import_but_its_weights_are_there():
    command = [sys.executable, "-c", "import resemblyzer"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "ModuleNotFoundError" in done.stderr
    assert _resemblyzer_file().stat().st_size > 10_000_000
