import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mraf import checkpoint
from mraf.data.table.lock import locked
from mraf.errors import MissingError, MrafError, UsageError
from mraf.inference.prediction import predict
from mraf.pipeline.identification import identify
from mraf.pipeline.people.enrol import enrol, enrol_rows
from mraf.pipeline.people.enrolment.gallery import features_of
from mraf.pipeline.training.train import train
from mraf.pipeline.upkeep.disk import look
from mraf.pipeline.workspace import Workspace
from tests.helpers.described_clips import PAIR, DescribedExtractor, clip, stored
from tests.pipeline.people.enrolment.conftest import QUICK


def rows_of(workspace: Path, **wanted: object) -> list:
    rows = Workspace(workspace).table.rows()
    return [r for r in rows if all(getattr(r, k) == v for k, v in wanted.items())]


def answers(workspace: Path, rows: list) -> tuple[list[str], np.ndarray]:
    model = checkpoint.load(Workspace(workspace).model())
    found = predict(model.model, features_of(rows, model.model.config))
    return [model.labels[i] for i in found.probability.argmax(axis=1)], found.known


def clips_of(folder: Path, who: str, number: int = 2, **found: object) -> list[Path]:
    return [clip(folder / "new" / f"{who}{i}.mp4", who, **found) for i in range(number)]


def state_of(workspace: Path) -> dict[str, bytes]:
    files = (path for path in workspace.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path): path.read_bytes() for path in files}


def test_a_newcomer_is_named_at_once_and_in_the_table(workspace, tmp_path):
    before = Workspace(workspace).model().joinpath("config.json").stat().st_mtime_ns
    report = enrol("Fay", clips_of(tmp_path, "fay"), workspace=workspace, encoders=PAIR)
    assert (report.name, report.new, report.clips, report.face, report.voice) == (
        "Fay",
        True,
        2,
        2,
        2,
    )
    assert (report.references, report.refused, report.begun, report.speech) == (2, (), False, 8.0)
    added = rows_of(workspace, enrolled=True)
    assert {row.speaker for row in added} == {"Fay"} and len({row.recording for row in added}) == 2
    again = [replace(r, clip="x") for r in added] + rows_of(workspace, enrolled=False)
    names, _ = answers(workspace, again)
    assert names[:2] == ["Fay", "Fay"] and names[2:] == [row.speaker for row in again[2:]]
    folder = Workspace(workspace).model()
    assert folder.joinpath("config.json").stat().st_mtime_ns == before
    assert "| Speakers | 6: ann, ben, cem, dua, eli, Fay |" in (folder / "README.md").read_text()
    assert checkpoint.load_trained(checkpoint.describe(folder)).content >= {
        r.source_hash for r in added
    }


def test_more_clips_of_a_person_and_the_same_ones_again(workspace, tmp_path, extractor):
    first = clips_of(tmp_path, "fay")
    enrol("Fay", first, workspace=workspace, encoders=PAIR)
    embedded = len(extractor.asked)
    report = enrol(
        " fay".title(),
        [*first, clip(tmp_path / "3.mp4", "fay")],
        workspace=workspace,
        encoders=PAIR,
    )
    assert (report.new, report.clips, report.already, report.references) == (False, 1, 2, 3)
    assert len(extractor.asked) == embedded + 1  # the others are in the table
    assert len(rows_of(workspace, speaker="Fay")) == 3


def test_a_trained_person_gets_more_recordings(workspace, tmp_path):
    report = enrol("ann", clip(tmp_path / "a.mp4", "ann"), workspace=workspace, encoders=PAIR)
    assert (report.new, report.references) == (False, 5)


