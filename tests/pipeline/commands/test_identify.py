import json
from dataclasses import replace

import pytest

from mraf import Workspace
from mraf.fingerprint import Fingerprint
from mraf.pipeline.answers.answer import Candidate, Evidence, Prediction
from mraf.pipeline.commands.identify import show_identified
from tests.helpers.media_files import corners, write_media
from tests.pipeline.test_identification import picture_of, without
from tests.pipeline.test_real_clips import without_sound


def test_identify_with_json_keeps_the_contract(mraf, sample_videos, sample_clip, trained):
    seen = sample_clip(face="seen", sound="speech", language="Urdu")
    hidden = next(
        sample_clip(face=kind)
        for kind in ("hand", "turned_away", "dark", "out_of_frame")
        if f",{kind}," in (sample_videos / "sample.csv").read_text("utf-8")
    )
    code, out, _ = mraf("identify", seen, hidden, "-w", trained, "--top", 2, "--json")
    clips = json.loads(out)["clips"]
    assert code == 0 and [clip["path"] for clip in clips] == [str(seen), str(hidden)]
    first, second = clips
    keys = "path speaker probability candidates face voice known threshold unknown error notes"
    assert set(first) == set(keys.split()) and first["notes"] == []
    alone = {"present", "weight", "reason", "problem", "speaker", "probability", "known"}
    assert set(first["face"]) == {*alone, "frames"}
    assert set(first["voice"]) == {*alone, "seconds", "voices", "overlap"}
    assert first["face"]["speaker"] == first["speaker"] is not None
    # In another language the voice alone may not be recognised.
    assert first["voice"]["speaker"] in (first["speaker"], None)
    assert all(0 <= first[each]["known"] <= 1 for each in ("face", "voice"))
    assert first["known"] >= first["threshold"] and first["unknown"] is False
    assert second["face"]["speaker"] is None and second["voice"]["speaker"] == second["speaker"]
    assert len(first["candidates"]) == 2
    assert first["candidates"][0]["speaker"] == first["speaker"]
    assert first["face"]["weight"] + first["voice"]["weight"] == pytest.approx(1, abs=1e-3)
    assert second["face"]["present"] is False and second["face"]["weight"] == 0
    assert second["face"]["reason"] in ("no_face", "low_confidence")
    assert second["voice"]["weight"] > 0.99


def test_a_note_on_the_model_is_shown_once(mraf, sample_clip, extracted, tmp_path):
    """The model is one of published vectors; those of the packaged encoders stand in for them."""
    table = Workspace.at("place").table
    with table.writer() as writer:
        for row in Workspace.at(extracted).table.rows():
            made = replace(Fingerprint.from_json(row.extractor), polysim="v1")
            made = replace(made, frames=None, seconds=None, rules=None)
            writer.add(replace(row, extractor=made.to_json()))
    assert mraf("train", "--language", "English", "-w", "place")[0] == 0
    clips = [
        sample_clip(speaker=name, face="seen", sound="speech") for name in ("person01", "person02")
    ]
    code, out, _ = mraf("identify", *clips, "-w", "place")
    assert code == 0 and out.count("note The model was trained on vectors that POLY-SIM v1") == 1
    code, out, _ = mraf("identify", *clips, "-w", "place", "--json")
    notes = [clip["notes"] for clip in json.loads(out)["clips"]]
    assert code == 0 and len(notes[0]) == 1 and notes[0] == notes[1]


def test_silent_clip_is_named_by_its_face(mraf, sample_clip, trained, tmp_path):
    clip = sample_clip(speaker="person03", face="seen", sound="speech")
    silent = without_sound(clip, tmp_path / "silent.mp4")
    code, out, _ = mraf("identify", silent, "-w", trained)
    assert code == 0 and "person03" in out.splitlines()[1] and "voice  missing: no sound" in out


def test_folders_that_cannot_be_listed_are_shown(mraf, trained, tmp_path, monkeypatch):
    (tmp_path / "text.mp4").write_text("no video")
    monkeypatch.setattr(
        "mraf.pipeline.identification.files_to_identify", lambda path: ([path], {"shut": "closed"})
    )
    code, out, _ = mraf("identify", "text.mp4", "-w", trained)
    assert code == 1 and "shut\n  not identified: this folder cannot be listed (closed)" in out


