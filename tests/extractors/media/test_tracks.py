"""The choice of the picture and the sound among several streams."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from mraf.errors import MediaError
from mraf.extractors.media.read import Media, Wish, read_pair, read_video
from tests.helpers.format_files import film, picture, sound, write_clip
from tests.helpers.media_files import corners, tone, write_media
from tests.helpers.transport_files import merged

PITCHES = (500, 1000, 2000, 3000)
"""Hertz of each sound track of `write_tracks`."""


def write_tracks(path: Path, *tracks: dict, pictures: int = 1, sizes=((96, 160),)) -> Path:
    """Write films of the given sizes, and a tone a track with its flags, title, handler_name or language."""
    with av.open(str(path), "w") as container:
        parts = []
        for number in range(pictures):
            height, width = sizes[number % len(sizes)]
            source = write_media(path.with_name(f"film{number}.mp4"), film(25, height, width))
            parts.append(av.open(str(source)))
            made = container.add_stream_from_template(parts[-1].streams.video[0])
            made.disposition = Disposition(0)
        for number, track in enumerate(tracks):
            source = path.with_name(f"tone{number}.m4a")
            write_media(source, wave=tone(1.0, hertz=PITCHES[number]))
            parts.append(av.open(str(source)))
            made = container.add_stream_from_template(parts[-1].streams.audio[0])
            made.disposition = track.get("flags", Disposition(0))
            made.metadata.update({k: v for k, v in track.items() if k != "flags"})
        for stream, part in zip(container.streams, parts, strict=True):
            for packet in part.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    container.mux(packet)
            part.close()
    return path


def pitch(media: Media) -> int:
    """The nearest of the `PITCHES`."""
    assert media.wave is not None
    spectrum = np.abs(np.fft.rfft(media.wave[4000:12000]))
    return min(PITCHES, key=lambda each: abs(each - 2 * spectrum.argmax()))


@pytest.mark.parametrize(
    ("tracks", "chosen"),
    [
        ([{}, {}], 1),
        ([{}, {"flags": Disposition.default}], 2),
        ([{"flags": Disposition.default}, {"flags": Disposition.original}], 2),
        ([{"flags": Disposition.comment}, {}], 2),
        ([{"flags": Disposition.comment | Disposition.default}, {}], 2),
        ([{"flags": Disposition.visual_impaired}, {}], 2),
        ([{"flags": Disposition.dub}, {}], 2),
        ([{"title": "Director's commentary"}, {}], 2),
        ([{"title": "Audio Description"}, {}], 2),
        ([{"title": "Audiodeskription"}, {"title": "Deutsch"}], 2),
        ([{"title": "English AD"}, {"title": "English"}], 2),
        ([{"title": "Deutsch (dubbed)"}, {"title": "English"}], 2),
        ([{"title": "Karaoke"}, {}], 2),
        ([{"flags": Disposition.default, "title": "Stereo"}, {"title": "VO (voice-over)"}], 1),
        ([{"flags": Disposition.default}, {"title": "VO", "language": "rus"}], 1),
        ([{"flags": Disposition.default}, {"title": "VO", "language": "fre"}], 1),
        ([{"title": "Voice-over (VO)"}, {"title": "Floor"}], 2),
        ([{"title": "Interpreter"}, {"title": "Floor"}], 2),
        ([{"title": "Simultaneous translation"}, {}], 2),
        ([{"title": "Polski lektor"}, {}], 2),
        ([{"title": "Simultanübersetzung"}, {}], 2),
        ([{"title": "Дублированный"}, {}], 2),
        ([{"title": "Original score (isolated score)"}, {}], 2),
        ([{"flags": Disposition.hearing_impaired | Disposition.default}, {}], 1),
        ([{"flags": Disposition.hearing_impaired}, {}], 1),
        ([{"title": "Interview with the director"}, {}], 1),
        ([{"title": "Gameplay, no commentary"}, {}], 1),
        ([{"title": "Ohne Kommentar"}, {}], 1),
        ([{"title": "Undubbed"}, {}], 1),
        ([{"title": "ad break"}, {}], 1),
        ([{"title": "Interpret: Ann"}, {}], 1),
        ([{"title": "Desktop"}, {"title": "Mic"}], 1),
        ([{"flags": Disposition.dub}, {"flags": Disposition.comment}], 1),
    ],
)
def test_the_sound_is_chosen_by_what_the_file_says(tmp_path, tracks, chosen):
    media = read_video(write_tracks(tmp_path / "clip.mkv", *tracks))
    assert pitch(media) == PITCHES[chosen - 1]
    assert media.more_sound == (3 - chosen,)
    assert media.notes[0].startswith(f"sound: track {chosen} of 2")


def test_neither_bit_rate_nor_channels_choose(tmp_path):
    voice = sound(wave=tone(1.0, 48_000))
    wide = sound("pcm_s16le", layout="5.1", wave=tone(1.0, 48_000, 2000))
    media = read_video(write_clip(tmp_path / "clip.mkv", picture(), voice, wide))
    assert media.notes == ("sound: track 1 of 2",) and media.more_sound == (2,)


def test_a_file_with_one_of_each_gets_no_note(tmp_path):
    media = read_video(write_tracks(tmp_path / "clip.mp4", {}))
    assert media.notes == media.more_sound == media.more_pictures == ()
    assert media.seconds is not None and abs(media.seconds - 1.0) < 0.1
    assert media.seconds_read is None


LANGUAGES = [{"language": "eng", "flags": Disposition.default}, {"language": "ger"}, {}]


@pytest.mark.parametrize(
    ("wish", "chosen"),
    [
        (2, 2),
        (3, 3),
        ("de", 2),
        ("ger", 2),
        ("deu", 2),
        ("German", 2),
        ("Deutsch", 2),
        ("de-AT", 2),
        ("en-US", 1),
        ("ENGLISH", 1),
    ],
)
def test_a_track_can_be_asked_for(tmp_path, wish, chosen):
    path = write_tracks(tmp_path / "clip.mkv", *LANGUAGES)
    media = read_video(path, wish=Wish(sound=wish))
    assert pitch(media) == PITCHES[chosen - 1] and media.more_sound == ()
    assert media.notes[0].startswith(f"sound: track {chosen} of 3")
    assert pitch(read_pair(path, None, wish=Wish(sound=wish))) == PITCHES[chosen - 1]


@pytest.mark.parametrize("wish", [4, "Urdu"])
def test_a_track_that_is_not_there_is_told_with_those_that_are(tmp_path, wish):
    path = write_tracks(tmp_path / "clip.mkv", *LANGUAGES)
    media = read_video(path, wish=Wish(sound=wish))
    assert media.wave is None and media.wave_reason == "no_such_track"
    assert media.frames is not None and len(media.frames) == 8
    assert media.notes == (
        f"sound: there is no track {wish}; tracks of this file: 1 (eng), 2 (ger), 3",
    )
    assert read_pair(path, None, wish=Wish(sound=wish)).wave_reason == "no_such_track"


def test_a_picture_can_be_asked_for(tmp_path):
    path = write_tracks(tmp_path / "clip.mkv", {}, pictures=2, sizes=[(96, 160), (48, 64)])
    media = read_video(path, wish=Wish(picture=2))
    assert media.frames.shape[1:3] == (48, 64) and media.notes == ("picture: track 2 of 2",)
    lost = read_video(path, wish=Wish(picture=3))
    assert lost.frames is None and lost.frames_reason == "no_such_track" and lost.wave is not None
    sound_alone = read_video(path, wish=Wish(picture=0))
    assert sound_alone.frames_reason == "no_video" and sound_alone.notes == ()


def test_the_largest_picture_is_read_where_none_is_the_default(tmp_path):
    path = write_tracks(tmp_path / "clip.mkv", {}, pictures=2, sizes=[(48, 64), (96, 160)])
    media = read_video(path)
    assert media.frames.shape[1:3] == (96, 160) and media.more_pictures == (1,)


@pytest.mark.parametrize("lost", [1, 2])
def test_a_track_without_a_decoder_is_passed_over_and_told(tmp_path, lost):
    path = write_clip(tmp_path / "clip.mov", picture(), sound(), sound())
    data = bytearray(path.read_bytes())
    at = data.find(b"mp4a", data.find(b"stsd") if lost == 1 else data.rfind(b"stsd"))
    data[at : at + 4] = b"apac"
    where = data.find(b"esds", at)
    data[where : where + 4] = b"dapa"
    path.write_bytes(data)
    media = read_video(path)
    assert media.wave is not None and media.more_sound == ()
    assert f"sound: track {3 - lost} of 2; track {lost} has no decoder here (APAC" in media.notes[0]


def test_sound_without_any_decoder_names_the_codec(tmp_path):
    for tag, name in (("mhm1", "MPEG-H 3D Audio"), ("ac-4", "AC-4"), ("xyz7", "xyz7")):
        path = write_clip(tmp_path / "clip.mp4", picture(), sound())
        path.write_bytes(path.read_bytes().replace(b"mp4a", tag.encode()).replace(b"esds", b"xxxx"))
        media = read_video(path)
        assert media.wave_reason == "decode_error" and name in (media.problem or "")
        path = write_clip(tmp_path / "clip.m4a", sound(), container_format="mp4")
        path.write_bytes(path.read_bytes().replace(b"mp4a", tag.encode()).replace(b"esds", b"xxxx"))
        with pytest.raises(MediaError, match=f"no decoder for {name}"):
            read_video(path)


@pytest.mark.parametrize("first", [0, 1])
def test_picture_and_sound_come_from_the_same_programme(tmp_path, first):
    """The second programme has the larger picture and the wider sound."""
    small = [picture(frames=film(25, 96, 160)), sound(wave=tone(1.0, 48_000, 500))]
    wide = [
        picture(frames=film(25, 192, 320)),
        sound(layout="stereo", wave=tone(1.0, 48_000, 1000)),
    ]
    files = [write_clip(tmp_path / f"{i}.ts", *tracks) for i, tracks in enumerate((small, wide))]
    path = merged(tmp_path / "both.ts", files[first], files[1 - first])
    media = read_video(path)
    assert pitch(media) == (500, 1000)[first]
    assert media.frames.shape[1] == (96, 192)[first]
    assert media.notes == ("programme 1 of 2: --video-track 2 reads the other",)
    assert media.more_sound == media.more_pictures == ()
    assert (media.picture_track, media.sound_track) == (1, 1)
    other = read_video(path, wish=Wish(picture=2))
    assert (other.picture_track, other.sound_track) == (2, 2)
    assert other.notes == ("programme 2 of 2: --video-track 1 reads the other",)
    assert pitch(other) == (1000, 500)[first] and other.frames.shape[1] == (192, 96)[first]
    heard = read_video(path, wish=Wish(sound=2))
    assert pitch(heard) == (1000, 500)[first] and heard.frames.shape[1] == (192, 96)[first]


def test_a_single_picture_beside_sound_is_a_cover(tmp_path):
    path = write_media(tmp_path / "song.mp4", corners()[None], tone(2.0))
    media = read_video(path)
    assert media.frames is None and media.frames_reason == "only_cover" and media.wave is not None


def test_a_picture_that_stands_for_seconds_is_none(tmp_path):
    path = write_media(tmp_path / "talk.mp4", np.stack([corners()] * 4), tone(4.0), fps=1)
    assert len(read_video(path).frames) == 4


def test_a_single_picture_without_sound_is_a_photo(tmp_path):
    assert len(read_video(write_media(tmp_path / "photo.mp4", corners()[None])).frames) == 1


@pytest.mark.parametrize("flag", [Disposition.attached_pic, Disposition.timed_thumbnails])
def test_covers_and_thumbnails_are_no_pictures(tmp_path, flag):
    path = tmp_path / "clip.mkv"
    sources = [write_media(tmp_path / "a.m4a", wave=tone(1.0)), tmp_path / "b.avi"]
    write_media(sources[1], np.stack([corners(96, 160)] * 5), codec="mjpeg", fps=5)
    with av.open(str(path), "w", format="mp4") as container:
        parts = [av.open(str(each)) for each in sources]
        for part in parts:
            container.add_stream_from_template(part.streams[0])
        container.streams[1].disposition = flag
        for stream, part in zip(container.streams, parts, strict=True):
            for packet in part.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    container.mux(packet)
            part.close()
    with av.open(str(path)) as container:
        if not container.streams.video[0].disposition & flag:
            pytest.skip("this FFmpeg does not write the flag")
    media = read_video(path)
    assert media.frames_reason == "only_cover" and media.wave is not None
