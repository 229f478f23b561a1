"""Time and memory of an extraction as the work grows: more clips, and longer videos.

    python benchmarks/growth_media.py VIDEOS --clips 100 1000 --minutes 1 10 60

Clips are copies of those in VIDEOS with different bytes at the end, so that each counts as new. The long
videos are 1080p at 25 frames a second with noise and a chirp: ten seconds are encoded and then repeated.
The encoders are those that come with mraf. Each line is a run of `mraf extract` in its own process;
memory is the peak of each kind of process, sampled twice per second.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
from common import command_line, environment, machine, peak_memory, processes

SIZE = (1920, 1080)
RATE = 25
SECONDS = 10  # encoded, then repeated
PERIOD = Fraction(41, 4)  # seconds from one repetition to the next: the sound is a little longer


def main() -> None:
    """Measure each number of clips and each length, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--clips", type=int, nargs="*", default=[100, 1000])
    parser.add_argument("--minutes", type=int, nargs="*", default=[1, 10, 60])
    arguments = parser.parse_args()
    print(f"{machine()}\n")
    print(
        f"{'work':<26}{'seconds':>9}{'a clip':>8}   largest memory: command, worker, decoder (MB)"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in arguments.clips:
            copies(sorted(arguments.videos.rglob("*.mp4")), folder / str(count), count)
            line(f"{count:,} clips", folder / str(count), count)
        if arguments.minutes:
            pieces = encode(folder / "piece.mp4")
        for minutes in arguments.minutes:
            (folder / f"long{minutes}").mkdir()
            video = folder / f"long{minutes}" / "video.mp4"
            repeat(pieces, video, minutes)
            line(f"{minutes} min, {video.stat().st_size >> 20} MB", video.parent, 1)
            video.unlink()


def copies(videos: list[Path], folder: Path, count: int) -> None:
    """Write copies of videos, each with different bytes after the last box of the file."""
    folder.mkdir()
    for number in range(count):
        data = videos[number % len(videos)].read_bytes()
        (folder / f"{number:06}.mp4").write_bytes(data + f"free{number:012}".encode())


def encode(path: Path) -> Path:
    """Encode ten seconds of moving noise and a chirp."""
    import av

    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (SIZE[1] // 4, SIZE[0] // 4, 3), dtype=np.uint8)
    big = np.kron(noise, np.ones((4, 4, 1), np.uint8))
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", RATE, options={"preset": "veryfast"})
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        audio = out.add_stream("aac", 16_000, layout="mono")
        for number in range(RATE * SECONDS):
            frame = av.VideoFrame.from_ndarray(np.roll(big, 3 * number, axis=1), format="rgb24")
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        time_ = np.arange(16_000 * SECONDS) / 16_000
        wave = (0.2 * np.sin(2 * np.pi * (200 + 50 * time_) * time_)).astype(np.float32)
        for start in range(0, len(wave), 1024):
            sound = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "fltp", "mono")
            sound.sample_rate, sound.pts = 16_000, start
            out.mux(audio.encode(sound))
        out.mux(audio.encode(None))
    return path


def repeat(piece: Path, path: Path, minutes: int) -> None:
    """Write a long video that repeats the packets of a short one."""
    import av

    with av.open(str(path), "w") as out:
        with av.open(str(piece)) as source:
            streams = [out.add_stream_from_template(each) for each in source.streams]
        for number in range(int(minutes * 60 / PERIOD) + 1):
            with av.open(str(piece)) as source:
                for packet in source.demux():
                    if packet.dts is None:
                        continue
                    shift = int(number * PERIOD / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)


def line(title: str, folder: Path, clips: int) -> None:
    """Extract a folder, watch the memory of all processes, and print a line."""
    command = [
        sys.executable,
        "-m",
        "mraf",
        "extract",
        str(folder),
        "-w",
        str(folder) + "-w",
        "--json",
    ]
    command += ["--face", "dlib", "--voice", "campplus"]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    peaks = {"command": 0, "worker": 0, "decoder": 0}
    while run.poll() is None:
        for pid, kind in family(run.pid).items():
            peaks[kind] = max(peaks[kind], peak_memory(pid) >> 20)
        time.sleep(0.5)
    out, problem = run.communicate()
    if run.returncode not in (0, 1):
        sys.exit(problem.decode())
    seconds = json.loads(out)["seconds"]
    shown = ", ".join(f"{mb}" for mb in peaks.values())
    print(f"{title:<26}{seconds:>9.1f}{seconds / clips:>8.2f}   {shown}", flush=True)


def family(root: int) -> dict[int, str]:
    """Return the process and its descendants: the kind of process by id."""
    children: dict[int, list[int]] = {}
    for pid, stat in processes():
        children.setdefault(int(stat[1]), []).append(pid)
    found, waiting = {root: "command"}, [root]
    while waiting:
        for pid in children.get(waiting.pop(), []):
            words = command_line(pid)
            if not words or "resource_tracker" in words:
                continue
            found[pid] = "decoder" if "decoding" in words else "worker"
            waiting.append(pid)
    return found


if __name__ == "__main__":
    main()
