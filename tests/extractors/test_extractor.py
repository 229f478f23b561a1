import os
from dataclasses import replace
from threading import Barrier

import cv2
import numpy as np
import pytest

from mraf.errors import MediaError, UsageError
from mraf.extractors import extractor as module
from mraf.extractors.extractor import ClipExtractor, ExtractOptions, Files
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.media.read import Media, read_video
from mraf.extractors.voice.embed import VoiceResult
from mraf.extractors.voice.vad import Speech
from tests.extractors.media.test_tracks import pitch, write_tracks
from tests.helpers import seeded
from tests.helpers.media_files import corners, tone, write_media


class Nobody:
    """A face finder that finds nobody."""

    def find(self, clips):
        return [[] for _ in clips]


class Listening:
    """A speech finder that takes all sound for speech."""

    def find(self, wave):
        return Speech(wave=wave, probability=1.0, seconds=60.0)


@pytest.fixture
def bare(monkeypatch):
    """Makes extractors without networks."""
    made = []

    def make(**arguments):
        made.append(
            ClipExtractor(seeded.pair(), ExtractOptions(frames=3, max_seconds=1.0), **arguments)
        )
        return made[-1]

    monkeypatch.setattr(module, "FaceFinder", lambda *_: Nobody())
    monkeypatch.setattr(module, "SpeechFinder", Listening)
    monkeypatch.setattr(module.encoders, "build", lambda *args: None)
    yield make
    for each in made:
        each.close()


class PickyListening:
    """A speech finder that takes a tone of 1 kHz for speech."""

    def find(self, wave):
        spectrum = np.abs(np.fft.rfft(wave[4000:12000]))
        is_speech = abs(2 * spectrum.argmax() - 1000) < 50
        return Speech(wave=wave, probability=1.0, seconds=60.0 * is_speech)


@pytest.fixture
def two_tracks(tmp_path):
    """A file with a tone of 500 Hz (eng) and one of 1 kHz (ger)."""
    return write_tracks(tmp_path / "clip.mkv", {"language": "eng"}, {"language": "ger"})


def test_the_track_with_speech_is_read_and_told(bare, monkeypatch, two_tracks):
    monkeypatch.setattr(module, "SpeechFinder", PickyListening)
    media, speech = bare()._read(Files(two_tracks))
    assert pitch(media) == 1000 and speech.seconds
    assert media.notes == ("sound: track 2 of 2 (ger); the first choice holds too little speech",)


@pytest.mark.parametrize(("track", "hertz"), [(None, 500), ("2", 1000), ("German", 1000)])
def test_the_track_that_was_asked_for_is_read(bare, two_tracks, track, hertz):
    extractor = bare()
    extractor.options = replace(extractor.options, audio_track=track)
    media, _ = extractor._read(Files(two_tracks))
    assert pitch(media) == hertz
    sound_alone, _ = extractor._read(Files(None, two_tracks))
    assert pitch(sound_alone) == hertz


def test_a_part_of_a_file_is_read(bare, tmp_path):
    path = write_media(tmp_path / "clip.mp4", np.repeat(corners()[None], 50, 0), tone(2.0))
    media, _ = bare()._read(Files(path, start=0.5, end=1.0))
    assert abs(len(media.wave) - 8000) < 200 and media.seconds == 0.5


def test_tracks_are_options_that_change_vectors():
    plain = ExtractOptions().fingerprint(seeded.pair())
    asked = ExtractOptions(audio_track="en", video_track=2).fingerprint(seeded.pair())
    assert plain != asked and plain == asked.of_any_track
    for wrong in ({"audio_track": ""}, {"audio_track": "0"}, {"video_track": 0}):
        with pytest.raises(UsageError, match="give a number from 1"):
            ExtractOptions(**wrong)


def test_clips_are_decoded_in_a_child_process_by_the_options(bare, tmp_path, monkeypatch):
    path = write_media(tmp_path / "clip.mp4", np.repeat(corners()[None], 50, 0), tone(2.0))
    expected = read_video(path, frames=3, max_seconds=1.0)
    monkeypatch.setattr(
        "mraf.extractors.media.read.read_video", lambda *args: pytest.fail("decoded here")
    )
    media, speech = bare()._read(Files(path))
    assert np.array_equal(media.frames, expected.frames)
    assert np.array_equal(media.wave, expected.wave) and np.array_equal(speech.wave, expected.wave)


def test_a_face_says_why_its_picture_could_not_be_decoded(bare, tmp_path, monkeypatch):
    sound = write_media(tmp_path / "voice.wav", wave=tone(1.0), audio_codec="pcm_s16le")
    broken = tmp_path / "face.png"
    broken.write_bytes(b"no picture")
    found = VoiceResult(vector=np.ones(4, np.float32))
    monkeypatch.setattr(module, "embed_voices", lambda clips, _: [found] * len(clips))
    result = bare()(audio=sound, image=broken)
    assert (result.face.reason, result.voice) == ("decode_error", found)
    assert result.face.problem == "face.png: not a picture that can be decoded"


class Recording:
    """An encoder that keeps what it is given."""

    def embed(self, *arguments):
        self.given = arguments
        return np.ones((1, 2), np.float32)


