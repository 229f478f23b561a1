import struct

import numpy as np
import pytest

from mraf.extractors.media.channels import clipped_share, concatenated, mix
from mraf.extractors.media.isolated import Decoder
from mraf.extractors.media.read import Part, read_video
from tests.helpers.format_files import Sound, check_chirp, chirp, write_clip

RATE = 16_000


def speech(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """Noise whose loudness comes and goes as that of syllables does."""
    draw = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    steps = np.repeat(draw.random(int(seconds * 5) + 1), RATE // 5)[: len(time)]
    return (0.2 * steps**2 * draw.standard_normal(len(time))).astype(np.float32)


def level(wave: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(wave))))


def test_one_channel_stays_as_it_is():
    assert mix(speech()[None], ["FC"]).wave.tolist() == speech().tolist()


def test_equal_channels_are_as_loud_as_one():
    found = mix(np.stack([speech(), speech()]), ["FL", "FR"])
    assert np.allclose(found.wave, speech(), atol=1e-6) and found.sides is None


@pytest.mark.parametrize("gain", [-1.0, -0.7, -0.3])
def test_channels_of_opposite_sign_do_not_cancel_each_other(gain):
    found = mix(np.stack([speech(), gain * speech()]), ["FL", "FR"])
    assert level(found.wave) > 0.6 * level(speech()) and found.sides is None


def test_a_voice_of_opposite_sign_is_not_lost_behind_music_of_equal_sign():
    music = 0.05 * chirp(2.0, RATE)
    found = mix(np.stack([speech() + music, music - speech()]), ["FL", "FR"])
    assert abs(np.corrcoef(found.wave, speech())[0, 1]) > 0.9