def test_identify_marks_what_it_cannot_name(mraf, trained, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    write_media(tmp_path / "nothing.mp4", corners()[None].repeat(5, axis=0))
    code, out, _ = mraf("identify", "text.mp4", "nothing.mp4", "-w", trained)
    assert code == 1
    assert out.count("not identified") == 2
    assert "neither face nor voice" in out and "face   missing: no face found" in out
    code, out, _ = mraf("identify", "text.mp4", "-w", trained, "--json")
    clip = json.loads(out)["clips"][0]
    assert (clip["face"]["reason"], clip["voice"]["reason"]) == ("decode_error", "decode_error")


def test_a_picture_is_not_named_by_a_model_without_faces(mraf, sample_clip, extracted, tmp_path):
    place = without("face", extracted, tmp_path / "place")
    picture_of(sample_clip(face="seen"), tmp_path / "p.jpg")
    code, out, _ = mraf("identify", "p.jpg", "-w", place)
    said = "the model has learned no faces, and there is no voice in the clip"
    assert code == 1 and f"p.jpg\n  not identified: {said}\n" in out
    assert "face   weight 0.00, in 1 frame\n  voice  missing: no sound" in out and "nan" not in out
    code, out, _ = mraf("identify", "p.jpg", "-w", place, "--json")
    (clip,) = json.loads(out)["clips"]
    assert code == 1 and (clip["speaker"], clip["probability"], clip["error"]) == (None, None, said)
    assert clip["candidates"] == [] and clip["face"]["present"] is True


def answer(path: str, *, reason: str = "no_face", **more) -> Prediction:
    """A clip whose face is missing."""
    return Prediction(
        path=path,
        speaker="Ann",
        probability=1.0,
        candidates=(Candidate(speaker="Ann", probability=1.0),),
        face=Evidence(present=False, reason=reason),
        voice=Evidence(present=True, weight=1.0, seconds=3.0, speaker="Ann", probability=1.0),
        **more,
    )


def test_an_unknown_person_is_an_answer(mraf, tmp_path, monkeypatch):
    stranger = replace(
        answer("a.mp4"), speaker=None, probability=None, known=0.032, threshold=0.5, unknown=True
    )
    asked = {}

    def run(paths, **options):
        asked.update(options)
        if options["on_prediction"]:
            options["on_prediction"](stranger)
        return [stranger]

    monkeypatch.setattr("mraf.pipeline.identification.identify", run)
    code, out, _ = mraf("identify", tmp_path)
    assert code == 0
    assert "unknown  (3 % that this person is enrolled; most like: Ann)\n" in out
    code, out, _ = mraf("identify", tmp_path)
    assert code == 0
    assert "unknown  (3 % that this person is enrolled; most like: Ann)\n" in out
    code, out, _ = mraf("identify", tmp_path, "--json", "--threshold", "0.5")
    (clip,) = json.loads(out)["clips"]
    assert code == 0 and asked["threshold"] == 0.5
    assert (clip["speaker"], clip["probability"], clip["unknown"]) == (None, None, True)
    assert clip["candidates"][0]["speaker"] == "Ann" and clip["error"] is None


def test_a_threshold_out_of_range_is_refused_before_anything_is_looked_for(mraf, tmp_path):
    code, _, err = mraf("identify", tmp_path / "none.mp4", "--threshold", "1.5")
    assert code == 2 and "--threshold 1.5" in err and "from 0" in err


def test_what_was_not_looked_at_is_said(capsys):
    show_identified(answer("long.mp4", seconds=3600.0, seconds_read=120.0))
    assert "face   missing: no face found in the first 10 min of 1 h\n" in capsys.readouterr().out
    show_identified(answer("sound.wav", reason="no_video", seconds=3600.0, seconds_read=120.0))
    assert "face   missing: no picture\n" in capsys.readouterr().out


def test_why_a_picture_cannot_be_read_is_shown(capsys):
    shown = answer("protected.mp4", reason="decode_error")
    show_identified(replace(shown, face=replace(shown.face, problem="no decoder for encv")))
    assert "face   missing: cannot be read (no decoder for encv)\n" in capsys.readouterr().out


def test_a_note_on_a_clip_is_shown_with_each_clip_that_has_it(mraf, tmp_path, monkeypatch):
    def run(paths, *, on_note, on_prediction, **_):
        on_note("of the model")
        for path in ("a.mp4", "b.mp4"):
            on_prediction(answer(path, notes=("of the model", "two people are seen")))
        return []

    monkeypatch.setattr("mraf.pipeline.identification.identify", run)
    code, out, _ = mraf("identify", tmp_path)
    assert code == 0 and out.count("note of the model") == 1
    assert out.count("note two people are seen") == 2


def test_it_says_where_a_precision_is_slow(mraf, tmp_path, monkeypatch):
    monkeypatch.setattr("mraf.extractors.processor.flags", lambda: frozenset(["avx2", "avx512bw"]))
    monkeypatch.setattr("mraf.pipeline.identification.identify", lambda *_, **__: [])
    code, out, err = mraf("identify", tmp_path, "--precision", "bfloat16")
    assert code == 0 and not out
    assert "bfloat16 is slower than single precision on this processor" in err
    assert mraf("identify", tmp_path)[2] == ""


def test_a_folder_of_photos_is_identified_as_one_photo_is(mraf, sample_clip, trained, tmp_path):
    from PIL import Image

    (tmp_path / "photos/more").mkdir(parents=True)
    photo = picture_of(sample_clip(speaker="person03", face="seen"), tmp_path / "photos/1.jpg")
    Image.open(photo).save(tmp_path / "photos/2.avif", quality=95)
    picture_of(sample_clip(speaker="person01", face="seen"), tmp_path / "photos/more/3.png")
    (tmp_path / "photos/.hidden.jpg").write_bytes(photo.read_bytes())
    (tmp_path / "photos/notes.txt").write_text("none")
    code, out, _ = mraf("identify", tmp_path / "photos", "-w", trained, "--json")
    clips = json.loads(out)["clips"]
    assert [clip["path"].split("photos/")[1] for clip in clips] == ["1.jpg", "2.avif", "more/3.png"]
    assert code == 0
    assert [clip["speaker"] for clip in clips] == ["person03", "person03", "person01"]


def test_tracks_can_be_asked_for(mraf, sample_clip, trained):
    clip = sample_clip(speaker="person03", face="seen", sound="speech")
    code, out, _ = mraf("identify", clip, "-w", trained, "--audio-track", 2, "--video-track", 1)
    assert code == 0 and "voice  missing: no such track" in out and "person03" in out
    assert "note sound: there is no track 2; tracks of this file: 1" in out
    code, _, err = mraf("identify", clip, "-w", trained, "--audio-track", "0")
    assert code == 2 and "--audio-track '0': give a number from 1, or a language" in err


def test_the_note_of_a_clip_is_shown_with_each_of_them(mraf, sample_clip, trained):
    clips = [
        sample_clip(speaker=name, face="seen", sound="speech") for name in ("person01", "person03")
    ]
    code, out, _ = mraf("identify", *clips, "-w", trained, "--audio-track", 2)
    assert code == 0 and out.count("note sound: there is no track 2") == 2


@pytest.mark.parametrize(
    ("probabilities", "known", "shown"),
    [
        ([0.999, 0.0005, 0.0005], 0.999, ["ann  over 99 %"]),
        ([0.9, 0.08, 0.02], 0.84, ["ann  90 %  (84 % that this person is enrolled)", "then   ben 8 %, cem 2 %"]),
        # The share of a voice that nobody knows goes to all alike, and is none of theirs.
        ([0.6, 0.2, 0.2], None, ["ann  60 %"]),
    ],
)  # fmt: skip
def test_only_what_is_worth_reading_is_shown(capsys, probabilities, known, shown):
    names = [Candidate(speaker=n, probability=p) for n, p in zip(("ann", "ben", "cem"), probabilities, strict=True)]  # fmt: skip
    here = Evidence(present=True, weight=1.0, frames=8)
    show_identified(
        Prediction(
            path="x.mp4",
            speaker="ann",
            probability=probabilities[0],
            candidates=tuple(names),
            face=here,
            voice=replace(here, frames=None, seconds=3.0),
            known=known,
        )
    )
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[1 : 1 + len(shown)] == shown and lines[1 + len(shown)].startswith("face ")
