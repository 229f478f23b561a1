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


def find(wave: np.ndarray) -> Speech:
    """As many seconds as the first sample says, as loud as the last one says."""
    return Speech(wave=wave[1:], probability=1.0, seconds=float(wave[0]))


class Reading:
    """Answers what is read again by the number of the track or by the start of the part."""

    def __init__(self, **answers: Media | Exception) -> None:
        self.answers, self.asked = answers, []
        self.at: dict[tuple[int, float], Media] = {}

    def __call__(self, part: Part, wish: Wish) -> Media:
        self.asked.append((part, wish))
        name = f"at_{part.start:g}" if part.start else f"track_{wish.sound or wish.picture}"
        nothing = self.answers.get(name, MediaError("nothing there"))
        answer = self.at.get((wish.sound, part.start), nothing)
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
    assert media.notes == (
        "later minutes were read as well in search of a voice: it is from 4:00 to 5:00 (min:s)",
    )
    assert [part for part, _ in read.asked] == [
        Part(start=120.0, end=240.0),
        Part(start=240.0, end=300.0),
    ]
    assert all(wish == Wish(sound="en", picture=0) for _, wish in read.asked)


@pytest.mark.parametrize("first", [0.0, None])
def test_later_minutes_of_other_tracks_are_listened_to(first):
    media = clip(first, seconds=300.0, seconds_read=120.0, sound_track=1, **SEVERAL)
    read = Reading()
    read.at = {(2, 240.0): clip(6.0, notes=("sound: track 2 of 3",))}
    media, speech = with_speech(media, find, read, Part(), Wish())
    assert speech.seconds == 6.0 and media.wave[0] == 6.0
    assert media.notes == (
        "programme 1 of 2",
        "sound: track 2 of 3",
        "later minutes were read as well in search of a voice: it is from 4:00 to 5:00 (min:s)",
    )
    tracks = [2, 3] if first is None else [1, 2, 3]
    later = [(part.start, wish.sound) for part, wish in read.asked if part.start]
    assert later == [*((120.0, track) for track in tracks), *((240.0, t) for t in tracks if t < 3)]


def test_the_search_in_many_tracks_has_a_bound():
    media = clip(0.0, seconds=9e4, seconds_read=120.0, more_sound=tuple(range(2, 60)))
    read = Reading()
    media, _ = with_speech(media, find, read, Part(), Wish())
    assert sum(part.start is not None for part, _ in read.asked) == 4 * 4
    assert media.notes == (
        "later minutes were read as well in search of a voice, up to 10:00 (min:s): none is there",
    )


def test_ten_minutes_are_the_bound():
    read = Reading()
    with_speech(clip(0.0, seconds=9e4, seconds_read=120.0), find, read, Part(), Wish())
    assert [part.end for part, _ in read.asked] == [240.0, 360.0, 480.0, 600.0]


def test_later_minutes_of_a_part_stay_in_it():
    read, part = Reading(), Part(start=50.0, end=250.0)
    with_speech(clip(0.0, seconds=200.0, seconds_read=120.0), find, read, part, Wish())
    assert [each for each, _ in read.asked] == [Part(start=170.0, end=250.0)]


def channels(centre: tuple[float, float], rest: tuple[float, float], **more) -> Media:
    """A clip whose centre and other channels hold speech of so many seconds and such a level."""
    made = [np.array([seconds, *[level] * 100], np.float32) for seconds, level in (centre, rest)]
    return clip(0.0, **({"wave": made[0], "rest": made[1]} | more))


@pytest.mark.parametrize(
    ("centre", "rest", "taken"),
    [
        ((4.0, 0.1), (0.0, 0.5), "centre"),  # music around a voice
        ((4.0, 0.1), (4.0, 0.1), "centre"),
        ((4.0, 0.03), (4.0, 0.1), "centre"),
        ((4.0, 0.01), (4.0, 0.1), "rest"),  # leakage
        ((0.0, 0.5), (4.0, 0.1), "rest"),  # music in the centre
        ((0.0, 0.1), (0.0, 0.1), "centre"),
        ((0.75, 0.1), (1.5, 0.1), "rest"),
    ],
)
def test_of_several_channels_those_that_speak_are_heard(centre, rest, taken):
    media, speech = with_speech(channels(centre, rest), find, pytest.fail, Part(), Wish())
    assert speech.seconds == {"centre": centre, "rest": rest}[taken][0]
    assert media.wave[0] == speech.seconds and media.rest is None
    told = ["sound: the channels beside the centre, in which there is no speech or far quieter one"]
    assert list(media.notes) == (told if taken == "rest" else [])


def test_where_neither_centre_nor_rest_speaks_enough_all_channels_may():
    def find_sum(wave):
        return replace(find(wave), seconds=2.0 if wave[0] == np.float32(0.625) else 0.5)

    media = channels((0.5, 0.1), (0.75, 0.1))
    media, speech = with_speech(media, find_sum, pytest.fail, Part(), Wish())
    assert speech.seconds == 2.0 and media.notes[0].startswith("sound: all channels")


def test_of_the_channels_of_another_track_those_that_speak_are_heard():
    other = channels((0.0, 0.1), (4.0, 0.1), notes=("sound: track 2 of 3",))
    media, speech = with_speech(clip(0.0, **SEVERAL), find, Reading(track_2=other), Part(), Wish())
    assert speech.seconds == 4.0 and media.wave[0] == 4.0
    assert any("beside the centre" in note for note in media.notes)


def test_later_minutes_are_those_of_the_programme_that_was_read():
    media = clip(0.0, seconds=200.0, seconds_read=120.0, sound_track=3, picture_track=2)
    read = Reading()
    with_speech(media, find, read, Part(), Wish())
    with_face(FaceResult(reason="no_face"), media, embed, read, Part())
    later = {(wish.sound, wish.picture) for _, wish in read.asked}
    assert later == {(3, 0), (0, 2)}


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
    assert notes == (
        "later minutes were read as well in search of a face: it is from 4:00 to 5:00 (min:s)",
    )
    assert all(part.is_quick and wish == Wish(sound=0, picture=3) for part, wish in read.asked)
    starts = [part.start for part, _ in read.asked]
    assert starts == [0.0, 30.0, 60.0, 90.0, 120.0, 240.0]


def test_later_minutes_without_key_frames_are_decoded_whole():
    media = clip(4.0, frames=None, seconds=300.0, seconds_read=120.0)
    asked = []

    def read(part: Part, wish: Wish) -> Media:
        asked.append((part.start, part.is_quick))
        shown = FRAMES[:3] if part.is_quick else FRAMES
        return replace(media, frames=shown)

    def embed_whole(media: Media) -> FaceResult:
        return FACE if len(media.frames) == 8 else FaceResult(reason="no_face")

    face, notes = with_face(FaceResult(reason="no_face"), media, embed_whole, read, Part())
    assert face is FACE and asked == [(120.0, True), (240.0, True), (120.0, False)]
    assert notes[-1].endswith("in search of a face: it is from 2:00 to 4:00 (min:s)")
    face, notes = with_face(
        FaceResult(reason="no_face"), media, lambda _: FaceResult(reason="no_face"), read, Part()
    )
    assert face.vector is None and len(asked) == 3 + 4
    assert notes[-1].endswith("in search of a face, up to 5:00 (min:s): none is there")


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
