"""The comparison with the challenge's vectors, on a small copy of it with painted faces."""

import shutil

import cv2
import numpy as np
import pytest
import torch

from mraf.data.polysim.layout import read_layout
from mraf.errors import MediaError, MissingError, UsageError
from mraf.extractors import weights
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.extractor import ClipExtractor, Extracted
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.voice.embed import VoiceResult
from mraf.extractors.weights import sha256_of
from mraf.pipeline.polysim import verify as module
from mraf.pipeline.polysim.verify import verify
from tests.helpers import seeded
from tests.helpers.media_files import tone, write_media
from tests.helpers.polysim_files import Layout
from tests.helpers.polysim_media import place, write_pool

CLIPS = 12


def small(root, **options):
    return Layout(root, speakers=2, videos=1, clips=2, tests=2, **options).write().add_media_paths()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """FaceNet and ECAPA-TDNN with seeded weights."""
    folder = tmp_path_factory.mktemp("weights")
    torch.save(seeded.facenet_state(), folder / "face.pt")
    torch.save(seeded.ecapa().state_dict(), folder / "voice.ckpt")
    specs = [
        EncoderSpec(name=name, weights=folder / file, sha256=sha256_of(folder / file))
        for name, file in (("facenet", "face.pt"), ("ecapa", "voice.ckpt"))
    ]
    return EncoderPair(face=specs[0], voice=specs[1])


@pytest.fixture(scope="module")
def published(pair, sample_videos, tmp_path_factory):
    """A challenge whose vectors the seeded networks made of its wav and jpg files."""
    root = tmp_path_factory.mktemp("published") / "polysim"
    layout = small(root, backslash=True)
    pool = write_pool(sample_videos, tmp_path_factory.mktemp("pool"), 2)
    used = place(layout, root, pool)
    extractor = ClipExtractor(pair)
    vectors = [extractor(audio=sound, image=picture) for sound, picture in pool]
    extractor.close()
    for split in read_layout(root).splits:
        for entry in split.entries:
            found = vectors[used[entry.sound]]
            np.save(root / entry.face, found.face.vector)
            np.save(root / entry.voice, found.voice.vector)
    return root


@pytest.fixture
def challenge(published, tmp_path):
    """A copy of it, to be changed."""
    return shutil.copytree(published, tmp_path / "polysim")


def test_vectors_of_the_same_networks_have_cosine_1(published, pair):
    done = []
    report = verify(
        published, encoders=pair, on_progress=lambda count, total: done.append((count, total))
    )
    assert report.samples == {"English": 6, "Urdu": 6} and done[-1] == (CLIPS, CLIPS)
    for each in (report.face, report.voice):
        assert each.found.n == each.whole.n == CLIPS and each.not_found.n == 0
        assert each.found.median == pytest.approx(1, abs=1e-4)
        assert each.found.p5 == pytest.approx(1, abs=1e-4)
        assert not each.reasons and not each.unpublished
    assert report.problems == () and report.passed_over == 0
    assert report.encoders == pair.fingerprint.encoders


def test_other_vectors_are_different(challenge, pair):
    small(challenge)
    report = verify(challenge, encoders=pair, samples=10)
    for each in (report.face, report.voice):
        assert abs(each.found.median) < 0.3 and each.verdict == "different"
        assert each.found.n == 10


class Recorded:
    """An extractor that finds a face and a voice in each file but those with some names."""

    lost: tuple[str, ...] = ()
    faceless: tuple[str, ...] = ()
    seen: list

    def __init__(self, *_, **__):
        type(self).seen = []

    def __call__(self, audio, image):
        self.seen.append((audio, image))
        if image.name in self.lost:
            raise MediaError(f"{image.name}: broken")
        face = FaceResult(vector=np.ones(512, np.float32))
        if image.name in self.faceless:
            face = FaceResult(reason="no_face")
        return Extracted(face=face, voice=VoiceResult(vector=np.ones(192, np.float32)))

    def whole(self, audio, image):
        return np.ones(512, np.float32), np.ones(192, np.float32)

    def close(self):
        self.seen.append("closed")


@pytest.fixture
def recorded(monkeypatch):
    fake = type("Fake", (Recorded,), {})
    monkeypatch.setattr(module, "ClipExtractor", fake)
    return fake


PAIR = EncoderPair(
    face=EncoderSpec(name="facenet", sha256="0" * 64),
    voice=EncoderSpec(name="ecapa", sha256="1" * 64),
)


@pytest.fixture
def files(tmp_path):
    """A challenge with files in place of media, which only `Recorded` reads."""
    layout = small(tmp_path / "polysim")
    for split in ("train", "test"):
        for language in layout.languages:
            for path in sum(layout.media(split, language), ()):
                (layout.root / path).parent.mkdir(parents=True, exist_ok=True)
                (layout.root / path).touch()
    return layout


