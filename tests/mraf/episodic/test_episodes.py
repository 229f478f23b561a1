from dataclasses import replace

import torch
import torch.nn.functional as F

from tests.mraf.conftest import made_features
from tests.mraf.episodic.conftest import QUICK, training_clips


def few_recordings():
    """Speaker 2 has a single recording, speaker 4 has no clip."""
    features = made_features()
    return features.take(
        (features.label != 4) & ~((features.label == 2) & (features.recording > 6))
    )


def test_a_query_meets_no_prototype_that_holds_its_own_recording():
    clips = training_clips(few_recordings())
    recordings, drawn = set(), set()
    for _ in range(100):
        episode = clips.episode(QUICK)
        own = clips.recordings.recording[episode.query]
        for recording, label in zip(own.tolist(), episode.label.tolist(), strict=True):
            support = episode.support[episode.support_label == label].tolist()
            recordings.add(recording)
            # A speaker's only recording is its own prototype.
            assert (recording in support) == (label == 2)
            assert 1 <= len(support) <= QUICK.support and len(set(support)) == len(support)
        drawn |= set(episode.query.tolist())
    assert len(recordings) == len(clips.recordings.size)
    assert len(drawn) == len(clips.recordings.label)


def test_every_speaker_with_clips_has_a_query_and_a_prototype():
    clips = training_clips(few_recordings())
    episode = clips.episode(replace(QUICK, queries=3))
    assert episode.label.bincount(minlength=6).tolist() == [3, 3, 3, 3, 0, 3]
    assert sorted(set(episode.support_label.tolist())) == [0, 1, 2, 3, 5]
    assert torch.equal(clips.recordings.label[episode.query], episode.label)
    assert torch.equal(clips.recordings.speaker[episode.support], episode.support_label)


def test_means_of_recordings_are_those_of_the_clips_that_are_present():
    features = made_features(missing=0.6, clips=3, seed=2)
    clips = training_clips(features)
    present, recording = torch.from_numpy(features.voice_present), clips.recordings.recording
    assert not clips.voice_known.all()  # some recording has no voice at all
    for r in range(len(clips.recordings.size)):
        chosen = (recording == r) & present
        assert bool(clips.voice_known[r]) == bool(chosen.any())
        if chosen.any():
            mean = F.normalize(clips.voice.u[chosen].mean(dim=0), dim=-1)
            torch.testing.assert_close(clips.voice_mean[r], mean)