def test_a_workspace_may_begin_with_enrolment(tmp_path):
    place = tmp_path / "p"
    report = enrol("Fay", clips_of(tmp_path, "fay"), workspace=place, encoders=PAIR)
    assert (report.model, report.begun, report.new, report.references) == (
        "enrolled",
        True,
        True,
        2,
    )
    folder = Workspace(place).model()
    assert "was not trained" in (folder / "README.md").read_text()
    extractor = DescribedExtractor()
    test = [
        stored(replace_id(clip(tmp_path / "t" / f"{who}.mp4", who)), extractor)
        for who in ("fay", "gus", "hal")
    ]
    names, known = answers(place, test)
    assert names == ["Fay"] * 3 and known[0] > 0.99 and (known[1:] < 0.1).all()
    assert enrol("Gus", clips_of(tmp_path, "gus"), workspace=place, encoders=PAIR).begun is False
    names, known = answers(place, test)
    assert names[:2] == ["Fay", "Gus"] and known[1] > 0.99 and known[2] < 0.1
    assert train(place, options=QUICK).speakers == 2
    assert Workspace(place).model().name == "prototypes"


def replace_id(path: Path):
    from mraf.data.clips.clip import Clip

    return Clip(path.name, path)


def test_training_keeps_who_was_enrolled(workspace, tmp_path):
    enrol("Fay", clips_of(tmp_path, "fay"), workspace=workspace, encoders=PAIR)
    for path in (tmp_path / "new").iterdir():
        path.unlink()
    clip(tmp_path / "new" / "other.mp4", "gus")
    assert look(Workspace(workspace).table).gone == ()
    report = train(workspace, options=QUICK)
    assert (report.speakers, report.enrolled) == (6, 0)
    assert "Fay" in checkpoint.describe(report.folder).labels


def test_training_enrols_those_whom_it_leaves_out(workspace, tmp_path):
    enrol("Fay", clips_of(tmp_path, "fay"), workspace=workspace, encoders=PAIR)
    table = Workspace(workspace).table
    with table.writer() as writer:
        for row in rows_of(workspace, enrolled=False):
            writer.add(replace(row, language="English"))
    report = train(workspace, languages="English", options=QUICK)
    assert (report.speakers, report.enrolled) == (5, 1)
    assert any("1 person was enrolled" in note for note in report.notes)
    assert checkpoint.describe(report.folder).labels[-1] == "Fay"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"face": None, "speech": 2.0}, "4.0 s of speech in all: .* at least 5 s"),
        ({"face": None, "voice": None}, "no face found, and no speech heard"),
        ({"voice": None, "size": 25.0}, "the face is 25 pixels high, at least 30"),
        ({"voice": None, "sharpness": 2.0}, "the face is blurred"),
        ({"people": 2}, "2 people are seen: give the part"),
        ({"voices": 2}, "several voices are heard: give the part"),
    ],
)
def test_clips_that_cannot_carry_an_identity(workspace, tmp_path, found, said):
    before = state_of(workspace)
    with pytest.raises(MrafError, match=f"Nobody was enrolled as 'Fay': .*{said}") as error:
        enrol("Fay", clips_of(tmp_path, "fay", **found), workspace=workspace, encoders=PAIR)
    assert state_of(workspace) == before and error.value.exit_code == 1


def test_a_poor_face_is_left_out_where_there_is_a_voice(workspace, tmp_path):
    clips = clips_of(tmp_path, "fay", sharpness=1.0)
    report = enrol("Fay", clips, workspace=workspace, encoders=PAIR)
    assert (report.face, report.voice) == (0, 2) and "the face is blurred" in report.notes[0]
    model = checkpoint.load(Workspace(workspace).model())
    assert not model.model.face.known[model.labels.index("Fay")]
    assert all(row.face is not None for row in rows_of(workspace, speaker="Fay"))  # nothing is lost
    train(workspace, options=QUICK)
    model = checkpoint.load(Workspace(workspace).model())
    at = model.labels.index("Fay")
    assert not model.model.face.known[at] and model.model.voice.known[at]


def test_clips_of_two_people_are_not_one(workspace, tmp_path):
    before = state_of(workspace)
    two = [clip(tmp_path / "1.mp4", "fay"), clip(tmp_path / "2.mp4", "gus")]
    with pytest.raises(
        MrafError, match=r"the clips do not show one person \(2 clips: 1.mp4, 2.mp4\)"
    ):
        enrol("Fay", two, workspace=workspace, encoders=PAIR)
    assert state_of(workspace) == before
    report = enrol("Fay", [*two, *clips_of(tmp_path, "fay")], workspace=workspace, encoders=PAIR)
    (refused,) = report.refused
    assert (
        refused.path.endswith("2.mp4")
        and "does not look or sound like the others" in refused.reason
    )
    assert report.clips == 3


