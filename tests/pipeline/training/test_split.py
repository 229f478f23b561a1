import numpy as np
import pytest

from mraf.data.table.labels import FeatureArrays
from mraf.errors import UsageError
from mraf.pipeline.training.split import folds_of, split, to_features
from mraf.types import Features


def arrays(
    *clips: tuple[str | None, str | None, str | None], face=None, voice=None
) -> FeatureArrays:
    """A table whose clips have these speakers, languages and recordings."""
    n = len(clips)
    face = np.ones(n, bool) if face is None else np.array(face, bool)
    voice = np.ones(n, bool) if voice is None else np.array(voice, bool)
    vectors = np.arange(n, dtype=np.float32)[:, None] + np.ones((n, 3), np.float32)
    speaker, language, recording = (list(column) for column in zip(*clips, strict=True))
    ids = [f"c{i}" for i in range(n)]
    return FeatureArrays(
        clip=ids,
        speaker=speaker,
        language=language,
        recording=recording,
        source_hash=list(ids),
        face_present=face,
        voice_present=voice,
        extractors=("face=a@1 voice=b@1 frames=8",),
        face=vectors,
        voice=vectors,
    )


def people(speakers=4, recordings=4, clips=3, languages=("English", "Urdu")):
    return [
        (f"s{s}", language, f"v{r}")
        for s in range(speakers)
        for language in languages
        for r in range(recordings)
        for _ in range(clips)
    ]


def test_whole_recordings_are_held_out_and_nothing_is_in_both():
    table = arrays(*people())
    parts = split(table, ["English"], 0.25, seed=1)
    train = {parts.recordings[i] for i in np.flatnonzero(parts.train)}
    heldout = {parts.recordings[i] for i in np.flatnonzero(parts.heldout)}
    assert not train & heldout
    assert len(train) == 12 and len(heldout) == 4
    assert {name[1] for name in train | heldout} == {"English"}
    assert (parts.speakers, parts.by_clip) == (("s0", "s1", "s2", "s3"), False)


def test_split_follows_the_seed_and_not_the_other_speakers():
    few, many = arrays(*people(4)), arrays(*people(8))
    first = split(few, None, 0.25, seed=1).heldout
    assert np.array_equal(first, split(few, None, 0.25, seed=1).heldout)
    assert np.array_equal(first, split(many, None, 0.25, seed=1).heldout[: len(first)])
    assert not np.array_equal(first, split(few, None, 0.25, seed=2).heldout)


def test_a_single_recording_is_never_held_out():
    table = arrays(("a", "English", "v1"), ("a", "English", "v2"), ("b", "English", "v1"))
    parts = split(table, None, 0.5, seed=1)
    assert parts.train[2] and parts.heldout[:2].sum() == 1


def test_with_single_recordings_only_clips_are_held_out():
    table = arrays(*people(3, recordings=1, clips=8, languages=("English",)))
    parts = split(table, None, 0.25, seed=1)
    assert parts.by_clip and parts.heldout.sum() == 6 and not (parts.train & parts.heldout).any()


def test_clips_without_a_recording_are_recordings_of_their_own():
    table = arrays(*[(s, "English", None) for s in "aabb"])
    parts = split(table, None, 0.5, seed=1)
    assert parts.heldout.sum() == 2 and not parts.by_clip


def test_nothing_held_out():
    parts = split(arrays(*people()), None, 0.0, seed=1)
    assert parts.train.all() and not parts.heldout.any() and not parts.by_clip


def test_clips_without_a_name_or_with_nothing_found_do_not_train():
    table = arrays(
        ("a", None, "v"), ("b", None, "v"), (None, None, "v"), ("b", None, "w"),
        face=[1, 1, 1, 0], voice=[1, 1, 1, 0],
    )  # fmt: skip
    assert split(table, None, 0.25, seed=1).train.tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("clips", "languages", "message"),
    [
        ([("a", "English", "v")] * 3, None, "only one speaker has clips to train on \\('a'\\)"),
        ([(None, None, None)] * 3, None, "no clip in the table has a speaker's name"),
        ([("a", "English", "v"), ("b", "Urdu", "v")], ["Hindi"], "there are: English, Urdu"),
        ([("a", "English", "v"), ("b", "Urdu", "v")], ["english"], "only one speaker"),
    ],
)
def test_too_little_to_train_on(clips, languages, message):
    with pytest.raises(UsageError, match=message):
        split(arrays(*clips), languages, 0.25, seed=1)


