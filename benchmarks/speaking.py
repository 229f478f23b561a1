"""What LR-ASD says of real faces, and what lips foretell of the sound.

    python benchmarks/speaking.py VIDEOS            # <speaker>/**/*.mp4, each of one speaker in view
    python benchmarks/speaking.py VIDEOS --every 4  # every fourth clip

Each face is scored with its own sound, with silence, with the sound of another speaker, and as a single picture of
it with its own sound. Then the sound of all is moved by known times, and these are looked for; and own sounds are told from
others' by what lips foretell of their loudness, learned from the other speakers.
"""

import argparse
from pathlib import Path

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
    who, lips, stills, sounds = [], [], [], []
    for clip in sorted(options.videos.rglob("*.mp4"))[:: options.every]:
        pictures, wave = real(clip)
        found = lips_of(observer, pictures)
        if found is None:
            continue
        who.append(clip.relative_to(options.videos).parts[0])
        lips.append(found)
        stills.append(lips_of(observer, np.repeat(pictures[:1], len(pictures), axis=0)))
        sounds.append(mfcc(wave, 0, 4 * len(pictures)))
    other = [
        next(j for j in (*range(i, len(who)), *range(i)) if who[j] != who[i])
        for i in range(len(who))
    ]
    cases = {
        "speaks, its own": zip(lips, sounds, strict=True),
        "speaks, silence": ((each, sounds[0][:0]) for each in lips),
        "speaks, another's": ((lips[i], sounds[j]) for i, j in enumerate(other)),
        "one picture of it, its own": zip(stills, sounds, strict=True),
    }
    scores = {
        name: np.concatenate([scorer.score(*each) for each in pairs if each[0] is not None])
        for name, pairs in cases.items()
    }
    own = scores["speaks, its own"]
    print(f"{len(who)} clips of {len(set(who))} people\n")
    print(head("face, sound", "above 0", "mean", "AUC of its own against it"))
    for name, values in scores.items():
        print(
            row(
                name,
                f"{(values > 0).mean():.1%}",
                f"{values.mean():.2f}",
                f"{auc(own, values):.3f}",
            )
        )
    print()
    print(head("moved by (s)", "found", "confidence"))
    for late in (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3):
        moved = [shifted(each, -round(late * 100), len(each)) for each in sounds]
        found = best_shift(list(zip(lips, moved, strict=True)))
        print(row(f"{late:.1f}", f"{found.seconds:.3f}", f"{found.confidence:.2f}"))
    print()
    ours, theirs = [], []
    for i in range(len(who)):
        agreement = learn([(lips[j], sounds[j]) for j in range(len(who)) if who[j] != who[i]])
        if agreement:
            ours.append(agreement.of(lips[i], sounds[i]))
            theirs.append(
                [agreement.of(lips[i], sounds[j]) for j in range(len(who)) if who[j] != who[i]]
            )
    if ours:
        print(head("agreement", "own sound", "another's", "AUC"))
        others = np.concatenate(theirs)
        told = f"{auc(np.array(ours), others):.2f}"
        print(row("over a clip", f"{np.mean(ours):.2f}", f"{np.mean(others):.2f}", told))


if __name__ == "__main__":
    main()