def test_the_seed_draws_the_clips_from_all_languages_alike(files, recorded):
    drawn = {}
    for seed in (1, 2):
        for again in range(2):
            report = verify(files.root, samples=5, seed=seed, encoders=PAIR)
            assert report.samples == {"English": 3, "Urdu": 2}
            drawn[seed, again] = recorded.seen[:-1]
            languages = [p.parts[-2] for p, _ in drawn[seed, again] if "test" in p.parts]
            languages += [p.parts[-3] for p, _ in drawn[seed, again] if "test" not in p.parts]
            assert sorted(languages) == ["English"] * 3 + ["Urdu"] * 2
            assert len(set(drawn[seed, again])) == 5
            assert recorded.seen[-1] == "closed"
    assert drawn[1, 0] == drawn[1, 1] != drawn[2, 0] == drawn[2, 1]


@pytest.mark.parametrize("below", ["..", "raw", "media", "elsewhere"])
def test_media_are_found_in_several_folders(files, recorded, below, tmp_path):
    target = (files.root / below).resolve()
    target.mkdir(exist_ok=True)
    for name in ("v1", "test"):
        shutil.move(files.root / name, target / name)
    media = target if below == "elsewhere" else None
    report = verify(files.root, encoders=PAIR, media=media)
    assert sum(report.samples.values()) == CLIPS and report.passed_over == 0
    sound, picture = recorded.seen[0]
    assert sound.is_relative_to(target) and picture.is_relative_to(target)
    if media:
        with pytest.raises(MissingError, match="--media"):
            verify(files.root, encoders=PAIR)


def test_clips_whose_files_are_not_there_are_passed_over(files, recorded):
    shutil.rmtree(files.root / "test")
    report = verify(files.root, encoders=PAIR)
    assert report.samples == {"English": 4, "Urdu": 4} and report.passed_over == 4


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("*.wav", r"no wav file is there\. Looked for .*\.wav and the others"),
        ("*.jpg", r"no jpg file is there\. Looked for .*\.jpg and the others"),
        ("*.[jw]*", "no wav and no jpg file is there"),
    ],
)
def test_missing_media_are_named_with_the_folders(files, recorded, gone, said):
    for folder in ("v1", "test"):
        for path in (files.root / folder).rglob(gone):
            path.unlink()
    with pytest.raises(MissingError, match=said) as raised:
        verify(files.root, encoders=PAIR)
    assert f"{files.root}, {files.root.parent}, {files.root / 'media'}" in str(raised.value)
    assert "--media" in str(raised.value)


def test_csv_files_without_media_are_named(tmp_path):
    layout = Layout(tmp_path, speakers=2, tests=2).write()
    for language in layout.languages:
        layout.csv("test", language).unlink()
    with pytest.raises(MissingError, match="no columns audio_path"):
        verify(tmp_path, encoders=PAIR)


def test_missing_vectors_and_weights_are_named(files, recorded, monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "cache_dir", lambda: tmp_path / "none")
    monkeypatch.delenv("MRAF_WEIGHTS", raising=False)
    with pytest.raises(MissingError, match="mraf weights get facenet"):
        verify(files.root, offline=True)
    files.feature("train", "Urdu", 2).unlink()
    with pytest.raises(MissingError, match=r"1 of the 24 vectors .*Urdu/vid0/00000\.npy\. Unpack"):
        verify(files.root, encoders=PAIR)
    with pytest.raises(UsageError, match="at least 1"):
        verify(files.root, samples=0)


def test_files_that_cannot_be_used_are_counted_and_named(files, recorded):
    recorded.lost, recorded.faceless = ("0000000.jpg",), ("0000001.jpg",)
    files.feature("test", "Urdu", 2, "voice").write_bytes(b"no array")
    np.save(files.feature("test", "Urdu", 3, "face"), np.zeros(512))
    report = verify(files.root, encoders=PAIR)
    assert report.face.reasons == {"decode_error": 4, "no_face": 4}
    assert report.voice.reasons == {"decode_error": 4}
    assert (report.face.unpublished, report.voice.unpublished) == (1, 1)
    assert (report.face.found.n, report.face.not_found.n) == (3, 4)
    assert len(report.problems) == 5
    assert any("test/v1/voices/Urdu/00001.npy: damaged" in line for line in report.problems)
    assert any(line.endswith("vid0/00000: 0000000.jpg: broken") for line in report.problems)


def test_pictures_without_a_face_are_compared_whole(challenge, pair):
    grey = np.full((120, 120, 3), 128, np.uint8)
    for path in challenge.rglob("*.jpg"):
        cv2.imwrite(str(path), grey)
    report = verify(challenge, encoders=pair, samples=2)
    assert report.face.verdict == "not measured" and report.face.reasons == {"no_face": 2}
    assert report.face.whole.n == report.face.not_found.n == 2 and report.face.found.n == 0


def test_sound_without_speech_is_compared_whole_unless_it_is_short(challenge, pair):
    for number, path in enumerate(sorted(challenge.rglob("*.wav"))):
        write_media(path, wave=tone(0.5 if number % 2 else 2.0), audio_codec="pcm_s16le")
    report = verify(challenge, encoders=pair)
    assert report.voice.reasons == {"no_speech": CLIPS}
    assert report.voice.whole.n == report.voice.not_found.n == CLIPS // 2
    assert report.face.found.n == CLIPS
