"""Whose a clip is, in table and model, after people were enrolled."""

import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mraf import checkpoint
from mraf.data.clips.clip import Clip
from mraf.errors import MrafError, UsageError
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.people.enrol import enrol, enrol_rows
from mraf.pipeline.people.enrolment import gallery
from mraf.pipeline.people.forget import forget
from mraf.pipeline.training.train import train
from mraf.pipeline.workspace import Workspace
from tests.helpers.described_clips import PAIR, DescribedExtractor, clip, stored
from tests.pipeline.people.enrolment.conftest import QUICK


def rows_of(workspace: Path, **wanted: object) -> list:
    rows = Workspace(workspace).table.rows()
    return [r for r in rows if all(getattr(r, k) == v for k, v in wanted.items())]


def references(workspace: Path) -> dict[str, tuple[float, float]]:
    """Recordings of each person, and of these with a face."""
    found = checkpoint.load(Workspace(workspace).model())
    counts = zip(
        found.model.recogniser.recordings.tolist(), found.model.face.count.tolist(), strict=True
    )
    return dict(zip(found.labels, counts, strict=True))


def means(workspace: Path, name: str) -> np.ndarray:
    found = checkpoint.load(Workspace(workspace).model())
    return found.model.voice.means[found.labels.index(name)].numpy()


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    from tests.helpers.described_clips import trained_people

    folder = tmp_path_factory.mktemp("people") / "w"
    train(trained_people(folder, ["ann", "ben", "cem", "dua", "eli"]), options=QUICK)
    return folder


@pytest.fixture
def workspace(trained, tmp_path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "w"))


def put(workspace: Path, *rows) -> None:
    with Workspace(workspace).table.writer() as writer:
        for row in rows:
            writer.add(row)


def test_clips_unlike_a_person_whom_only_the_model_has_are_asked_about(workspace, tmp_path):
    shutil.rmtree(Workspace(workspace).table.folder)
    clips = [clip(tmp_path / f"z{i}.mp4", "zoe") for i in range(2)]
    with pytest.raises(UsageError, match="'ann' is enrolled already, and .*does not look or sound"):
        enrol("ann", clips, workspace=workspace, encoders=PAIR)
    own = [clip(tmp_path / f"a{i}.mp4", "ann") for i in range(2)]
    assert enrol("ann", own, workspace=workspace, encoders=PAIR).references == 6


def test_a_clip_of_another_moves_in_table_and_model(workspace, tmp_path):
    path = clip(tmp_path / "b.mp4", "ben")
    row = stored(Clip("ben/x.mp4", path, speaker="ben", recording="x"), DescribedExtractor())
    put(workspace, row)
    enrol("ben", path, workspace=workspace, encoders=PAIR)
    before, counts = means(workspace, "ben"), references(workspace)
    with pytest.raises(UsageError, match="in the table as 'ben'.*say --yes\\.$"):
        enrol("ann", path, workspace=workspace, encoders=PAIR)
    report = enrol("ann", path, workspace=workspace, encoders=PAIR, yes=True)
    assert (report.clips, report.already, report.references) == (1, 0, 5)
    assert report.notes == ("b.mp4 was ben's in the table, and is ann's now",)
    (found,) = [r for r in rows_of(workspace) if r.source_hash == row.source_hash]
    assert (found.clip, found.speaker, found.enrolled) == ("ben/x.mp4", "ann", True)
    assert counts["ben"] == (5, 5) and references(workspace)["ben"] == (4, 4)
    # And back: nothing of it is lost or counted twice.
    assert enrol("ben", path, workspace=workspace, encoders=PAIR, yes=True).clips == 1
    np.testing.assert_allclose(means(workspace, "ben"), before, atol=1e-5)
    assert references(workspace)["ann"] == (4, 4)


def test_who_loses_all_clips_is_not_known_any_more(workspace, tmp_path):
    path = clip(tmp_path / "z.mp4", "zed")
    enrol("Zed", path, workspace=workspace, encoders=PAIR)
    report = enrol("Xaver", path, workspace=workspace, encoders=PAIR, yes=True)
    assert report.clips == 1 and "the model knows Zed no more" in report.notes[-1]
    assert set(references(workspace)) == {"ann", "ben", "cem", "dua", "eli", "Xaver"}
    assert {row.speaker for row in rows_of(workspace, enrolled=True)} == {"Xaver"}


def test_rows_that_were_dropped_are_no_reason_to_take_a_clip_for_known(workspace, tmp_path):
    path, other = clip(tmp_path / "1.mp4", "zed"), clip(tmp_path / "2.mp4", "zed")
    enrol("Zed", path, workspace=workspace, encoders=PAIR)
    Workspace(workspace).table.drop([row.clip for row in rows_of(workspace, speaker="Zed")])
    again = enrol("Zed", path, workspace=workspace, encoders=PAIR)  # the model has it still
    assert (again.clips, again.already, again.references) == (0, 1, 1)
    Workspace(workspace).table.drop([row.clip for row in rows_of(workspace, speaker="Zed")])
    forget("Zed", workspace)
    enrol("Zed", other, workspace=workspace, encoders=PAIR)
    assert enrol("Zed", path, workspace=workspace, encoders=PAIR).references == 2


