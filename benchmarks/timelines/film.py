"""Paint the pictures of shots, write a video, and repeat one."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from .clips import on_display, pictures
from .shots import HEIGHT, RATE, WIDTH, Pane, Shot

FPS = 25


def painted(shots: list[Shot], seed: int) -> Iterator[np.ndarray]:
    """Yield the pictures `[H, W, 3]` RGB of a video, 25 a second."""
    done, until = 0, 0.0
    for number, shot in enumerate(shots):
        until += shot.seconds
        count = round(until * FPS) - done
        panes = [(pane, *pictures(pane.take.path)) for pane in shot.panes]
        for k in range(count):
            canvas = (
                np.full((HEIGHT, WIDTH, 3), 24, np.uint8)
                if panes
                else pattern(k / FPS, seed + number)
            )
            for pane, times, frames in panes:
                put(canvas, frames[0 if pane.still else on_display(times, k / FPS)], pane)
            if shot.line:
                write_line(canvas)
            yield canvas
        done += count


def put(canvas: np.ndarray, frame: np.ndarray, pane: Pane) -> None:
    """Scale a clip's picture into its place."""
    import cv2

    x, y, width, height = pane.place
    canvas[y : y + height, x : x + width] = cv2.resize(frame, (width, height))


def pattern(time: float, seed: int) -> np.ndarray:
    """Return a picture `[H, W, 3]` in which nobody is seen: coloured bars that move."""
    rng = np.random.default_rng([seed, 9])
    speed, colours = rng.uniform(40, 160), rng.integers(30, 220, (8, 3))
    bars = ((np.arange(WIDTH) + speed * time) // 160).astype(int) % len(colours)
    return np.broadcast_to(colours[bars].astype(np.uint8), (HEIGHT, WIDTH, 3)).copy()


def write_line(canvas: np.ndarray) -> None:
    """Write a line of text on a bar, as news programmes do."""
    import cv2

    cv2.rectangle(canvas, (0, HEIGHT - 110), (WIDTH, HEIGHT - 40), (180, 20, 20), -1)
    place = (40, HEIGHT - 62)
    cv2.putText(canvas, "THE NEWS AT NINE", place, cv2.FONT_HERSHEY_SIMPLEX, 1.4, (255,) * 3, 3)


def write(
    path: Path,
    frames: Iterator[np.ndarray],
    wave: np.ndarray,
    *,
    late: float = 0.0,
    variable: int | None = None,
) -> None:
    """Write an MP4 of pictures, 25 a second, and sound `[N]` at 16 kHz.

    Args:
        path: of the file.
        frames: pictures `[H, W, 3]` RGB.
        wave: samples, about -1 to 1.
        late: s at which the stream of sound begins; earlier samples are left out.
        variable: seed by which pictures are left out; None keeps all.
    """
    import av

    rng = np.random.default_rng([variable or 0, 3])
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        video = container.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.options = {"preset": "veryfast", "crf": "22", "threads": "1"}
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        audio.bit_rate = 64_000
        first = round(late * RATE)
        for k, frame in enumerate(frames):
            if k == 0 or variable is None or rng.random() < 0.6:
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                picture.pts, picture.time_base = k, Fraction(1, FPS)
                container.mux(video.encode(picture))
            last = min(len(wave), round((k + 1) * RATE / FPS))
            if last > first:
                piece = av.AudioFrame.from_ndarray(
                    wave[None, first:last].astype(np.float32), format="fltp", layout="mono"
                )
                piece.sample_rate, piece.pts, piece.time_base = RATE, first, Fraction(1, RATE)
                container.mux(audio.encode(piece))
                first = last
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def repeat(source: Path, target: Path, times: int, seconds: float) -> None:
    """Write a video that shows another so many times in a row, without encoding it anew."""
    string([(source, seconds)] * times, target)


def string(sources: Sequence[tuple[Path, float]], target: Path, *, picture: bool = True) -> None:
    """Write a video that shows others one after the other, each for so many seconds, without encoding them anew.

    They are made alike, as `write` does. Without `picture` their sound alone is written.
    """
    import av

    begins = 0.0
    with av.open(str(target), "w") as out:
        streams = {}
        with av.open(str(sources[0][0])) as container:
            for stream in container.streams:
                if picture or stream.type == "audio":
                    streams[stream.index] = out.add_stream_from_template(stream)
        for source, seconds in sources:
            with av.open(str(source)) as container:
                for packet in container.demux():
                    if packet.dts is None or packet.time_base is None or packet.pts is None:
                        continue
                    if packet.stream.index not in streams:
                        continue
                    shift = round(begins / packet.time_base)
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)
            begins += seconds
