"""SVT-AV1 makes the thread that encodes a real-time thread, where it may, and leaves it so."""

import os

import numpy as np
import pytest

from tests.helpers.format_files import picture, write_clip

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="Linux alone")


def test_written_clips_leave_the_priority_as_it_was(tmp_path):
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    write_clip(tmp_path / "a.mp4", picture("libsvtav1", np.zeros((2, 96, 160, 3), np.uint8)))
    assert (os.sched_getscheduler(0), os.sched_getparam(0)) == before
