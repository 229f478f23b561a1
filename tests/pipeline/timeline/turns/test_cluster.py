import numpy as np
import pytest

from mraf.errors import UsageError
from mraf.extractors.streaming.parts import Observed
from mraf.pipeline.timeline.turns import cluster
from mraf.pipeline.timeline.turns.cluster import voices_of
from mraf.pipeline.timeline.turns.sound import gather
from tests.helpers import made_sound
from tests.helpers.made_sound import Turns, parts, voice_of


def conversation(names: list[str], count: int, seconds: float = 4.0) -> tuple[Turns, float]:
    turns = [(1 + i * (seconds + 0.5), 1 + i * (seconds + 0.5) + seconds) for i in range(count)]
    return [(a, b, names[i % len(names)]) for i, (a, b) in enumerate(turns)], turns[-1][1] + 2


@pytest.mark.parametrize("people", [1, 2, 3, 6])
def test_as_many_voices_as_people_and_their_turns(people):
    names = [f"person {i}" for i in range(people)]
    turns, length = conversation(names, 18)
    found = voices_of(parts(turns, length))
    assert len(found.seconds) == people
    assert np.diag(found.vectors @ np.array([voice_of(n) for n in names]).T).min() > 0.85
    told = [(t.voice, t.start, t.stop) for t in found.turns if t.stop - t.start > 1]
    if people > 1:
        assert [v for v, *_ in told] == [i % people for i in range(18)]
        assert [at for _, *two in told for at in two] == pytest.approx(
            [at for *two, _ in turns for at in two], abs=0.3
        )
    assert found.seconds.sum() == pytest.approx(18 * 4, rel=0.1)


def test_turns_have_vectors_and_seconds_of_their_own():
    turns, length = conversation(["ann", "bob"], 8)
    found = voices_of(parts(turns, length))
    for turn in found.turns:
        assert turn.vector is not None and turn.seconds == pytest.approx(4, abs=0.3)
        assert turn.vector @ voice_of(["ann", "bob"][turn.voice]) > 0.7
        assert np.linalg.norm(turn.vector) == pytest.approx(1, abs=1e-5)


def test_the_number_of_speakers_may_be_told():
    turns, length = conversation(["ann", "bob", "cem"], 12)
    made = parts(turns, length)
    for number in (1, 2, 3, 4, 7):
        found = voices_of(made, speakers=number)
        assert len(found.seconds) == len(found.vectors) == number
        assert {t.voice for t in found.turns} == set(range(number))
    assert len(voices_of(made, most=2).seconds) == 2
    assert len(voices_of(made, least=5).seconds) == 5
    assert len(voices_of(made, least=2, most=4).seconds) == 3


def test_more_speakers_than_there_is_speech_for():
    found = voices_of(parts([(1.0, 2.5, "ann")], 4.0), speakers=5)
    assert 1 <= len(found.seconds) <= 5 and len(found.turns)


@pytest.mark.parametrize("number", [160, 1000])
def test_far_more_speakers_than_there_are_come_to_an_end(number):
    turns, length = conversation(["ann", "bob", "cem"], 72)
    found = voices_of(parts(turns, length), speakers=number)
    assert len(found.seconds) == len({t.voice for t in found.turns if t.voice >= 0})
    assert 100 < len(found.seconds) <= min(number, cluster.MOST)


def test_many_people_have_a_voice_each():
    """There were 60 voices at most, so that some were of several people."""
    turns, length = conversation([f"person {i}" for i in range(70)], 210)
    found = voices_of(parts(turns, length))
    assert len(found.seconds) == 70 and found.notes == ()


def test_where_more_people_may_speak_than_voices_are_told_apart_it_is_told(monkeypatch):
    monkeypatch.setattr(cluster, "MOST", 20)
    turns, length = conversation([f"person {i}" for i in range(40)], 80)
    made = parts(turns, length)
    found = voices_of(made)
    assert len(found.seconds) <= 20
    assert [note.split(" are told apart, ")[1][:13] for note in found.notes] == ["of 20 at most"]
    assert voices_of(made, most=4).notes == ()  # as somebody wants it
    turns, length = conversation(["ann", "bob", "cem"], 80)
    assert voices_of(parts(turns, length)).notes == ()