def test_features_for_the_model():
    table = arrays(
        ("b", "English", "v1"), ("a", "English", "v1"), (None, None, None), ("z", "Urdu", "v")
    )
    features = to_features(table, ["a", "b"], (3, 3), np.array([0, 1, 2, 3]))
    assert features.label.tolist() == [1, 0, -1, -1]
    assert len(set(features.recording.tolist())) == 4
    with pytest.raises(UsageError, match="have 3 numbers, the encoder's 5"):
        to_features(table, ["a", "b"], (5, 3), np.array([0]))


def test_every_spelling_of_a_language_is_that_language():
    table = arrays(*[(s, name, "v") for s in "ab" for name in ("English", "english", "Urdu")])
    assert split(table, ["ENGLISH"], 0.0, seed=1).train.sum() == 4


def test_the_same_video_under_two_names_is_not_on_both_sides():
    table = arrays(*people(2, recordings=4, clips=1, languages=("English",)))
    held = np.flatnonzero(split(table, None, 0.25, seed=1).heldout)
    twin = next(i for i in range(len(table)) if i not in held)
    table.source_hash[twin] = table.source_hash[held[0]]
    parts = split(table, None, 0.25, seed=1)
    assert np.array_equal(np.flatnonzero(parts.heldout), held) and not parts.train[twin]


def test_only_vectors_of_the_clips_wanted_are_read(monkeypatch):
    table, asked = arrays(*people(2, recordings=1, clips=2)), []
    monkeypatch.setattr(
        FeatureArrays,
        "vectors",
        lambda self, name, index: (asked.append((name, index.tolist())), self.face[index])[1],
    )
    mask = np.array([name == "Urdu" for name in table.language])
    features = to_features(table, ["s0", "s1"], (3, 3), mask)
    assert asked == [("face", [2, 3, 6, 7]), ("voice", [2, 3, 6, 7])]
    assert features.label.tolist() == [0, 0, 1, 1] and features.face[:, 0].tolist() == [3, 4, 7, 8]


def dealt(*clips: tuple[int, int], same: tuple[tuple[int, int], ...] = (), seed: int = 1):
    """Deal clips of these speakers and recordings; the clips at each two positions are one file."""
    label, recording = (np.array(column, np.int64) for column in zip(*clips, strict=True))
    vectors, present = np.ones((len(clips), 3), np.float32), np.ones(len(clips), bool)
    features = Features(
        face=vectors, face_present=present, voice=vectors, voice_present=present, label=label,
        recording=recording,
    )  # fmt: skip
    digests = [f"digest {i}" for i in range(len(clips))]
    for one, other in same:
        digests[other] = digests[one]
    return folds_of(features, digests, seed)


def test_whole_recordings_are_dealt_into_five_folds():
    clips = [(s, 10 * s + r) for s in range(4) for r in range(5) for _ in range(2)]
    fold, by_clip = dealt(*clips)
    assert not by_clip and np.bincount(fold).tolist() == [8] * 5
    assert (fold[::2] == fold[1::2]).all()  # both clips of a recording
    for s in range(4):
        assert sorted(fold[10 * s : 10 * s + 10 : 2]) == [0, 1, 2, 3, 4]
    assert np.array_equal(fold, dealt(*clips)[0])
    assert not np.array_equal(fold, dealt(*clips, seed=2)[0])


def test_recordings_that_share_a_file_are_in_one_fold():
    clips = [(s, 10 * s + r) for s in range(2) for r in range(5) for _ in range(2)]
    # The second clip of recording 0 is the first of recording 1, whose second is the first of 2.
    fold, _ = dealt(*clips, same=((1, 2), (3, 4)))
    assert len(set(fold[:6])) == 1 and len({fold[0], fold[6], fold[8]}) == 3
    assert len(set(fold[10:])) == 5