def test_parts_of_one_file_and_copies_are_one_recording(workspace, tmp_path):
    path = clip(tmp_path / "long.mp4", "fay", length=100.0)
    for start in (0, 20, 40):
        report = enrol("Fay", path, start=start, end=start + 20, workspace=workspace, encoders=PAIR)
        assert (report.clips, report.references) == (1, 1)
    one_by_one = means(workspace, "Fay")
    rows = rows_of(workspace, speaker="Fay")
    assert len({row.clip for row in rows}) == 3
    forget("Fay", workspace)
    put(workspace, *rows)
    assert enrol_rows(workspace, "Fay", rows).references == 1
    np.testing.assert_allclose(means(workspace, "Fay"), one_by_one, atol=1e-5)
    first = clip(tmp_path / "g.mp4", "gus")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(first.read_bytes())
    report = enrol("Gus", [first, copy], workspace=workspace, encoders=PAIR)
    assert (report.clips, report.references) == (1, 1)
    assert report.notes == (f"{copy}: a copy of g.mp4",)
    train(workspace, options=QUICK)
    assert references(workspace)["Fay"] == references(workspace)["Gus"] == (1, 1)


def test_parts_of_one_file_of_two_people_are_two_rows(workspace, tmp_path):
    path = clip(tmp_path / "long.mp4", "fay", length=100.0)
    for start in (0, 20):
        enrol("Fay", path, start=start, end=start + 20, workspace=workspace, encoders=PAIR)
    enrol("Gus", path, start=0, end=20, workspace=workspace, encoders=PAIR, yes=True)
    enrol("Gus", path, start=20, end=40, workspace=workspace, encoders=PAIR, yes=True)
    assert [row.start for row in rows_of(workspace, speaker="Gus")] == [0.0, 20.0]
    assert rows_of(workspace, speaker="Fay") == []


def test_an_extracted_clip_of_the_person_counts_as_enrolled(workspace, extractor):
    rows = rows_of(workspace, speaker="ann")
    extractor.asked.clear()
    report = enrol("ann", [Path(row.path) for row in rows], workspace=workspace, encoders=PAIR)
    assert (report.clips, report.already, report.references) == (0, 4, 4)
    found = rows_of(workspace, speaker="ann")
    assert all(row.enrolled for row in found) and extractor.asked == []
    assert [(r.clip, r.recording) for r in found] == [(r.clip, r.recording) for r in rows]


def test_the_own_copy_of_a_clip_is_taken_though_another_has_one(workspace, tmp_path):
    path = clip(tmp_path / "x.mp4", "ann")
    row = stored(Clip("a", path, speaker="aa", recording="x"), DescribedExtractor())
    put(workspace, row, replace(row, clip="b", speaker="ann"))
    assert enrol("ann", path, workspace=workspace, encoders=PAIR).clips == 1  # and asks nothing


def test_a_short_voice_is_left_out(workspace, tmp_path):
    path = clip(tmp_path / "s.mp4", "zed", speech=0.3)
    report = enrol("Zed", path, workspace=workspace, encoders=PAIR)
    assert (report.face, report.voice, report.speech) == (1, 0, 0.0)
    assert "its voice is left out: 0.3 s of speech, at least 2 s" in report.notes[0]
    (row,) = rows_of(workspace, speaker="Zed")
    assert row.voice is not None
    sound = clip(tmp_path / "s.wav", "zed", speech=1.9)
    with pytest.raises(MrafError, match="1.9 s of speech, at least 2 s are needed in a clip"):
        enrol("Zed", sound, workspace=workspace, encoders=PAIR)


def test_doubts_that_arise_while_others_enrol_are_asked_about(workspace, tmp_path, monkeypatch):
    path = clip(tmp_path / "z.mp4", "zed")
    waiting, others = gallery.changing, ["Zed"]

    @contextmanager
    def after_another(place):
        if others:
            enrol(others.pop(), path, workspace=workspace, encoders=PAIR)
        with waiting(place):
            yield

    monkeypatch.setattr(gallery, "changing", after_another)
    with pytest.raises(UsageError, match="The clip is in the table as 'Zed'"):
        enrol("Xaver", path, workspace=workspace, encoders=PAIR)
    assert {row.speaker for row in rows_of(workspace, enrolled=True)} == {"Zed"}


def test_enrolled_clips_of_other_options_do_not_stop_training_or_enrolment(workspace, tmp_path):
    path = clip(tmp_path / "f.mp4", "fay")
    enrol("Fay", path, workspace=workspace, encoders=PAIR)
    made = ExtractOptions(frames=20).fingerprint(PAIR).to_json()
    put(workspace, *(replace(row, extractor=made) for row in rows_of(workspace, enrolled=False)))
    report = train(workspace, options=QUICK)
    assert report.speakers == 5
    assert any("1 clip that was enrolled with other options" in note for note in report.notes)
    other = DescribedExtractor(options=ExtractOptions(frames=20))
    assert enrol("Fay", path, workspace=workspace, encoders=PAIR, extractor=other).new
    assert train(workspace, options=QUICK).speakers == 6


def test_training_goes_by_the_enrolled_name_of_a_content(workspace):
    rows = rows_of(workspace, speaker="ben")
    copies = [replace(r, clip=f"x{r.clip}", speaker="Ben Lee", enrolled=True) for r in rows[:1]]
    put(workspace, *copies)
    report = train(workspace, options=QUICK)
    assert references(workspace)["ben"] == (3, 3) and references(workspace)["Ben Lee"] == (1, 1)
    assert any(
        "1 contents have several speakers' names (as Ben Lee and ben); in 1" in note
        for note in report.notes
    )
