"""Voices and faces that lie in another track, or in later minutes."""

from dataclasses import replace

import numpy as np
import pytest

from mraf.errors import BusyError, MediaError
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.media.read import Media, Part, Wish
from mraf.extractors.second_looks import with_face, with_speech
from mraf.extractors.voice.vad import Speech

FRAMES = np.zeros((8, 4, 4, 3), np.uint8)
SILENT = np.zeros(100, np.float32)


def clip(seconds_of_speech: float | None, **more) -> Media:
    """A clip whose sound says how much speech is in it; None: no sound that can be decoded."""
    wave = None if seconds_of_speech is None else SILENT + np.float32(seconds_of_speech)
    reason = "decode_error" if wave is None else None
    given = {"frames": FRAMES, "times": np.arange(8.0), "wave": wave, "wave_reason": reason}
    return Media(**(given | more))


def find(media: Media) -> Speech | None:
    if media.wave is None:
        return None
    return Speech(wave=media.wave, probability=1.0, seconds=float(media.wave[0]))


class Reading:
    """Answers what is read again by the number of the track or by the start of the part."""

    def __init__(self, **answers: Media | Exception) -> None:
        self.answers, self.asked = answers, []

    def __call__(self, part: Part, wish: Wish) -> Media:
        self.asked.append((part, wish))
        name = f"at_{part.start:g}" if part.start else f"track_{wish.sound or wish.picture}"
        answer = self.answers.get(name, MediaError("nothing there"))
        if isinstance(answer, Exception):
            raise answer
        return answer


SEVERAL = {"more_sound": (2, 3), "notes": ("programme 1 of 2", "sound: track 1 of 3")}


def test_a_clip_with_speech_is_not_read_again():
    media = clip(4.0, **SEVERAL, seconds=900.0, seconds_read=120.0)
    found, speech = with_speech(media, find, pytest.fail, Part(), Wish())
    assert found is media and speech.seconds == 4.0


@pytest.mark.parametrize("first", [None, 0.0, 0.9])
def test_the_next_track_with_speech_is_taken(first):
    read = Reading(track_2=clip(0.2), track_3=clip(5.0, notes=("sound: track 3 of 3 ('Mic')",)))
    media, speech = with_speech(clip(first, **SEVERAL), find, read, Part(), Wish())
    assert speech.seconds == 5.0 and media.wave[0] == 5.0 and media.wave_reason is None
    lacks = "cannot be read" if first is None else "holds too little speech"
    assert media.notes == (
        "programme 1 of 2",
        f"sound: track 3 of 3 ('Mic'); the first choice {lacks}",
    )
    assert [wish for _, wish in read.asked] == [
        Wish(sound=2, picture=0),
        Wish(sound=3, picture=0),
    ]
    assert media.frames is FRAMES


def test_where_no_track_holds_speech_the_first_stands():
    media, speech = with_speech(clip(0.5, **SEVERAL), find, Reading(), Part(), Wish())
    assert speech.seconds == 0.5
    assert media.notes[1] == (
        "sound: track 1 of 3; it holds too little speech, and so do the others"
    )


def test_later_minutes_are_listened_to_where_the_first_hold_no_speech():
    media = clip(0.0, seconds=300.0, seconds_read=120.0)
    read = Reading(at_120=clip(0.0), at_240=clip(9.0))
    media, speech = with_speech(media, find, read, Part(), Wish(sound="en"))
    assert speech.seconds == 9.0 and media.wave[0] == 9.0
    assert media.notes == ("no voice before 4:00: it is from 4:00 to 5:00 (min:s)",)
    assert [part for part, _ in read.asked] == [
        Part(start=120.0, end=240.0),
        Part(start=240.0, end=300.0),
    ]
    assert all(wish == Wish(sound="en", picture=0) for _, wish in read.asked)


def test_ten_minutes_are_the_bound():
    read = Reading()
    with_speech(clip(0.0, seconds=9e4, seconds_read=120.0), find, read, Part(), Wish())
    assert [part.end for part, _ in read.asked] == [240.0, 360.0, 480.0, 600.0]


def test_later_minutes_of_a_part_stay_in_it():
    read, part = Reading(), Part(start=50.0, end=250.0)
    with_speech(clip(0.0, seconds=200.0, seconds_read=120.0), find, read, part, Wish())
    assert [each for each, _ in read.asked] == [Part(start=170.0, end=250.0)]


def test_a_lost_drive_is_no_silence():
    read = Reading(track_2=BusyError("gone"))
    with pytest.raises(BusyError):
        with_speech(clip(0.0, **SEVERAL), find, read, Part(), Wish())


FACE = FaceResult(vector=np.ones(3, np.float32), frames=4)


def embed(media: Media) -> FaceResult:
    return FaceResult(reason="no_face") if media.frames is None else FACE


@pytest.mark.parametrize("reason", ["no_face", "face_too_small", "decode_error", "only_cover"])
def test_the_next_picture_with_a_face_is_taken(reason):
    media = clip(4.0, more_pictures=(3, 1), notes=("sound: track 1 of 2", "picture: track 2 of 3"))
    read = Reading(
        track_3=replace(media, frames=None, frames_reason="decode_error"),
        track_1=replace(media, notes=("picture: track 1 of 3",)),
    )
    face, notes = with_face(FaceResult(reason=reason), media, embed, read, Part())
    assert face is FACE
    assert notes == (
        "sound: track 1 of 2",
        "picture: track 1 of 3; the first choice shows no face",
    )


def test_later_minutes_are_looked_at_where_the_first_show_no_face():
    media = clip(4.0, seconds=300.0, seconds_read=120.0)
    read = Reading(at_240=clip(0.0))
    face, notes = with_face(
        FaceResult(reason="no_face"), media, embed, read, Part(), Wish(sound=2, picture=3)
    )
    assert face is FACE
    assert notes == ("a face is seen in few frames only: it is from 4:00 to 5:00 (min:s)",)
    assert all(part.is_quick and wish == Wish(sound=0, picture=3) for part, wish in read.asked)
    starts = [part.start for part, _ in read.asked]
    assert starts == [0.0, 30.0, 60.0, 90.0, 120.0, 240.0]


def test_more_frames_are_looked_at_where_they_lie_far_apart():
    read, part = Reading(at_56=clip(0.0)), Part(start=8.0, end=72.0)
    face, notes = with_face(
        FaceResult(reason="no_face"), clip(4.0, seconds=64.0), embed, read, part
    )
    assert face is FACE
    assert notes == ("a face is seen in few frames only: it is from 0:56 to 1:12 (min:s)",)
    face, notes = with_face(
        FaceResult(reason="no_face"), clip(4.0, seconds=15.0), embed, pytest.fail, Part()
    )
    assert face.vector is None and notes == ()


def test_a_face_that_is_there_is_not_looked_for():
    media = clip(4.0, more_pictures=(2,), seconds=300.0, seconds_read=120.0)
    assert with_face(FACE, media, embed, pytest.fail, Part()) == (FACE, ())
    small = FaceResult(reason="face_too_small")
    short = clip(4.0, seconds=300.0, seconds_read=120.0)
    assert with_face(small, short, embed, pytest.fail, Part()) == (small, ())
