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
) -> None:
    """Write an MP4 with the size, the times and the sound of a video; it appears whole or not at all.

    Args:
        timeline: what is drawn.
        video: the file that the timeline is of.
        file: the MP4 to write.
        on_progress: is called with the seconds that are done, and the length of the video in s.

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
        problem = _follow(process, ours, video.name, timeline.duration, on_progress)
        if problem is not None:
            raise problem
        temporary.replace(file)
    finally:
        if process.pid is not None:
            process.kill()
            process.join()
        ours.close()
        temporary.unlink(missing_ok=True)


def _follow(
    process: Any,
    pipe: Connection,
    name: str,
    duration: float | None,
    on_progress: Progress | None,
) -> Exception | None:
    """Pass progress on until the process is done; return what went wrong, or None."""
    while True:
        if not pipe.poll(SILENCE):
            return MediaError(f"{name}: cannot be annotated: the decoder does not answer")
        try:
            word, value = pipe.recv()
        except (EOFError, OSError):
            process.join()
            how = how_it_ended(process.exitcode)
            return MediaError(f"{name}: cannot be annotated: the decoder {how}")
        if word == "at":
            if on_progress is not None:
                on_progress(value, duration)
        elif word == "done":
            return None
        else:
            return OSError(value) if word == "system" else MediaError(f"{name}: {value}")


def _serve(pipe: Connection, timeline: Timeline, video: Path, file: Path) -> None:
    """Do the work, in the process."""
    import signal

    import av

    from mraf.pipeline.timeline.outputs.annotated.transcode import transcode

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    av.logging.set_level(None)
    try:
        transcode(timeline, video, file, lambda time: pipe.send(("at", time)))
    except MediaError as error:
        pipe.send(("media", str(error)))
    except MemoryError:
        pipe.send(("media", "takes too much memory to annotate"))
    except (BrokenPipeError, ConnectionResetError):  # nobody waits for it any more
        return
    except OSError as error:
        pipe.send(("system", f"{file.parent}: {error}"))
    else:
        pipe.send(("done", None))