def test_a_voice_heard_for_a_second_is_none():
    turns, length = conversation(["ann", "bob"], 8)
    found = voices_of(parts([*turns, (length, length + 0.8, "eve")], length + 2))
    assert len(found.seconds) == 2


def test_an_hour_has_no_more_voices_than_a_minute():
    turns, length = conversation(["ann", "bob", "cem"], 800)
    found = voices_of(parts(turns, length))
    assert length > 3600 and len(found.seconds) == 3


def test_a_person_who_sounds_another_way_later_on_is_one_voice(monkeypatch):
    """Found in a meeting: 30 s of one person made two voices of ten seconds each."""

    def changing(name: str) -> np.ndarray:
        voice = voice_of(name.removesuffix(" later"))
        if name.endswith(" later"):
            voice = voice + 1.3 * voice_of("another mood")
        return voice / np.linalg.norm(voice)

    monkeypatch.setattr(made_sound, "voice_of", changing)
    turns, length = conversation(["ann", "bob", "ann later", "bob"], 12)
    made = parts(turns, length)
    assert len(voices_of(made).seconds) == 2
    monkeypatch.setattr(cluster, "ONE_VOICE", 99.0)
    assert len(voices_of(made).seconds) == 3


def test_numbers_that_cannot_be_are_refused():
    for wrong in ({"speakers": 0}, {"least": 3, "most": 2}, {"least": 0}, {"most": 0}):
        with pytest.raises(UsageError, match="number of speakers"):
            voices_of([], **wrong)
    with pytest.raises(UsageError, match="no voice encoder 'ge2e'"):
        voices_of([], voice="ge2e")


def test_no_sound_no_speech_and_speech_too_short_for_a_vector():
    silent = Observed(start=0.0, stop=60.0, heard=None, seen=None)
    for made in ([], [silent], parts([], 20.0)):
        found = voices_of(made)
        assert found.turns == () and len(found.vectors) == len(found.seconds) == 0
    short = voices_of(parts([(1.0, 1.35, "ann")], 5.0), speakers=2)
    assert [turn.voice for turn in short.turns] == [-1] and len(short.seconds) == 0


def test_voices_are_numbered_as_they_begin():
    turns = [(1.0, 9.0, "zoe"), (10.0, 18.0, "ann"), (19.0, 27.0, "zoe")]
    found = voices_of(parts(turns, 30.0))
    assert [turn.voice for turn in found.turns] == [0, 1, 0]
    assert found.vectors[0] @ voice_of("zoe") > 0.8


def test_the_work_for_a_turn_does_not_grow_with_the_file():
    """Each turn went over all spans, so that ten times the file took a hundred times as long."""
    turns, length = conversation(["ann", "bob"], 60)
    sound = gather(parts(turns, length))
    assert sound is not None
    middle = sound.spans.mean(axis=1)
    voice = (middle // 4.5).astype(int) % 2
    looked: list[int] = []

    class Watched(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **options):
            looked.append(max(np.size(each) for each in inputs))
            plain = [np.asarray(each) for each in inputs]
            return getattr(ufunc, method)(*plain, **options)

    found = cluster._turn(sound, voice.view(Watched), middle, 10.0, 14.0, 0)
    assert found.vector is not None and looked and max(looked) < 12 < len(voice)


def test_turns_change_where_the_picture_cuts():
    """Spans of 1.5 s lie over a change that the windows do not hear: it was up to 0.7 s off."""
    turns = [(1.0, 8.3, "ann"), (8.3, 16.0, "bob"), (16.5, 24.0, "ann")]
    plain = voices_of(parts(turns, 26.0))
    found = voices_of(parts(turns, 26.0), cuts=np.array([8.3]))
    assert [t.voice for t in found.turns] == [t.voice for t in plain.turns] == [0, 1, 0]
    assert [found.turns[0].stop, found.turns[1].start] == pytest.approx([8.3, 8.3], abs=0.02)
