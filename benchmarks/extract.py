"""Comparison of mraf's extraction with the code of the READMEs of the libraries.

    python benchmarks/extract.py VIDEOS
    python benchmarks/extract.py --made 24                  # sample videos, 1280 x 720

The baseline ("plain" in the output) runs in one process with torch's default threads. It decodes the
whole clip and runs 8 frames spread over it, at full size, one by one through MTCNN with its
defaults, each crop through InceptionResnetV1, and the resampled sound through ECAPA-TDNN. mraf
("ours") is `mraf extract` with one worker per core. Both have the same random weights. They take
turns, each in a process of its own. The speed leaves out the loading, which has a column of its own.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import networks, pair_of, run, write_weights

FRAMES = 8


def main() -> None:
    """Run baseline and mraf in turns and print speed, memory and agreement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="?")
    parser.add_argument("--made", type=int, default=0, help="make this many sample videos at 720p")
    parser.add_argument("--clips", type=int, default=52, help="at most this many of VIDEOS")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--run", choices=["plain", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        clips = [Path(line) for line in sys.stdin.read().splitlines()]
        result = (plain if arguments.run == "plain" else ours)(clips, arguments.out)
        print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory() as folder:
        clips = chosen(arguments, Path(folder))
        write_weights(Path(folder))
        rounds = [turn(clips, Path(folder), number) for number in range(arguments.rounds)]
        report(clips, rounds, Path(folder))


