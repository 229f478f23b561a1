import json
from dataclasses import asdict, replace

import pytest

from mraf.errors import MrafError
from mraf.fingerprint import Fingerprint, readable

MADE = Fingerprint(
    face="dlib",
    face_weights="0.1.0",
    voice="campplus",
    voice_weights="92f2",
    frames=8,
    seconds=120.0,
    rules=3,
)
PUBLISHED = Fingerprint(
    face="facenet", face_weights="281c", voice="ecapa", voice_weights="0575", polysim="v1"
)


@pytest.mark.parametrize("made", [MADE, PUBLISHED])
def test_it_comes_back_from_json(made):
    assert Fingerprint.from_json(made.to_json()) == made
    assert Fingerprint.from_dict(json.loads(json.dumps(asdict(made)))) == made


def test_tracks_belong_to_the_files():
    asked = replace(MADE, audio_track="en", video_track=2)
    assert asked != MADE and asked.of_any_track == MADE
    assert str(asked) == f"{MADE} audio-track=en video-track=2"


def test_one_that_was_stored_before_there_were_tracks_is_read():
    earlier = {name: value for name, value in asdict(MADE).items() if "track" not in name}
    assert Fingerprint.from_dict(earlier) == MADE
    assert Fingerprint.from_json(json.dumps(earlier)) == MADE


def test_turns_are_told_and_clips_have_the_text_of_before_there_were_turns():
    turns = replace(MADE, turns="1+lr_asd")
    assert turns != MADE and turns.of_any_track == MADE and "turns" not in MADE.to_json()
    assert Fingerprint.from_json(turns.to_json()) == turns
    assert str(turns) == f"{MADE} turns=1+lr_asd"


def test_people_read_it_in_one_line():
    assert str(MADE) == "face=dlib@0.1.0 voice=campplus@92f2 frames=8 seconds=120 rules=3"
    assert str(PUBLISHED) == "polysim=v1 face=facenet@281c voice=ecapa@0575"
    assert readable(PUBLISHED.to_json()) == str(PUBLISHED) and readable("other") == "other"


def test_it_is_compared_whole_and_encoders_apart():
    for change in ({"frames": 3}, {"seconds": 9.0}, {"rules": 2}, {"polysim": "v1"}):
        other = replace(MADE, **change)
        assert other != MADE and other.to_json() != MADE.to_json() and other.shares_encoders(MADE)
    for change in ({"face": "x"}, {"face_weights": "1"}, {"voice": "x"}, {"voice_weights": "1"}):
        assert not replace(MADE, **change).shares_encoders(MADE)


@pytest.mark.parametrize(
    "text",
    [
        "face=dlib@0.1.0 voice=campplus@92f2 frames=8 seconds=120 rules=3",
        "[]",
        "{}",
        "[" * 100_000,
        json.dumps(asdict(MADE) | {"frames": "8"}),
        json.dumps(asdict(MADE) | {"more": 1}),
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(MrafError, match="Extract into a new workspace"):
        Fingerprint.from_json(text)
