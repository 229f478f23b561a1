"""What LR-ASD says of real faces, and what lips foretell of the sound.

    python benchmarks/speaking.py VIDEOS            # <speaker>/**/*.mp4, each of one speaker in view
    python benchmarks/speaking.py VIDEOS --every 4  # every fourth clip

Each face is scored with its own sound, with silence, with the sound of another speaker, and as a single picture of
it with its own sound. Then the sound of all is moved by known times, and these are looked for; and own sounds are told from
others' by what lips foretell of their loudness, learned from the other speakers.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from common import head, row

from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.speaking.agreement import learn
from mraf.extractors.speaking.lr_asd import Scorer
from mraf.extractors.speaking.mfcc import mfcc, shifted
from mraf.extractors.speaking.observer import PictureObserver
from mraf.extractors.speaking.step import best_shift
from mraf.extractors.weights import at_hand
from tests.helpers.sliced import real, sliced

PAIR = EncoderPair(face=EncoderSpec(name="dlib"), voice=EncoderSpec(name="campplus"))


class Clip(NamedTuple):
    """A clip in which one face is seen from end to end."""

    who: str
    lips: np.ndarray
    still: np.ndarray | None  # lips of its first picture, as long; None where none are found
    sound: np.ndarray  # its MFCC


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Return the share of pairs in which the positive is the larger."""
    rank = np.argsort(np.argsort(np.concatenate([positive, negative])))[: len(positive)]
    n, m = len(positive), len(negative)
    return float((rank.sum() - n * (n - 1) / 2) / (n * m))


def lips_of(observer: PictureObserver, pictures: np.ndarray) -> np.ndarray | None:
    """Return the lips of the one face that is seen from end to end; None where there is none."""
    for piece in sliced(pictures):
        observer.add(piece, observer.find(piece))
    tracks = observer.finish().tracks
    observer.begin()  # clips do not follow each other
    whole = len(tracks) == 1 and len(tracks[0].lips) == len(pictures)
    return tracks[0].lips if whole else None


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    weights = at_hand("lr_asd")
    assert weights, "mraf weights get lr-asd"
    observer, scorer = PictureObserver(PAIR, weights), Scorer(weights)
    files = sorted(options.videos.rglob("*.mp4"))[:: options.every]
    clips = [*clips_of(observer, files, options.videos)]
    print(f"{len(clips)} clips of {len({clip.who for clip in clips})} people\n")
    print_scores(scorer, clips)
    print()
    print_shifts(clips)
    print()
    print_agreement(clips)


def clips_of(observer: PictureObserver, files: list[Path], root: Path) -> Iterator[Clip]:
    """Yield those of some files in which one face is seen from end to end."""
    for file in files:
        pictures, wave = real(file)
        found = lips_of(observer, pictures)
        if found is not None:
            still = lips_of(observer, np.repeat(pictures[:1], len(pictures), axis=0))
            who = file.relative_to(root).parts[0]
            yield Clip(who, found, still, mfcc(wave, 0, 4 * len(pictures)))


def print_scores(scorer: Scorer, clips: list[Clip]) -> None:
    """Print how each face is scored with sounds of its own and of others."""
    cases = {
        "speaks, its own": [(each.lips, each.sound) for each in clips],
        "speaks, silence": [(each.lips, clips[0].sound[:0]) for each in clips],
        "speaks, another's": [
            (each.lips, other_of(clips, i).sound) for i, each in enumerate(clips)
        ],
        "one picture of it, its own": [(each.still, each.sound) for each in clips],
    }
    scores = {
        name: np.concatenate([scorer.score(*each) for each in pairs if each[0] is not None])
        for name, pairs in cases.items()
    }
    own = scores["speaks, its own"]
    print(head("face, sound", "above 0", "mean", "AUC of its own against it"))
    for name, values in scores.items():
        above, mean = f"{(values > 0).mean():.1%}", f"{values.mean():.2f}"
        print(row(name, above, mean, f"{auc(own, values):.3f}"))


def other_of(clips: list[Clip], at: int) -> Clip:
    """Return the next clip of somebody else."""
    return next(each for each in (*clips[at:], *clips[:at]) if each.who != clips[at].who)


def print_shifts(clips: list[Clip]) -> None:
    """Print by how much the sound seems moved where it is moved by known times."""
    print(head("moved by (s)", "found", "confidence"))
    for late in (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3):
        moved = [
            (each.lips, shifted(each.sound, -round(late * 100), len(each.sound))) for each in clips
        ]
        found = best_shift(moved)
        print(row(f"{late:.1f}", f"{found.seconds:.3f}", f"{found.confidence:.2f}"))


def print_agreement(clips: list[Clip]) -> None:
    """Print how lips agree with their own and others' sounds, as learned from the other speakers."""
    ours, theirs = [], []
    for clip in clips:
        others = [each for each in clips if each.who != clip.who]
        agreement = learn([(each.lips, each.sound) for each in others])
        if agreement:
            ours.append(agreement.of(clip.lips, clip.sound))
            theirs.append([agreement.of(clip.lips, each.sound) for each in others])
    if ours:
        print(head("agreement", "own sound", "another's", "AUC"))
        foreign = np.concatenate(theirs)
        told = f"{auc(np.array(ours), foreign):.2f}"
        print(row("over a clip", f"{np.mean(ours):.2f}", f"{np.mean(foreign):.2f}", told))


if __name__ == "__main__":
    main()