def test_who_looks_like_another_is_asked_about(workspace, tmp_path):
    clips, before = clips_of(tmp_path, "ann"), state_of(workspace)
    with pytest.raises(UsageError, match="like 'ann', who is enrolled already.*say --yes"):
        enrol("Fay", clips, workspace=workspace, encoders=PAIR)
    asked = []
    with pytest.raises(UsageError, match=r"Nobody was enrolled as 'Fay'\.$"):
        enrol("Fay", clips, workspace=workspace, encoders=PAIR, on_question=asked.append)
    assert len(asked) == 1 and state_of(workspace) == before
    assert enrol("Fay", clips, workspace=workspace, encoders=PAIR, yes=True).new


def test_who_does_not_look_like_the_one_of_that_name_is_asked_about(workspace, tmp_path):
    with pytest.raises(
        UsageError, match="'ann' is enrolled already, and .* does not look or sound"
    ):
        enrol("ann", clips_of(tmp_path, "fay"), workspace=workspace, encoders=PAIR)


def test_a_clip_of_the_table_without_a_name_gets_it(workspace, tmp_path, extractor):
    path = clip(tmp_path / "u.mp4", "fay")
    row = stored(replace_id(path), extractor)
    with Workspace(workspace).table.writer() as writer:
        writer.add(row)
    extractor.asked.clear()
    assert enrol("Fay", path, workspace=workspace, encoders=PAIR).clips == 1
    (named,) = rows_of(workspace, speaker="Fay")
    assert named.clip == row.clip and named.enrolled and extractor.asked == []


def test_rows_that_are_there_are_enrolled(workspace, tmp_path, extractor):
    rows = [stored(replace_id(each), extractor) for each in clips_of(tmp_path, "fay")]
    with Workspace(workspace).table.writer() as writer:
        for row in rows:
            writer.add(row)
    report = enrol_rows(workspace, "Fay", rows)
    assert (report.clips, report.references) == (2, 2)
    assert {row.clip for row in rows_of(workspace, speaker="Fay")} == {"fay0.mp4", "fay1.mp4"}


def test_a_part_of_a_clip(workspace, tmp_path):
    path = clip(tmp_path / "long.mp4", "fay", length=100.0)
    report = enrol("Fay", path, start="0:15", end="1:05.5", workspace=workspace, encoders=PAIR)
    (row,) = rows_of(workspace, speaker="Fay")
    assert report.clips == 1 and (row.start, row.end) == (15.0, 65.5)
    second = enrol("Fay", path, start=70, workspace=workspace, encoders=PAIR)
    assert second.clips == 1 and len({r.recording for r in rows_of(workspace, speaker="Fay")}) == 1


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"start": "1:20", "end": "0:30"}, "--from 80 s is not before --to 30 s"),
        ({"start": "soon"}, "--from 'soon' is no time"),
        ({"start": 500}, "nothing from 500 s on"),
        ({"end": 500}, "it ends before --to 500 s"),
        ({"start": -1}, "--from -1: give a time of 0 s or more"),
    ],
)
def test_parts_that_are_not_there(workspace, tmp_path, part, said):
    path = clip(tmp_path / "long.mp4", "fay", length=100.0)
    with pytest.raises(MrafError, match=said):
        enrol("Fay", path, workspace=workspace, encoders=PAIR, **part)


def test_a_part_of_several_clips_or_of_a_photo(workspace, tmp_path):
    with pytest.raises(UsageError, match="for a part of one clip, and 2 files are named"):
        enrol("Fay", clips_of(tmp_path, "fay"), start=1, workspace=workspace, encoders=PAIR)
    photo = clip(tmp_path / "p.jpg", "fay")
    with pytest.raises(MrafError, match="a photo has no --from and --to"):
        enrol("Fay", photo, start=1, workspace=workspace, encoders=PAIR)
    assert enrol("Fay", photo, workspace=workspace, encoders=PAIR).face == 1


