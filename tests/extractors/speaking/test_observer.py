import numpy as np
import pytest

from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.speaking.agreement import learn
from mraf.extractors.speaking.lr_asd import Scorer
from mraf.extractors.speaking.mfcc import mfcc
from mraf.extractors.speaking.observer import PictureObserver
from mraf.extractors.speaking.step import best_shift
from mraf.extractors.streaming.parts import Seen
from mraf.extractors.weights import at_hand
from tests.helpers import seeded
from tests.helpers.sliced import real, sliced

PAIR = EncoderPair(face=EncoderSpec(name="dlib"), voice=EncoderSpec(name="campplus"))


def watch(observer: PictureObserver, pictures: np.ndarray, first: int = 0) -> Seen:
    for piece in sliced(pictures, first=first):
        observer.add(piece, observer.find(piece))
    return observer.finish()


@pytest.fixture(scope="module")
def drawn(sample_videos) -> np.ndarray:
    return real(sample_videos / "person01/English/rec1/02.mp4")[0][:60]


def test_a_drawn_person_is_followed_and_looked_at(drawn):
    observer = PictureObserver(PAIR, seeded.LR_ASD)
    seen = watch(observer, drawn, first=1_500)
    (track,) = seen.tracks
    assert (track.first_tick, track.lips.shape) == (1_500, (60, 128))
    assert track.vectors.shape[1] == 128 and len(track.vectors)
    again = watch(observer, drawn, first=1_500)
    assert np.array_equal(again.tracks[0].lips, track.lips)
    assert np.array_equal(again.tracks[0].vectors, track.vectors)
    assert np.isfinite(Scorer(seeded.LR_ASD).score(track.lips, np.zeros((240, 13)))).all()


def test_a_part_knows_the_one_before_it_unless_a_file_begins(drawn):
    observer = PictureObserver(PAIR, None)
    before = watch(observer, drawn)
    assert watch(observer, 255 - drawn).cuts.tolist() == [0.0]
    observer.begin()
    assert watch(observer, 255 - drawn).cuts.tolist() == []
    observer.begin(before)
    assert watch(observer, 255 - drawn).cuts.tolist() == [0.0]
    piece = sliced(drawn)[0]
    observer.add(piece, observer.find(piece))
    observer.begin()
    (track,) = watch(observer, drawn[:1]).tracks
    assert track.times.tolist() == [0.0]


def test_without_weights_lips_are_not_looked_at(drawn):
    (track,) = watch(PictureObserver(PAIR, None), drawn).tracks
    assert track.lips.shape == (0, 128) and len(track.vectors)


@pytest.mark.shared
@pytest.mark.weights
def test_real_people_speak_with_their_own_sound_and_as_stills_they_do_not(real_videos):
    found = at_hand("lr_asd")
    if found is None:
        pytest.skip("no weights of LR-ASD")
    observer, scorer = PictureObserver(PAIR, found), Scorer(found)
    for name in ("spk02", "spk05"):
        pictures, wave = real(sorted(real_videos.glob(f"{name}/**/*.mp4"))[0])
        (moves,) = watch(observer, pictures).tracks
        (still,) = watch(observer, np.repeat(pictures[:1], len(pictures), axis=0)).tracks
        assert (scorer.score(moves.lips, mfcc(wave)) > 0).mean() > 0.9
        assert (scorer.score(still.lips, mfcc(wave)) > 0).mean() < 0.1


@pytest.mark.shared
@pytest.mark.weights
def test_real_sound_that_was_moved_is_put_in_step_and_anothers_does_not_agree(real_videos):
    found = at_hand("lr_asd")
    if found is None:
        pytest.skip("no weights of LR-ASD")
    observer, lips, waves = PictureObserver(PAIR, found), [], []
    for clip in sorted(real_videos.glob("spk0[12456]/**/*.mp4"))[::4]:
        pictures, wave = real(clip)
        tracks = watch(observer, pictures).tracks
        if len(tracks) == 1 and len(tracks[0].lips) == len(pictures):
            lips.append(tracks[0].lips)
            waves.append(wave)
    late = np.zeros(3_200, np.float32)  # 0.2 s
    moved = [
        mfcc(np.concatenate([late, wave]), 0, 4 * len(each))
        for each, wave in zip(lips, waves, strict=True)
    ]
    assert best_shift(list(zip(lips, moved, strict=True))).seconds == pytest.approx(0.2, abs=0.1)
    agreement = learn(list(zip(lips, moved, strict=True)), 0.2)
    own = [agreement.of(*each, 0.2) for each in zip(lips, moved, strict=True)]
    others = [agreement.of(*each, 0.2) for each in zip(lips, moved[3:] + moved[:3], strict=True)]
    assert np.mean(own) > np.mean(others) + 0.1
