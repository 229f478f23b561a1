"""Who speaks when: meetings, and conversations composed of the sound of real clips, beside a plain way.

    MRAF_SHARED=../shared python benchmarks/meetings.py [--first N] [--seeds N] [--sweep]

MRAF_SHARED names a folder with `data/meetings` (recordings with an RTTM file each) and `data/videos` (clips
`<speaker>/<language>/<recording>/<clip>.mp4`). It needs the weights of CAM++ and of the segmentation. Rates are
those of pyannote.metrics over all recordings of a kind; its collar of 0.5 s is 0.25 s on either side. The plain way is
silero, windows of CAM++ of 1.5 s every 0.75 s, and scikit-learn's average linkage; of its thresholds the one
that is best on these very recordings is shown.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import head, machine, row

RATE = 16_000
THRESHOLDS = (0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95)
SWEPT = {
    "CUT": (0.55, 0.75),
    "EVIDENCE": (25.0, 100.0),
    "CAUTION": (5.0, 12.0),
    "ONE_VOICE": (2.0, 4.0),
    "VOICE_SECONDS": (0.7, 2.0),
}
Turns = list[tuple[float, float, str]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Recording:
    """Sound and who speaks when."""

    name: str
    wave: np.ndarray  # [N] float32 at 16 kHz
    turns: Turns


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sweep", action="store_true", help="other values of the constants too")
    parser.add_argument("--seeds", type=int, default=1, help="conversations of each size")
    parser.add_argument(
        "--first",
        type=int,
        default=0,
        help="the first seed; above 0 conversations alone: by those of 0 the constants were chosen",
    )
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="pyannote")
    data = Path(os.environ.get("MRAF_SHARED", "../shared")) / "data"
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    kinds = {} if arguments.first else {"meetings": list(meetings(data / "meetings"))}
    kinds["conversations"] = list(conversations(data / "videos", seeds))
    print(machine() + "\n")
    observed, seconds = observe([each for some in kinds.values() for each in some])
    for kind, recordings in kinds.items():
        print(f"{kind}, {sum(len(each.wave) for each in recordings) / RATE:.0f} s\n")
        table(recordings, observed, sweep=arguments.sweep)
    speed(seconds, sum(len(each.wave) for some in kinds.values() for each in some) / RATE)


def meetings(folder: Path) -> Iterator[Recording]:
    """Yield recordings with an RTTM file each."""
    from mraf.extractors.media.read import read_pair

    for path in sorted(folder.glob("*.flac")):
        lines = [line.split() for line in path.with_suffix(".rttm").read_text("utf-8").splitlines()]
        turns = [(float(x[3]), float(x[3]) + float(x[4]), x[7]) for x in lines]
        wave = read_pair(path, None).wave
        assert wave is not None
        yield Recording(name=path.stem, wave=wave, turns=turns)


def conversations(folder: Path, seeds: range) -> Iterator[Recording]:
    """Yield conversations of one to eight people: turns of 1 to 5 s, pauses, and overlap now and then."""
    from mraf.extractors.media.read import read_video
    from mraf.extractors.voice.vad import SpeechFinder

    finder = SpeechFinder()
    spoken: dict[str, list[np.ndarray]] = {}
    for path in sorted(folder.glob("*/*/*/*.mp4")):
        wave = read_video(path).wave
        if wave is not None:
            spoken.setdefault(path.parts[-4], []).append(finder.find(wave).wave)
    for seed in seeds:
        for people in range(1, len(spoken) + 1):
            yield composed(spoken, people, seed=1000 * seed + people)


def composed(spoken: dict[str, list[np.ndarray]], people: int, *, seed: int) -> Recording:
    """Compose a conversation of 30 to 45 s; each of the people speaks at least once."""
    rng = np.random.default_rng(seed)
    who = rng.choice(sorted(spoken), people, replace=False).tolist()
    length = 30.0 if people < 3 else 45.0
    wave = rng.normal(0, 0.0015, round(length * RATE))
    left = {name: list(rng.permutation(len(spoken[name]))) for name in who}
    turns: Turns = []
    at = rng.uniform(0, 1.5)
    while at < length - 1.5:
        others = [name for name in who if not turns or name != turns[-1][2]] or who
        name = who[len(turns)] if len(turns) < people else others[rng.integers(len(others))]
        left[name] = left[name][1:] + left[name][:1]
        said = spoken[name][left[name][-1]][: round(min(rng.uniform(1, 5), length - at) * RATE)]
        begin = round(at * RATE)
        said = said[: len(wave) - begin]
        wave[begin : begin + len(said)] += said / (said.std() + 1e-6) * 0.05 * rng.uniform(0.6, 1.4)
        turns.append((at, at + len(said) / RATE, name))
        overlap, short = rng.random() < 0.1, rng.random() < 0.8
        pause = rng.exponential(0.4) if short else rng.uniform(1, 3)
        at += len(said) / RATE + (-rng.uniform(0.3, 1) if overlap else pause)
    return Recording(name=f"{people} people, {seed}", wave=wave.astype(np.float32), turns=turns)


def observe(recordings: list[Recording]) -> tuple[dict[str, Any], dict[str, float]]:
    """Return what is heard in each recording, and the seconds of each stage."""
    from mraf.extractors.encoders import choose
    from mraf.extractors.streaming.parts import Observed
    from mraf.extractors.turns.windows import SoundObserver
    from mraf.extractors.weights import at_hand

    weights = at_hand("segmentation")
    if weights is None:
        raise SystemExit("The weights are not here: mraf weights get segmentation")
    observer = SoundObserver(choose(voice="campplus", offline=True), weights)
    seconds: dict[str, float] = {}
    for name in ("_activity", "_speech", "_vectors"):
        setattr(observer, name, timed(name[1:], getattr(observer, name), seconds))
    whole = timed("all", observer.observe, seconds)
    found = {}
    for each in recordings:
        stop = len(each.wave) / RATE
        heard = whole(each.wave, 0.0, stop)
        found[each.name] = Observed(start=0.0, stop=stop, heard=heard, seen=None)
    return found, seconds


def timed(name: str, call: Callable[..., Any], seconds: dict[str, float]) -> Callable[..., Any]:
    """Return a function that adds the processor's seconds of its calls to `seconds[name]`."""

    def run(*arguments: Any) -> Any:
        before = time.process_time()
        result = call(*arguments)
        seconds[name] = seconds.get(name, 0.0) + time.process_time() - before
        return result

    return run