def test_whole_files_are_embedded_without_looking_for_anything(bare, tmp_path):
    sound = write_media(tmp_path / "voice.wav", wave=tone(1.0), audio_codec="pcm_s16le")
    short = write_media(tmp_path / "short.wav", wave=tone(0.5), audio_codec="pcm_s16le")
    picture, broken = tmp_path / "face.png", tmp_path / "broken.png"
    cv2.imwrite(str(picture), corners(48, 64))
    broken.write_bytes(b"no picture")
    extractor = bare()
    extractor._face, extractor._voice = Recording(), Recording()
    face, voice = extractor.whole(sound, picture)
    assert face.shape == voice.shape == (2,)
    frames, boxes = extractor._face.given
    assert frames.shape == (1, 48, 64, 3) and boxes.tolist() == [[0, 0, 64, 48]]
    ((wave,),) = extractor._voice.given
    assert len(wave) == 16_000
    assert extractor.whole(short, picture)[1] is None
    face, voice = extractor.whole(sound, broken)
    assert face is None and voice is not None
    with pytest.raises(MediaError, match="broken.png"):
        extractor.whole(None, broken)


def test_close_ends_the_child_processes(bare):
    extractor = bare(decoders=2)
    pids = [decoder.pid for decoder in extractor._decoders]
    assert len(set(pids)) == 2
    extractor.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_several_decoders_work_at_the_same_time(bare, monkeypatch):
    extractor, both = bare(decoders=2), Barrier(2, timeout=60)
    for decoder in extractor._decoders:
        monkeypatch.setattr(decoder, "read", _meeting(both))
    found = extractor.many([Files()] * 4)
    assert [str(each) for each in found] == ["met"] * 4


def _meeting(both):
    def read(*_, **__):
        both.wait()  # breaks where one comes alone
        raise MediaError("met")

    return read


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """FaceNet and ECAPA-TDNN with weights from a generator."""
    return seeded.write_pair(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def made():
    """Makes extractors of two frames, and ends their decoders."""
    extractors = []

    def make(*arguments, **options):
        extractors.append(ClipExtractor(*arguments, ExtractOptions(frames=2), **options))
        return extractors[-1]

    yield make
    for each in extractors:
        each.close()


def test_clips_together_on_a_device_give_what_each_gives_alone_on_a_cpu(
    published, sample_videos, tmp_path, made, torch_device
):
    """On torch modules, as on a GPU; on a CPU with OpenVINO the work goes clip by clip."""
    videos = sorted(sample_videos.rglob("*.mp4"))[::9]
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    silent = write_media(tmp_path / "silent.mp4", np.repeat(corners()[None], 10, 0))
    sound = write_media(tmp_path / "sound.mp4", wave=tone(2.0))
    clips = [*map(Files, videos), Files(broken), Files(silent), Files(audio=sound)]
    alone = made(published, device="cpu:0")
    together = made(published, device=torch_device, decoders=2).many(clips)
    assert isinstance(together[len(videos)], MediaError)
    # Half precision moves a probability by up to a hundredth.
    near = {"cpu:0": 1e-3, "cuda": 2e-2}[torch_device]
    for clip, found in zip(clips, together, strict=True):
        if clip.video == broken:
            with pytest.raises(MediaError, match=r"broken\.mp4"):
                alone(*clip)
            continue
        expected = alone(*clip)
        for one, other in ((expected.face, found.face), (expected.voice, found.voice)):
            assert one.reason == other.reason
            assert other.quality == pytest.approx(one.quality, abs=near)
            if one.vector is not None:
                assert other.vector.dtype == np.float32
                assert cosine(one.vector, other.vector) >= (0.999 if near > 1e-2 else 0.999999)
    assert sum(each.face.vector is not None for each in together[: len(videos)]) >= 3


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


class LoudOrQuiet:
    """A voice encoder for which loud and quiet sound are two people's."""

    different = 0.4

    def embed(self, waves):
        share = [float(np.abs(wave).mean()) for wave in waves]
        return np.array([[each, 1 - each] for each in share], np.float32)


def test_the_two_sides_of_a_recording_are_two_voices():
    extractor = object.__new__(ClipExtractor)
    extractor._voice, extractor._segmentation, extractor._speech = (
        LoudOrQuiet(),
        None,
        [Listening()],
    )
    left, right = np.ones(48_000, np.float32), np.zeros(48_000, np.float32)
    voice, mixed = VoiceResult(vector=np.ones(2, np.float32)), Listening().find((left + right) / 2)
    media = Media(frames=None, times=np.zeros(0), wave=mixed.wave, sides=np.stack([left, right]))
    found = extractor._several(voice, (media, mixed))
    assert [each.side for each in found.voices] == ["left", "right"]
    alike = replace(media, sides=np.stack([left, left]))
    assert extractor._several(voice, (alike, mixed)).voices == ()
    silent = VoiceResult(reason="no_speech")
    assert extractor._several(silent, (media, mixed)) is silent


def test_sound_that_is_cut_off_or_very_quiet_is_noted():
    face, voice = FaceResult(reason="no_face"), VoiceResult(vector=np.ones(2, np.float32))
    media = Media(
        frames=None,
        times=np.zeros(0),
        wave=np.ones(16_000, np.float32),
        clipped=0.034,
        notes=("first",),
    )
    speech = replace(Listening().find(media.wave), gain=100.0)
    assert module._explained((face, media.notes), voice, (media, speech)).notes == (
        "first",
        "the sound is cut off where it is loud (3% of it)",
        "the sound is very quiet: it was made louder by 40 dB",
    )
    calm = module._explained(
        (face, media.notes), voice, (replace(media, clipped=0.001), Listening().find(media.wave))
    )
    assert calm.notes == ("first",)