def test_channels_that_oppose_each_other_for_a_part_of_the_time_only():
    voice = speech(4.0)
    right = voice.copy()
    right[: len(voice) // 2] *= -1
    found = mix(np.stack([voice, right]), ["FL", "FR"])
    assert level(found.wave[:RATE]) > 0.6 * level(voice[:RATE])


@pytest.mark.parametrize("silent", [0, 1])
def test_a_silent_channel_halves_nothing(silent):
    channels = np.stack([speech(), speech()])
    channels[silent] = 1e-4 * speech(seed=1)
    assert level(mix(channels, ["FL", "FR"]).wave) > 0.99 * level(speech())


SURROUND = ["FL", "FR", "FC", "LFE", "SL", "SR"]


def test_the_centre_speaks():
    band = [chirp(2.0, RATE)] * 2
    channels = np.stack([*band, 0.2 * speech(), chirp(2.0, RATE, 40, 60), *band])
    found = mix(channels, SURROUND)
    assert np.array_equal(found.wave, channels[2])
    assert np.allclose(found.rest, band[0], atol=1e-6)  # without the deep effects


def test_there_is_no_rest_where_the_other_channels_are_silent_or_there_is_no_centre():
    channels = np.stack([1e-3 * speech(seed=1)] * 2 + [speech()])
    assert mix(channels, SURROUND[:3]).rest is None
    assert mix(channels[:2], SURROUND[:2]).rest is None


def test_parts_without_a_rest_stand_for_it():
    whole = mix(np.stack([speech(seed=1), speech(seed=1), speech()]), SURROUND[:3])
    found = concatenated([whole, mix(speech(seed=2)[None], ["FC"])])
    assert np.allclose(found.rest, np.concatenate([speech(seed=1), speech(seed=2)]), atol=1e-6)
    assert concatenated([mix(speech()[None], ["FC"])] * 2).rest is None


def test_where_the_centre_is_silent_the_rest_speaks_and_the_deep_effects_do_not():
    quiet = np.zeros(2 * RATE, np.float32)
    channels = np.stack([speech(), -speech(), quiet, chirp(2.0, RATE, 40, 60), quiet, quiet])
    found = mix(channels, SURROUND).wave
    assert abs(np.corrcoef(found, speech())[0, 1]) > 0.99 and level(found) > 0.9 * level(speech())


def test_two_people_on_two_channels_are_sides():
    left, right = speech(3.0), speech(3.0, seed=7)
    found = mix(np.stack([left, right]), ["FL", "FR"])
    assert np.array_equal(found.sides, np.stack([left, right]))
    assert np.allclose(found.wave, (left + right) / 2, atol=1e-6)


def test_one_voice_that_reaches_two_microphones_is_no_sides():
    voice = speech(3.0)
    late = np.roll(voice, 20) + 0.01 * speech(3.0, seed=3)
    assert mix(np.stack([voice, late]), ["FL", "FR"]).sides is None


def test_silence_and_the_shortest_sound():
    for count in (1, 2, 6):
        for samples in (0, 1, 700):
            found = mix(np.zeros((count, samples), np.float32), SURROUND[:count])
            assert found.wave.shape == (samples,)
    assert concatenated([]).wave.shape == (0,)


def test_sides_stay_only_where_all_parts_have_them():
    with_sides = mix(np.stack([speech(3.0), speech(3.0, 7)]), ["FL", "FR"])
    both = concatenated([with_sides, with_sides])
    assert both.sides.shape == (2, 6 * RATE) and both.wave.shape == (6 * RATE,)
    assert concatenated([with_sides, mix(speech()[None], ["FC"])]).sides is None


@pytest.mark.parametrize("gain", [3, 6, 12])
def test_clipping_is_measured(gain):
    # Most of the power of a voice lies far below half the sampling rate.
    loud = np.convolve(speech(4.0), np.full(16, 0.25), "same").astype(np.float32) * gain
    cut = np.clip(loud, -0.5, 0.5)
    share = float((np.abs(loud) >= 0.5).mean())
    assert 0.5 * share < clipped_share(cut) < 1.5 * share + 0.01
    blurred = np.convolve(cut, [0.1, 0.8, 0.1], "same").astype(np.float32)
    assert clipped_share(blurred + 0.01 * speech(4.0, 5)) > 0.2 * share


def smooth(seconds: float = 4.0) -> np.ndarray:
    """Most of the power of a voice lies far below half the sampling rate."""
    found = np.convolve(speech(seconds), np.full(16, 0.25), "same")
    return (found / np.abs(found).max()).astype(np.float32)


@pytest.mark.parametrize("hertz", [20, 50, 60, 100, 250, 440, 1000, 1333, 1600, 2000, 2667, 4000])
@pytest.mark.parametrize("voice", [0, 0.02, 0.1, 0.4])
def test_hum_and_tones_are_not_clipped(hertz, voice):
    time = np.arange(4 * RATE) / RATE
    wave = voice * smooth() + 0.5 * np.sin(2 * np.pi * hertz * time + 0.3)
    assert clipped_share(wave.astype(np.float32)) < 0.01


@pytest.mark.parametrize("voice", [0.02, 0.1, 0.4])
def test_a_drift_is_not_clipping(voice):
    drift = 0.5 * np.sin(np.linspace(0, 6, 4 * RATE))
    assert clipped_share((voice * smooth() + drift).astype(np.float32)) < 0.01


def test_compressed_music_is_not_clipped():
    time = np.arange(4 * RATE) / RATE
    music = sum(np.sin(2 * np.pi * f * time + f) / (1 + i) for i, f in enumerate((220, 331, 523)))
    block = 800
    crests = np.abs(music).reshape(-1, block).max(axis=1)
    gain = np.interp(np.arange(len(music)), np.arange(len(crests)) * block + block / 2, crests)
    assert clipped_share((0.9 * music / gain).astype(np.float32)) < 0.01


@pytest.mark.parametrize("gain", [3, 10])
@pytest.mark.parametrize("kind", ["wav", "m4a", "one side", "offset"])
def test_clipping_is_seen_after_a_codec_and_on_one_side(tmp_path, gain, kind):
    loud = gain * smooth()
    cut = np.clip(loud, -9 if kind == "one side" else -0.9, 0.9)
    share = float((np.abs(cut) == np.float32(0.9)).mean())
    if kind == "m4a":
        time = np.arange(3 * len(cut)) / 3
        wide = np.interp(time, np.arange(len(cut)), cut).astype(np.float32)
        track = Sound(wide[None], "aac", options={"b": "64000"})
        cut = read_video(write_clip(tmp_path / "clip.m4a", track, container_format="mp4")).wave
    elif kind == "offset":
        cut = 0.5 * cut + 0.3
    found = clipped_share(cut.astype(np.float32))
    assert max(0.003, (0.05 if kind == "m4a" else 0.25) * share) < found < 1.2 * share


@pytest.mark.parametrize("wave", [speech(4.0), 0.001 * speech(4.0), np.zeros(RATE), np.zeros(0)])
def test_clean_sound_and_silence_are_not_clipped(wave):
    assert clipped_share(wave.astype(np.float32)) == 0.0


@pytest.mark.parametrize(
    ("ending", "codec", "layout", "waves"),
    [
        ("mkv", "aac", "stereo", (1, -1)),
        ("mkv", "ac3", "5.1", (0, 0, 1, 0, 0, 0)),
        ("mkv", "ac3", "5.1", (1, -1, 0, 0, 0, 0)),
        ("wav", "pcm_s16le", "3.0", (0, 0, 1)),
        ("wav", "pcm_s16le", "quad", (1, 1, -1, -1)),
        ("wav", "pcm_s16le", "7.1", (0, 0, 1, 0, 0, 0, 0, 0)),
        ("wav", "pcm_s16le", "stereo", (0, 1)),
    ],
)
def test_the_voice_is_heard_in_whichever_channel(tmp_path, ending, codec, layout, waves):
    wave = np.stack([each * chirp() for each in waves]).astype(np.float32)
    path = write_clip(tmp_path / f"clip.{ending}", Sound(wave, codec, layout=layout))
    check_chirp(read_video(path).wave)


def test_the_other_channels_come_with_the_centre(tmp_path):
    wave = np.stack([chirp(), chirp(), 0.05 * chirp(low=300, high=900), *[0 * chirp()] * 3])
    path = write_clip(tmp_path / "clip.flac", Sound(wave, "flac", layout="5.1"))
    with Decoder() as decoder:
        found = decoder.read(path)
    assert np.abs(found.wave).max() < 0.1 and found.rest is not None
    check_chirp(found.rest)
    part = read_video(path, part=Part(start=0.25, end=0.75))
    assert len(part.rest) == len(part.wave) == 8000


def test_a_channel_of_nonsense_numbers_costs_nothing(tmp_path):
    wave = np.stack([chirp(), np.full(48_000, np.nan, np.float32)])
    path = write_clip(tmp_path / "clip.wav", Sound(wave, "pcm_f32le", layout="stereo"))
    check_chirp(read_video(path).wave)


@pytest.mark.parametrize("count", [3, 5, 9, 12, 24])
def test_channels_without_names(tmp_path, count):
    """A WAV header of the simple kind says how many channels there are, not which."""
    wave = np.repeat(chirp()[:, None], count, axis=1)
    data = (wave * 32767).astype("<i2").tobytes()
    header = struct.pack("<HHIIHH", 1, count, 48_000, 96_000 * count, 2 * count, 16)
    chunks = b"WAVEfmt " + struct.pack("<I", len(header)) + header
    chunks += b"data" + struct.pack("<I", len(data)) + data
    path = tmp_path / "clip.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
    found = read_video(path).wave
    assert abs(len(found) - RATE) < 100 and np.abs(found).max() > 0.3
