"""Selection of the clips that an evaluation measures."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mraf import Workspace
from mraf.checkpoint import describe, load_trained
from mraf.pipeline.selection import unseen_clips
from mraf.pipeline.training.train import train
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.workspaces import Labels, filled, people


def unseen_of(folder: Path, labels: list[Labels], by_clip: bool = False) -> list[Labels]:
    """The labels of the clips that are unseen by a model of the English ones, the content of all new."""
    train(filled(folder, labels), languages="English", options=PrototypeOptions(steps=0))
    trained = load_trained(describe(Workspace.at(folder).model()))
    table = Workspace.at(folder).table.arrays()
    rows = list(zip(table.speaker, table.language, table.recording, strict=True))
    new = unseen_clips(table, replace(trained, content=frozenset()), by_clip=by_clip)
    if by_clip:  # nothing that trained is unseen
        old = unseen_clips(table, trained, by_clip=True)
        assert not any(rows[i][1] == "English" for i in np.flatnonzero(old))
    return [rows[i] for i in np.flatnonzero(new)]


def test_clips_of_a_trained_recording_are_not_unseen(tmp_path):
    # New clips, cut from recordings that trained.
    found = unseen_of(tmp_path / "a", people())
    assert Counter(language for _, language, _ in found) == {"Urdu": 24}
    # Where single clips were held out, others of the recording have trained.
    assert len(unseen_of(tmp_path / "b", people(), by_clip=True)) == 48


@pytest.mark.parametrize("by_clip", [False, True])
def test_a_video_that_trained_in_another_language_is_not_unseen(tmp_path, by_clip):
    labels = [
        (speaker, language, recording)
        for speaker, other in (("a", "b"), ("b", "a"))
        for language, recording in (
            ("English", f"video {speaker}"),
            ("English", "rec1"),
            ("English", None),
            ("Urdu", f"video {speaker}"),
            ("Urdu", f"another of {speaker}"),
            ("Urdu", "rec1"),  # a name by custom: both speakers have one
            ("Urdu", None),  # a recording of its own
            (None, f"video {speaker}"),
            ("Urdu", f"video {other}"),  # of the other speaker, as are those above
        )
    ]
    found = unseen_of(tmp_path, [each for each in labels if "video" not in str(each[2])])
    assert len(found) == 6
    own = [each for each in labels if each[2] != f"video {'ab'[each[0] == 'a']}"]
    found = unseen_of(tmp_path / "own", own, by_clip)
    other_languages = [each for each in found if each[1] != "English"]
    assert other_languages == [
        (speaker, "Urdu", recording)
        for speaker in "ab"
        for recording in (f"another of {speaker}", "rec1", None)
    ]