def test_clips_that_cannot_be_read_do_not_stop_the_others(workspace, tmp_path):
    broken = tmp_path / "new" / "broken.mp4"
    clips_of(tmp_path, "fay")
    broken.write_text("no JSON")
    report = enrol("Fay", tmp_path / "new", workspace=workspace, encoders=PAIR)
    assert report.clips == 2
    assert [(Path(each.path).name, each.reason) for each in report.refused] == [
        ("broken.mp4", "it is no video")
    ]


@pytest.mark.parametrize("name", ["", " ", "unknown", "UNKNOWN", "a\nb", "a\x07", "-x"])
def test_names_that_are_none(workspace, tmp_path, name):
    with pytest.raises(UsageError, match="cannot name a speaker"):
        enrol(name, clips_of(tmp_path, "fay"), workspace=workspace, encoders=PAIR)


def test_spellings_of_one_name(workspace, tmp_path):
    enrol("Zoe\u0301", clips_of(tmp_path, "zoe"), workspace=workspace, encoders=PAIR)
    more = enrol(" Zo\u00e9", clip(tmp_path / "z.mp4", "zoe"), workspace=workspace, encoders=PAIR)
    assert not more.new and more.name == "Zo\u00e9" and more.references == 3


def test_a_model_that_cannot_enrol_says_which_can(tmp_path, workspace):
    train(workspace, name="net", model_type="fop", epochs=1)
    with pytest.raises(UsageError, match="'net' is of type fop.*only a model of type prototypes"):
        enrol("Fay", clips_of(tmp_path, "fay"), workspace=workspace, encoders=PAIR)
    clips = clips_of(tmp_path, "fay")
    assert enrol("Fay", clips, workspace=workspace, model="prototypes", encoders=PAIR).new
    with pytest.raises(MissingError, match="no model 'other'"):
        enrol("Fay", clips, workspace=workspace, model="other", encoders=PAIR)


def test_a_gallery_of_other_encoders(workspace, tmp_path):
    other = replace(PAIR, voice=replace(PAIR.voice, sha256="1" * 64))
    before = state_of(workspace)
    with pytest.raises(UsageError, match="was trained on vectors of .*cannot be compared"):
        enrol("Fay", clips_of(tmp_path, "fay"), workspace=workspace, encoders=other)
    assert state_of(workspace) == before


ENROLLING = """
import sys
from contextlib import contextmanager
from mraf.pipeline.people import enrol
from mraf.pipeline.people.enrolment import gallery
from tests.helpers.described_clips import PAIR, DescribedExtractor

enrol.ClipExtractor = DescribedExtractor
waiting = gallery.changing

@contextmanager
def told(workspace):
    print("waits", flush=True)
    with waiting(workspace):
        yield

gallery.changing = told
enrol.enrol(sys.argv[2], sys.argv[3:], workspace=sys.argv[1], encoders=PAIR)
"""


def test_two_processes_that_enrol_at_once_lose_nothing(workspace, tmp_path):
    started = []
    with locked(workspace / "models"):
        for who in ("fay", "gus"):
            command = [sys.executable, "-c", ENROLLING, str(workspace), who]
            started.append(
                subprocess.Popen(
                    [*command, *map(str, clips_of(tmp_path, who))],
                    stdout=subprocess.PIPE,
                    text=True,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                )
            )
        for process in started:
            assert process.stdout.readline() == "waits\n"
    assert [process.wait() for process in started] == [0, 0]
    labels = checkpoint.describe(Workspace(workspace).model()).labels
    assert {"fay", "gus"} <= set(labels) and len(labels) == 7
    assert len(rows_of(workspace, speaker="fay")) == len(rows_of(workspace, speaker="gus")) == 2
    for process in started:
        process.stdout.close()


def test_a_person_enrolled_from_photos_is_named_where_they_speak(workspace, tmp_path):
    photos = [clip(tmp_path / "new" / f"fay{i}.jpg", "fay") for i in range(2)]
    enrol("Fay", photos, workspace=workspace, encoders=PAIR)
    found = identify(
        clip(tmp_path / "new" / "speaks.mp4", "fay"), workspace=workspace, encoders=PAIR
    )[0]
    assert found.voice.present and found.speaker == "Fay"
    assert any(
        "the voice could not be compared: the model has none of Fay" in n for n in found.notes
    )
