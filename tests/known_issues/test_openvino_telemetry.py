"""openvino reports its import, and every conversion, to its maker (openvino-telemetry).

`mraf.extractors.openvino` imports it without that package.
"""

import subprocess
import sys

REPORTS = "import sys; print('openvino_telemetry.main' in sys.modules)"


def printed(code: str, tmp_path) -> str:
    """The output of a fresh interpreter with a home of its own."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
    )
    return run.stdout.strip()


def test_networks_load_without_the_reporter_and_leave_nothing_at_home(tmp_path):
    assert (
        printed("from mraf.extractors import openvino; openvino._core(); " + REPORTS, tmp_path)
        == "False"
    )
    assert not list(tmp_path.iterdir())