def test_a_recording_of_two_speakers_is_in_no_fold():
    clips = [(s, 10 * s + r) for s in range(2) for r in range(4) for _ in range(2)]
    # Both speakers have this file, the first one in recording 0, the second one in recording 10.
    fold, by_clip = dealt(*clips, same=((0, 8),))
    assert not by_clip and (fold[[0, 1, 8, 9]] == -1).all()
    others = np.delete(fold, [0, 1, 8, 9])
    assert (others >= 0).all() and (others[::2] == others[1::2]).all()


@pytest.mark.parametrize("seed", range(1, 9))
def test_no_fold_is_left_out_where_clips_of_two_speakers_were_dealt(seed):
    """A network is held out of fold 0 only."""
    clips = [(0, 0), (0, 1), (1, 10), (1, 11), (2, 20), (2, 21)]
    fold, _ = dealt(*clips, same=((0, 2), (3, 4)), seed=seed)
    assert (fold[[0, 2, 3, 4]] == -1).all()
    held = sorted(fold[[1, 5]])
    assert held in ([0, 1], [0, 0])


def test_the_only_recording_of_a_speaker_is_in_no_fold():
    fold, by_clip = dealt((0, 0), (0, 1), (1, 2), (1, 2))
    assert not by_clip and set(fold[:2]) == {0, 1} and (fold[2:] == -1).all()


def test_single_clips_are_dealt_where_no_speaker_has_two_recordings():
    fold, by_clip = dealt(*[(s, s) for s in range(3) for _ in range(4)])
    assert by_clip and (fold >= 0).all()
    assert all(len(set(fold[4 * s : 4 * s + 4])) == 4 for s in range(3))
    # Recordings that share a file count as one; the file is in one fold.
    fold, by_clip = dealt((0, 0), (0, 0), (0, 1), (1, 2), (1, 2), same=((1, 2),))
    assert by_clip and fold[1] == fold[2] != fold[0]
    assert dealt((0, 0), (1, 1)) == (pytest.approx([-1, -1]), True)


def in_two_languages(speakers=3, videos=6):
    """Videos that are cut in two languages, each of one speaker, and one named alike by all speakers."""
    return [
        (f"s{s}", language, name)
        for language in ("English", "Urdu")
        for s in range(speakers)
        for name in (*(f"video {s} {v}" for v in range(videos)), "rec1")
    ]


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_video_in_two_languages_is_in_one_fold_and_on_one_side(seed):
    table = arrays(*in_two_languages())
    half = len(table) // 2
    features = to_features(table, ["s0", "s1", "s2"], (3, 3), np.ones(len(table), bool))
    fold, by_clip = folds_of(features, table.source_hash, seed)
    videos = np.array(["video" in str(name) for name in table.recording[:half]])
    assert not by_clip and np.array_equal(fold[:half][videos], fold[half:][videos])
    held = split(table, None, 0.25, seed).heldout
    assert held.any() and np.array_equal(held[:half][videos], held[half:][videos])


def test_a_name_of_several_speakers_is_another_recording_in_each_language():
    table = arrays(*in_two_languages(2, videos=1), ("s0", "Urdu", None), ("s0", "English", None))
    recording = to_features(table, ["s0", "s1"], (3, 3), np.ones(10, bool)).recording
    # video and "rec1" of both speakers, in English and in Urdu; then clips of no recording
    assert [recording[i] for i in (4, 6)] == [recording[i] for i in (0, 2)]
    assert len(set(recording.tolist())) == 2 + 4 + 2


def test_single_clips_are_held_out_where_every_speaker_has_one_video_in_two_languages():
    table = arrays(*[each for each in in_two_languages(videos=1) if each[2] != "rec1"])
    features = to_features(table, ["s0", "s1", "s2"], (3, 3), np.ones(6, bool))
    assert folds_of(features, table.source_hash, 1)[1] and split(table, None, 0.5, seed=1).by_clip


def test_no_clips_are_in_no_fold():
    nothing = to_features(arrays(*people(2)), ["s0"], (3, 3), np.zeros(48, bool))
    fold, by_clip = folds_of(nothing, [], 1)
    assert len(fold) == 0 and not by_clip
