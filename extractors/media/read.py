"""Read a clip or a picture: a few upright frames spread over the clip, and its sound at 16 kHz."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mraf.errors import BusyError, MediaError
from mraf.extractors.media.channels import clipped_share
from mraf.extractors.media.diagnosis import (
    damaged_format,
    is_copy_protected,
    picture_format,
    what_is_wrong,
)
from mraf.extractors.media.limits import Limits, Part, check_file
from mraf.extractors.media.one_pass import SAMPLE_RATE, Reader, short
from mraf.extractors.media.pictures import read_image
from mraf.extractors.media.tracks import Tracks, Wish, choose_tracks

__all__ = [
    "SAMPLE_RATE",
    "Media",
    "Part",
    "Wish",
    "pair_up",
    "read_image",
    "read_pair",
    "read_video",
]

# Only containers that hold their streams themselves: no playlist, which has FFmpeg open other files
# or addresses, and no format that draws text as a picture.
_OPEN_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,mxf,dv,rm,nut,m4v,h264,hevc,"
    "mjpeg,ivf,obu,wav,w64,caf,aiff,au,mp3,flac,aac,ac3,eac3,amr,wv,tta,ape,dts,dtshd,gif,swf,wtv,vob,"
    "voc,qcp,dsf,shn,mpc,mpc8,mlp,truehd,gsm,amv,dhav",
}

_INVALID = "Invalid data found when processing input"
"""The message of FFmpeg on what it cannot make sense of."""

_COVER_SECONDS = 0.5
"""Length of sound beside which a single picture is a cover."""


@dataclass(frozen=True, kw_only=True)
class Media:
    """The frames and the sound of one clip.

    `frames` or `wave` is None where the file has no such stream or none of it can be decoded; then
    `frames_reason` or `wave_reason` says which, and `problem` why it cannot be decoded.
    """

    frames: np.ndarray | None  # [T, H, W, 3] uint8, RGB, upright
    times: np.ndarray  # [T] float64, seconds from the start
    wave: np.ndarray | None  # [N] float32, mono, 16 kHz, about -1 to 1
    frames_reason: str | None = None  # no_video, only_cover, no_such_track, decode_error
    wave_reason: str | None = None  # no_audio, no_such_track, decode_error
    problem: str | None = None  # why the one or the other cannot be decoded, in words
    notes: tuple[str, ...] = ()  # for people, as which of several sound tracks was read
    seconds: float | None = None  # length of the clip, None where it is not known
    seconds_read: float | None = None  # of a long clip's beginning; None where all was read
    # Numbers of other tracks that may be read instead, the best first.
    more_sound: tuple[int, ...] = ()
    more_pictures: tuple[int, ...] = ()
    # [2, N] float32 at 16 kHz: the left and the right channel, where they hold different sound.
    sides: np.ndarray | None = None
    # [N] float32: where `wave` is the centre of several channels, the mix of the others.
    rest: np.ndarray | None = None
    picture_track: int | None = None  # number of the track that was read, None where there is none
    sound_track: int | None = None
    clipped: float = 0.0  # share of the samples cut off at the loudest value, 0 to 1

    def __post_init__(self) -> None:
        if self.frames is not None and (self.frames.ndim != 4 or self.frames.dtype != np.uint8):
            raise ValueError(f"frames must be [T, H, W, 3] uint8, are {self.frames.shape}")
        if self.wave is not None and (self.wave.ndim != 1 or self.wave.dtype != np.float32):
            raise ValueError(f"wave must be [N] float32, is {self.wave.shape}")


def read_video(
    path: Path,
    *,
    frames: int = 8,
    max_seconds: float = 120.0,
    limits: Limits = Limits(),
    part: Part = Part(),
    wish: Wish = Wish(),
) -> Media:
    """Decode a video (or sound) file once: `frames` frames spread evenly, and all of its sound.

    Of a damaged file, every part that can be decoded counts: frames are chosen among the decoded
    ones, not by the header. Of a file, or a part of it, longer than `max_seconds` only the beginning
    is read. Frames are scaled down to at most 1080 square pixels on the shorter side and 4096 on the
    longer. Of several streams, those of `wish` are read, else those that `choose_tracks` chooses.

    Raises:
        MediaError: nothing can be decoded, or nothing is there that was asked for.
        MemoryError: nothing can be decoded, for lack of memory.
    """
    check_file(path)
    with opened(path) as container:
        if len(container.streams) > limits.streams:
            raise MediaError(
                f"{path.name}: {len(container.streams)} streams; at most {limits.streams} are read"
            )
        if not container.streams.audio and not (frames and container.streams.video):
            lacks = "neither picture nor sound" if frames else "no sound"
            raise MediaError(f"{path.name}: the file holds {lacks}")
        tracks = choose_tracks(container, wish if frames else replace(wish, picture=0))
        reader = Reader(
            container,
            wanted=frames,
            max_seconds=max_seconds,
            limits=limits,
            tracks=tracks,
            part=part,
        )
        reader.run()
        return _media(path, reader, tracks, part, max_seconds)


def opened(path: Path) -> Any:
    """Return the open container of a file. Raises MediaError, MemoryError."""
    import av

    try:
        kind = picture_format(path)
        if kind not in (None, "JPEG"):
            raise MediaError(f"{path.name}: not a video or sound file (it is a {kind} picture)")
        # Absolute: FFmpeg takes the part of a name before a colon for a protocol.
        return av.open(
            str(path.absolute()),
            # One JPEG after the other is a film, which FFmpeg sees only in files called so.
            format="mjpeg" if kind == "JPEG" else None,
            metadata_errors="replace",
            options=_OPEN_OPTIONS,
        )
    except MemoryError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = what_is_wrong(path) or short(error)
        raise MediaError(
            f"{path.name}: not a video or sound file that can be opened ({reason})"
        ) from None


def _media(path: Path, reader: Reader, tracks: Tracks, part: Part, max_seconds: float) -> Media:
    picture, times = reader.picture()
    wave = reader.sound()
    no_picture = tracks.no_picture if reader.video is None else "decode_error"
    no_sound = tracks.no_sound if reader.audio is None else "decode_error"
    if reader.pictures == 1 and part.is_whole and _has_seconds(wave):
        picture, times, no_picture = None, np.zeros(0), "only_cover"
    seconds = _length(reader, part)
    if picture is None and wave is None and "decode_error" in (no_picture, no_sound):
        if reader.out_of_memory:
            raise MemoryError
        reason = reader.problem() or "the streams are empty"
        if not part.is_whole and not reader.problem() and not part.is_quick:
            raise MediaError(f"{path.name}: nothing from {part.begins:g} s on{_ending(reader)}")
        raise MediaError(f"{path.name}: nothing could be decoded ({in_full(path, reason)})")
    problem = None
    for kind, found, reason in (("picture", picture, no_picture), ("sound", wave, no_sound)):
        if found is None and reason == "decode_error":
            problem = reader.problem(kind) or f"nothing in the stream of the {kind}"
            problem = in_full(path, problem)
    return Media(
        frames=picture,
        times=times,
        wave=wave,
        frames_reason=None if picture is not None else no_picture,
        wave_reason=None if wave is not None else no_sound,
        problem=problem,
        notes=tracks.notes,
        seconds=seconds,
        seconds_read=max_seconds if reader.is_cut else None,
        more_sound=tracks.more_sound,
        more_pictures=tracks.more_pictures,
        sides=reader.sides,
        rest=reader.rest,
        picture_track=tracks.picture_number,
        sound_track=tracks.sound_number,
        clipped=0.0 if wave is None else clipped_share(wave),
    )


def _has_seconds(wave: np.ndarray | None) -> bool:
    return wave is not None and len(wave) >= _COVER_SECONDS * SAMPLE_RATE


def _length(reader: Reader, part: Part) -> float | None:
    """Return the length of the file, or of the part of it, in seconds; None where it is not known."""
    whole = (reader.container.duration or 0) / 1e6
    if whole <= 0:
        whole = 0.0 if reader.is_cut else reader.seconds
    end = whole if part.end is None else min(whole, part.end) if whole else part.end
    return round(end - part.begins, 3) if end > part.begins else None


def _ending(reader: Reader) -> str:
    whole = (reader.container.duration or 0) / 1e6 or reader.seconds
    return f"; the file ends at {whole:.1f} s" if whole else ""


def in_full(path: Path, problem: str) -> str:
    """Return a problem of decoding, with its likely cause."""
    if is_copy_protected(path):
        return f"{problem}: the file is copy-protected (DRM)"
    if problem == _INVALID and (name := damaged_format(path)):
        return f"{problem}: the {name} file is damaged or cut off"
    return problem


def read_pair(
    audio: Path | None,
    image: Path | None,
    *,
    max_seconds: float = 120.0,
    limits: Limits = Limits(),
    part: Part = Part(),
    wish: Wish = Wish(),
) -> Media:
    """Read a sound file and a picture that belong together; either may be None.

    One that cannot be decoded is marked missing as long as the other can. Raises MediaError where
    neither can. `part` and `wish` are of the sound.
    """
    return pair_up(
        audio,
        image,
        lambda path: read_video(
            path, frames=0, max_seconds=max_seconds, limits=limits, part=part, wish=wish
        ),
        lambda path: Media(
            frames=read_image(path, limits)[None],
            times=np.zeros(1),
            wave=None,
            wave_reason="no_audio",
        ),
    )


def pair_up(
    audio: Path | None,
    image: Path | None,
    read_sound: Callable[[Path], Media],
    read_picture: Callable[[Path], Media],
) -> Media:
    """Return one `Media` of the sound that `read_sound` and the picture that `read_picture` read.

    Raises what they raise as `read_pair` does; a BusyError of either at once.
    """
    problems: list[str] = []

    def attempt(path: Path | None, read: Callable[[Path], Media]) -> Media | None:
        try:
            return None if path is None else read(path)
        except BusyError:
            raise
        except MediaError as error:
            problems.append(str(error))
            return None

    sound, picture = attempt(audio, read_sound), attempt(image, read_picture)
    wave = None if sound is None else sound.wave
    frames = None if picture is None else picture.frames
    if frames is None and wave is None and (problems or sound is None):
        raise MediaError("; ".join(problems) or "neither the sound nor the picture can be read")
    no_picture = "no_video" if image is None else "decode_error"
    if image is None and sound is not None and sound.frames_reason == "only_cover":
        no_picture = "only_cover"
    no_sound = "no_audio" if audio is None else "decode_error"
    if sound is not None and sound.wave_reason == "no_such_track":
        no_sound = "no_such_track"
    heard = sound or Media(frames=None, times=np.zeros(0), wave=None)
    return Media(
        frames=frames,
        times=np.zeros(0 if frames is None else 1),
        wave=wave,
        frames_reason=None if frames is not None else no_picture,
        wave_reason=None if wave is not None else no_sound,
        problem="; ".join(problems) or heard.problem,
        notes=heard.notes,
        seconds=heard.seconds,
        seconds_read=heard.seconds_read,
        more_sound=heard.more_sound,
        sides=heard.sides,
        rest=heard.rest,
        sound_track=heard.sound_track,
        clipped=heard.clipped,
    )