def table(recordings: list[Recording], observed: dict[str, Any], *, sweep: bool) -> None:
    """Print the rates of ours, and of the plain way at its best threshold."""
    from mraf.pipeline.timeline.turns import chain, cluster

    def ours(each: Recording) -> Turns:
        found = cluster.voices_of([observed[each.name]])
        return [(turn.start, turn.stop, str(turn.voice)) for turn in found.turns]

    def told(each: Recording) -> Turns:
        number = len({name for *_, name in each.turns})
        found = cluster.voices_of([observed[each.name]], speakers=number)
        return [(turn.start, turn.stop, str(turn.voice)) for turn in found.turns]

    columns = ("DER, collar 0", "missed", "invented", "confused", "0.25 s", "0.25 s, no overlap")
    print(head("", *columns, "number of speakers right"))
    print(rates("ours", recordings, ours))
    print(rates("ours, number given", recordings, told))
    windows = {each.name: plain_windows(each.wave) for each in recordings}
    rows = [
        rates(f"plain, at {cut}", recordings, lambda each, cut=cut: plain(*windows[each.name], cut))
        for cut in THRESHOLDS
    ]
    print(min(rows, key=lambda line: float(line.split("|")[6].strip(" %"))))
    for name, values in SWEPT.items() if sweep else ():
        module: Any = cluster if hasattr(cluster, name) else chain
        usual = getattr(module, name)
        for value in values:
            setattr(module, name, value)
            print(rates(f"ours, {name} {value} for {usual}", recordings, ours))
        setattr(module, name, usual)
    print()


def rates(title: str, recordings: list[Recording], find: Callable[[Recording], Turns]) -> str:
    """Return a row of the table."""
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    def annotation(turns: Turns) -> Any:
        made = Annotation()
        for i, (start, stop, name) in enumerate(turns):
            made[Segment(start, stop), i] = name
        return made

    metrics = [
        DiarizationErrorRate(collar=0.0),
        DiarizationErrorRate(collar=0.5),
        DiarizationErrorRate(collar=0.5, skip_overlap=True),
    ]
    right = 0
    for each in recordings:
        found = find(each)
        whole = Timeline([Segment(0, len(each.wave) / RATE)])
        for metric in metrics:
            metric(annotation(each.turns), annotation(found), uem=whole)
        names = [{name for *_, name in turns if name != "-1"} for turns in (each.turns, found)]
        right += len(names[0]) == len(names[1])
    parts = metrics[0][:]
    shares = [
        parts[name] / parts["total"] for name in ("missed detection", "false alarm", "confusion")
    ]
    figures = [abs(metrics[0]), *shares, abs(metrics[1]), abs(metrics[2])]
    return row(title, *(f"{figure:.1%}" for figure in figures), f"{right} of {len(recordings)}")


def plain_windows(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return windows `[P, 2]` in s of silero's speech, and their vectors `[P, 192]`."""
    from silero_vad import get_speech_timestamps, load_silero_vad

    from mraf.extractors.encoders import build, choose

    encoder = build(choose(voice="campplus", offline=True).voice)
    windows = []
    for span in get_speech_timestamps(wave, load_silero_vad(), return_seconds=False):
        start, stop = span["start"], span["end"]
        for at in range(start, max(start + 1, stop - 24_000 + 12_000), 12_000):
            windows.append((at, min(at + 24_000, stop)))
    windows = [(a, b) for a, b in windows if b - a >= 6_400]
    if not windows:
        return np.zeros((0, 2)), np.zeros((0, 192))
    return np.array(windows) / RATE, encoder.embed([wave[a:b] for a, b in windows])


def plain(windows: np.ndarray, vectors: np.ndarray, cut: float) -> Turns:
    """Return turns: windows of one cluster in a row, each up to the middle of its overlap with the next."""
    from sklearn.cluster import AgglomerativeClustering

    if len(windows) < 2:
        return [(a, b, "0") for a, b in windows]
    clustering = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=cut
    )
    turns: Turns = []
    for (start, stop), label in zip(windows, clustering.fit_predict(vectors), strict=True):
        if turns and start < turns[-1][1]:
            middle = (start + turns[-1][1]) / 2
            turns[-1] = (turns[-1][0], middle, turns[-1][2])
            start = middle
        if turns and turns[-1][2] == str(label) and start - turns[-1][1] < 1e-6:
            turns[-1] = (turns[-1][0], stop, str(label))
        else:
            turns.append((start, stop, str(label)))
    return turns


def speed(seconds: dict[str, float], length: float) -> None:
    """Print the processor's time of each stage, in parts of the sound's length."""
    names = {
        "activity": "segmentation",
        "speech": "speech detector",
        "vectors": "voice vectors",
        "all": "all, with LR-ASD's sound",
    }
    print(head("stage", "seconds of one core a second of sound"))
    for name, spent in seconds.items():
        print(row(names[name], f"{spent / length:.4f}"))


if __name__ == "__main__":
    main()