def chosen(arguments: argparse.Namespace, folder: Path) -> list[Path]:
    """Return some of the given clips, spread over all, or sample videos made now."""
    if arguments.made:
        from mraf.data.sample.make import SampleOptions, make_sample

        speakers = -(-arguments.made // 6)
        options = SampleOptions(speakers=speakers, recordings=(1, 1), width=1280, height=720)
        make_sample(folder / "videos", options)
        arguments.videos, arguments.clips = folder / "videos", arguments.made
    found = sorted(arguments.videos.rglob("*.mp4"))
    count = min(arguments.clips, len(found))
    return [found[i * len(found) // count] for i in range(count)]


def turn(clips: list[Path], folder: Path, number: int) -> dict[str, dict[str, Any]]:
    """Run each once, in a fresh process; the order alternates."""
    found = {}
    for name in ("plain", "ours") if number % 2 == 0 else ("ours", "plain"):
        found[name] = run([__file__, "--run", name, "--out", str(folder)], clips)
        print(f"round {number + 1}, {name}: {found[name]['speed']:.2f} clips/s", flush=True)
    return found


def plain(clips: list[Path], folder: Path) -> dict[str, Any]:
    """Run the loop of the READMEs, the baseline; return its figures."""
    from mraf.extractors import compat

    started = time.monotonic()
    compat.prepare()
    import torch
    import torchaudio
    from facenet_pytorch import MTCNN
    from PIL import Image
    from speechbrain.lobes.features import Fbank
    from speechbrain.processing.features import InputNormalization

    mtcnn, fbank = MTCNN(), Fbank(n_mels=80)
    normalise = InputNormalization(norm_type="sentence", std_norm=False)
    facenet, ecapa = networks()
    facenet.load_state_dict(torch.load(folder / "facenet.pt", weights_only=True))
    ecapa.load_state_dict(torch.load(folder / "ecapa.pt", weights_only=True))
    loaded = time.monotonic()
    faces, voices, pictures = [], [], []
    with torch.no_grad():
        for clip in clips:
            frames, wave, rate = decoded(clip)
            index = np.linspace(0, len(frames) - 1, FRAMES).astype(int)
            images = [Image.fromarray(frames[i]) for i in index]
            crops = [crop for image in images if (crop := mtcnn(image)) is not None]
            vectors = [facenet(crop[None])[0] for crop in crops]
            faces.append(unit(torch.stack(vectors).mean(0).numpy()) if vectors else None)
            sound = torchaudio.functional.resample(torch.from_numpy(wave), rate, 16_000)[None]
            features = normalise(fbank(sound), torch.ones(1))
            voices.append(unit(ecapa(features)[0, 0].numpy()))
            pictures.append((images, sound[0].numpy()))
    seconds = time.monotonic() - loaded
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    trained = [trained_vectors(images, sound, mtcnn) for images, sound in pictures]
    keep(folder / "plain.npz", faces, voices, [f for f, _ in trained], [v for _, v in trained])
    return {
        "speed": len(clips) / seconds,
        "loading": loaded - started,
        "peaks": [peak / 1024],
    }


def decoded(clip: Path) -> tuple[list[np.ndarray], np.ndarray, int]:
    """Return all frames, the sound and its sampling rate."""
    import av

    with av.open(str(clip)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(clip)) as container:
        if not container.streams.audio:
            return frames, np.zeros(16_000, np.float32), 16_000
        rate = container.streams.audio[0].rate
        sound = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return frames, np.concatenate(sound, axis=1).mean(axis=0, dtype=np.float32), rate


def trained_vectors(
    images: list[Any], sound: np.ndarray, mtcnn: Any
) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the vectors of the packaged, trained encoders for the same faces and sound (not timed)."""
    from mraf.extractors.face.dlib import Dlib
    from mraf.extractors.voice.ge2e import GE2E

    found = [(np.asarray(image), mtcnn.detect(image)[0]) for image in images]
    cropped = [(frame, boxes[0]) for frame, boxes in found if boxes is not None]
    face = None
    if cropped:
        vectors = Dlib().embed(
            [frame for frame, _ in cropped], np.stack([box for _, box in cropped])
        )
        face = unit(vectors.mean(axis=0))
    return face, GE2E().embed([sound])[0]


def ours(clips: list[Path], folder: Path) -> dict[str, Any]:
    """Run `mraf extract` with the same weights; then, not timed, with the trained encoders."""
    from mraf.data.clips.clip import Clip
    from mraf.extractors.encoders import EncoderPair, EncoderSpec
    from mraf.pipeline.workspace import Workspace

    pair = pair_of(folder)
    entries = [Clip(str(number), clip) for number, clip in enumerate(clips)]
    convert([pair.face, pair.voice])
    with tempfile.TemporaryDirectory(dir=folder) as space:
        result = timed(entries, Path(space), pair)
        faces, voices = vectors_of(Workspace(Path(space)), len(clips))
    with tempfile.TemporaryDirectory(dir=folder) as space:
        timed(
            entries, Path(space), EncoderPair(face=EncoderSpec("dlib"), voice=EncoderSpec("ge2e"))
        )
        keep(folder / "ours.npz", faces, voices, *vectors_of(Workspace(Path(space)), len(clips)))
    return result


def convert(specs: list[Any]) -> None:
    """Convert the networks into the cache, as a user's first run does once."""
    from mraf.extractors.encoders import build
    from mraf.extractors.face.mtcnn import Cascade

    Cascade()
    for spec in specs:
        build(spec)


def timed(clips: list[Any], space: Path, pair: Any) -> dict[str, Any]:
    """Extract, and measure from the moment when every worker has done its first clip."""
    from mraf.pipeline.extraction.extract import extract_clips
    from mraf.pipeline.extraction.processes import available_cores

    ends: list[float] = []
    started = time.monotonic()
    extract_clips(
        clips,
        workspace=space,
        encoders=pair,
        on_progress=lambda each: ends.append(time.monotonic()) if each.done else None,
    )
    first = min(available_cores(), len(clips) - 1)
    peaks = [
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return {
        "speed": (len(clips) - first) / (ends[-1] - ends[first - 1]),
        "loading": ends[0] - started,
        "peaks": peaks,
    }


def vectors_of(
    workspace: Any, count: int
) -> tuple[list[np.ndarray | None], list[np.ndarray | None]]:
    """Return faces and voices in the order of the clips."""
    rows = {int(row.clip): row for row in workspace.table.rows()}
    return [rows[i].face for i in range(count)], [rows[i].voice for i in range(count)]


def unit(vector: np.ndarray) -> np.ndarray:
    """Return the vector at length 1."""
    return vector / np.linalg.norm(vector)


def keep(path: Path, *columns: list[np.ndarray | None]) -> None:
    """Write columns of vectors; a missing one becomes NaN."""
    names = ("face", "voice", "face_trained", "voice_trained")
    arrays = {}
    for name, vectors in zip(names, columns, strict=True):
        dim = next(len(v) for v in vectors if v is not None)
        lost = np.full(dim, np.nan, np.float32)
        arrays[name] = np.stack([lost if v is None else unit(v) for v in vectors])
    np.savez(path, **arrays)


def report(clips: list[Path], rounds: list[dict[str, dict[str, Any]]], folder: Path) -> None:
    """Print speed, memory, agreement, and how well each tells people apart."""
    plain_, ours_ = (
        {
            "speed": statistics.median(each[name]["speed"] for each in rounds),
            "loading": statistics.median(each[name]["loading"] for each in rounds),
            "peaks": [max(p) for p in zip(*(each[name]["peaks"] for each in rounds), strict=True)],
        }
        for name in ("plain", "ours")
    )
    print(f"\n{len(clips)} clips, {len(rounds)} rounds, {os.cpu_count()} cores\n")
    print(f"{'':<8}{'clips/s':>9}{'until the first clip':>22}{'peak memory of a process':>28}")
    for name, each in (("plain", plain_), ("ours", ours_)):
        memory = ", ".join(f"{mb:.0f} MB" for mb in each["peaks"])
        print(f"{name:<8}{each['speed']:>9.2f}{each['loading']:>20.1f} s{memory:>28}")
    print(f"\nratio of speed: {ours_['speed'] / plain_['speed']:.2f}")
    theirs, mine = np.load(folder / "plain.npz"), np.load(folder / "ours.npz")
    print("\ncosine between the two    median     5 %  clips     nearest neighbour: plain   ours")
    speakers = np.array([speaker_of(clip) for clip in clips])
    for name, title in TITLES.items():
        both = ~(np.isnan(theirs[name][:, 0]) | np.isnan(mine[name][:, 0]))
        cosine = (theirs[name][both] * mine[name][both]).sum(axis=1)
        line = (
            f"{title:<24}{np.median(cosine):>8.4f}{np.quantile(cosine, 0.05):>8.4f}{both.sum():>7}"
        )
        if "trained" in name:
            right = [neighbours(each[name][both], speakers[both]) for each in (theirs, mine)]
            line += f"{right[0]:>26.3f}{right[1]:>7.3f}"
        print(line)


TITLES = {
    "face": "FaceNet, untrained",
    "voice": "ECAPA-TDNN, untrained",
    "face_trained": "dlib",
    "voice_trained": "GE2E",
}


def speaker_of(clip: Path) -> str:
    """Return the speaker in whose folder a clip lies."""
    from mraf.data.clips.folders import describe_path

    return describe_path(clip, clip.parents[3])[0] or clip.parts[-2]


def neighbours(vectors: np.ndarray, speakers: np.ndarray) -> float:
    """Return the share of clips whose nearest other clip is of the same speaker."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    return float((speakers[similarity.argmax(axis=1)] == speakers).mean())


if __name__ == "__main__":
    main()
