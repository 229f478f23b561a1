"""silero-vad 6.2: importing it sets torch to one thread for the whole process."""

import subprocess
import sys


def test_importing_silero_changes_the_threads():
    code = """
import torch
from mraf.extractors import compat
compat.prepare()
torch.set_num_threads(2)
import silero_vad
print(torch.get_num_threads())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # 2 would mean that the library leaves the threads alone, and `torch_threads` is not needed.
    assert done.stdout.strip() == "1"
