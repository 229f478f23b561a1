"""Decode clips in a child process, which can hang, crash or run out of memory without harm.

It runs on Linux and macOS. Windows lacks `select.poll` for pipes, by which the parent bounds the time.
"""

import json
import subprocess
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mraf.errors import KILLED, BusyError, MediaError
from mraf.extractors.media.limits import Limits, check_file
from mraf.extractors.media.process.parent import DecodingProcess, DiedError, start
from mraf.extractors.media.read import Media, Part, Wish, pair_up

TRIES = 2
"""Number of times that a clip may crash the decoder before it is given up."""

_MODULE = "mraf.extractors.media.child"


class Decoder:
    """Reads clips one after the other in one child process, started anew after it has died.

    The child starts at once and loads its libraries while the caller goes on. Close the decoder,
    or use it in a `with` block; otherwise the child ends with this object or this process.

    Args:
        frames: number of frames to choose from each video.
        max_seconds: length of the part that is read, from the beginning of a clip.
        limits: limits on time, memory and the contents of a file.

    Raises:
        MrafError: no child process can be started.
    """

    def __init__(
        self, *, frames: int = 8, max_seconds: float = 120.0, limits: Limits = Limits()
    ) -> None:
        self.limits = limits
        self._options = json.dumps(
            {"frames": frames, "max_seconds": max_seconds, "limits": asdict(limits)}
        )
        self._lock = threading.Lock()
        self._child: _Child | None = _Child(self._options)

    def read(
        self,
        video: Path | None = None,
        audio: Path | None = None,
        image: Path | None = None,
        *,
        part: Part = Part(),
        wish: Wish = Wish(),
    ) -> Media:
        """Decode a video, or a sound file and a picture, either of which may be None.

        `part` and `wish` are of the video or the sound file, see `read_video`.

        Raises:
            MediaError: nothing can be decoded, or the file takes too much memory, or it crashes the
                decoder.
            BusyError: the file takes too long, or the system killed the decoder.
            MrafError: the decoder does not start.
        """
        if video is not None:
            return self._decode("video", video, part, wish)
        return pair_up(
            audio,
            image,
            lambda path: self._decode("audio", path, part, wish),
            lambda path: self._decode("image", path),
        )

    @property
    def pid(self) -> int | None:
        """Process id of the child, None while there is none."""
        return None if self._child is None else self._child.process.pid

    def close(self) -> None:
        """End the child process. A later `read` starts another one."""
        with self._lock:
            self._drop()

    def __enter__(self) -> "Decoder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _decode(self, role: str, path: Path, part: Part = Part(), wish: Wish = Wish()) -> Media:
        check_file(path)
        asked = {role: str(path.absolute()), "part": asdict(part), "wish": asdict(wish)}
        request = json.dumps(asked).encode() + b"\n"
        with self._lock:
            for _ in range(TRIES):
                try:
                    return self._ask(request, path.name)
                except DiedError as error:
                    how = str(error)
        killed = how == KILLED  # by the system to free memory: the file is not to blame
        raise (BusyError if killed else MediaError)(f"{path.name}: the decoder {how}")

    def _ask(self, request: bytes, name: str) -> Media:
        child = self._running()
        try:
            child.wait_until_ready()
            reply = child.ask(request, self.limits)
        except TimeoutError:
            self._drop()
            raise BusyError(
                f"{name}: took longer than {self.limits.seconds:g} s to decode"
            ) from None
        except BaseException:  # also Ctrl-C: the rest of this reply must not begin the next one
            self._drop()
            raise
        if isinstance(reply, Media):
            return reply
        if "memory" in reply:
            self._drop()  # its memory may be fragmented
            mebibytes = self.limits.memory >> 20
            raise MediaError(f"{name}: needs more than {mebibytes} MiB to decode")
        if "unforeseen" in reply:
            raise MediaError(f"{name}: cannot be decoded ({reply['unforeseen']})")
        raise MediaError(str(reply.get("error")))

    def _running(self) -> "_Child":
        if self._child is not None and self._child.process.poll() is not None:
            self._drop()  # it died between two clips: neither is to blame
        if self._child is None:
            self._child = _Child(self._options)
        return self._child

    def _drop(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


class _Child(DecodingProcess):
    def __init__(self, options: str) -> None:
        super().__init__(_start(options))

    def ask(self, request: bytes, limits: Limits) -> Media | dict[str, Any]:
        """Return the clip, or a header with the reason. Raises TimeoutError, DiedError."""
        self.send(request, limits.seconds)
        header = self.header()
        if "times" not in header:
            return header
        try:
            return self._media(header, limits)
        except (KeyError, TypeError, ValueError):
            raise DiedError("gave an answer that cannot be read") from None

    def _media(self, header: dict[str, Any], limits: Limits) -> Media:
        return Media(
            frames=self.array(
                header["frames"], np.uint8, limits.memory
            ),  # first: the order of the bytes
            times=np.asarray(header["times"], np.float64),
            wave=self.array(header["wave"], np.float32, limits.memory),
            frames_reason=header["frames_reason"],
            wave_reason=header["wave_reason"],
            problem=header["problem"],
            notes=tuple(header["notes"]),
            seconds=header["seconds"],
            seconds_read=header["seconds_read"],
            more_sound=tuple(header["more_sound"]),
            more_pictures=tuple(header["more_pictures"]),
            sides=self.array(header["sides"], np.float32, limits.memory),
            rest=self.array(header["rest"], np.float32, limits.memory),
            picture_track=header["picture_track"],
            sound_track=header["sound_track"],
            clipped=header["clipped"],
        )


def _start(options: str) -> subprocess.Popen:
    return start(_MODULE, options)
