"""Write the video anew with names and boxes in its picture, in a process of its own.

A damaged file can crash FFmpeg or have it hang; here that ends one output, and nothing else.
"""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mraf.errors import MediaError, how_it_ended
from mraf.extractors.media.limits import check_file
from mraf.pipeline.extraction.spawning import starting
from mraf.pipeline.timeline.timeline import Timeline

SILENCE = 180.0
"""Seconds without a word from the process after which it counts as hung; a picture takes well under one."""

Progress = Callable[[float, float | None], None]


def annotate(
    timeline: Timeline, video: Path, file: Path, *, on_progress: Progress | None = None
) -> tuple[str, ...]:
    """Write an MP4 with the size, the times and the sound of a video; it appears whole or not at all.

    Args:
        timeline: what is drawn.
        video: the file that the timeline is of.
        file: the MP4 to write.
        on_progress: is called with the seconds that are done, and the length of the video in s.

    Returns:
        What is to be said of the MP4, such as that it ends early.

    Raises:
        MediaError: the file has no picture, or it cannot be decoded.
        OSError: the MP4 cannot be written.
    """
    check_file(video)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.tmp")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(theirs, timeline, video.absolute(), temporary.absolute()), daemon=True
    )
    try:
        with starting():
            process.start()
        theirs.close()
        remarks = _follow(process, ours, (video.name, file), timeline.duration, on_progress)
        temporary.replace(file)
    finally:
        if process.pid is not None:
            process.kill()
            process.join()
        ours.close()
        temporary.unlink(missing_ok=True)
    return tuple(f"{file.name}: {each}" for each in remarks)


def _follow(
    process: Any,
    pipe: Connection,
    names: tuple[str, Path],
    duration: float | None,
    on_progress: Progress | None,
) -> tuple[str, ...]:
    """Pass progress on until the process is done; return its remarks. Raises MediaError, OSError."""
    name, file = names
    limit: float | None = SILENCE
    while True:
        if not pipe.poll(limit):
            raise MediaError(f"{name}: cannot be annotated: the decoder does not answer")
        try:
            word, value = pipe.recv()
        except (EOFError, OSError):
            process.join()
            how = how_it_ended(process.exitcode)
            raise MediaError(f"{name}: cannot be annotated: the decoder {how}") from None
        if word == "closing":
            limit = None  # no decoder is at work; a slow disk may take its time
        elif word == "at":
            limit = SILENCE
            if on_progress is not None:
                on_progress(value, duration)
        elif word == "done":
            return tuple(value)
        elif word == "system":
            raise OSError(*value, str(file))
        else:
            raise MediaError(f"{name}: {value}")


def _serve(pipe: Connection, timeline: Timeline, video: Path, file: Path) -> None:
    """Do the work, in the process."""
    import signal

    import av

    from mraf.pipeline.timeline.outputs.annotated.transcode import transcode

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    av.logging.set_level(None)
    try:
        remarks = transcode(timeline, video, file, lambda word, time: pipe.send((word, time)))
    except MediaError as error:
        pipe.send(("media", str(error)))
    except MemoryError:
        pipe.send(("media", "takes too much memory to annotate"))
    except (BrokenPipeError, ConnectionResetError):  # nobody waits for it any more
        return
    except OSError as error:  # of writing: what cannot be read is passed over
        pipe.send(("system", (error.errno, error.strerror or str(error))))
    except Exception as error:  # as of an encoder; the reason is wanted, and no traceback
        pipe.send(("media", f"cannot be annotated: {type(error).__name__}: {error}"))
    else:
        pipe.send(("done", remarks))
