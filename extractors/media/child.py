"""The child process of `isolated.Decoder`: gets the path of a file, replies with its content.

A request is a line of JSON with `video`, `audio` or `image`, and perhaps with `part` and `wish`, see
`read.read_video`. A reply (see `process.inside`) carries the bytes of the frames and those of the sound.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

from mraf.extractors.media.process.inside import bound, end_with, load_libraries, own_stdout
from mraf.extractors.media.process.inside import send as _send


def main() -> None:
    """Serve requests from stdin until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    parent, options = int(sys.argv[1]), json.loads(sys.argv[2])
    end_with(parent)
    replies = own_stdout()
    try:
        from mraf.extractors.media.limits import Limits

        limits = Limits(**options.pop("limits"))
        load_libraries(limits)
        bound(limits.memory)
    except Exception as error:
        _send(replies, {"refused": f"{type(error).__name__}: {error}"})
        return
    _send(replies, {"ready": True})
    for line in sys.stdin.buffer:
        # Ends the process if the parent has gone without the kernel's notice, even during a call
        # that does not return.
        signal.alarm(int(limits.seconds) + 10)
        _answer(replies, json.loads(line), options, limits)
        signal.alarm(0)


def _answer(replies: int, request: dict[str, Any], options: dict[str, Any], limits: Any) -> None:
    from mraf.errors import MediaError

    try:
        media = _read(request, options, limits)
    except MediaError as error:
        _send(replies, {"error": str(error)})
    except MemoryError:
        _send(replies, {"memory": True})
    except Exception as error:  # an unforeseen error of one clip must not end the process
        _send(replies, {"unforeseen": f"{type(error).__name__}: {error}".splitlines()[0]})
    else:
        header = {
            "frames": None if media.frames is None else media.frames.shape,
            "times": media.times.tolist(),
            "wave": None if media.wave is None else media.wave.shape,
            "frames_reason": media.frames_reason,
            "wave_reason": media.wave_reason,
            "problem": media.problem,
            "notes": media.notes,
            "seconds": media.seconds,
            "seconds_read": media.seconds_read,
            "more_sound": media.more_sound,
            "more_pictures": media.more_pictures,
            "sides": None if media.sides is None else media.sides.shape,
            "rest": None if media.rest is None else media.rest.shape,
            "picture_track": media.picture_track,
            "sound_track": media.sound_track,
            "clipped": media.clipped,
        }
        arrays = (media.frames, media.wave, media.sides, media.rest)
        _send(replies, header, *(part for part in arrays if part is not None))


def _read(request: dict[str, Any], options: dict[str, Any], limits: Any) -> Any:
    from mraf.extractors.media.read import Part, Wish, read_pair, read_video

    asked: dict[str, Any] = {
        "part": Part(**request.pop("part", {})),
        "wish": Wish(**request.pop("wish", {})),
        "limits": limits,
    }
    files = {role: Path(path) for role, path in request.items()}
    if "video" in files:
        return read_video(files["video"], **options, **asked)
    seconds = options["max_seconds"]
    return read_pair(files.get("audio"), files.get("image"), max_seconds=seconds, **asked)
