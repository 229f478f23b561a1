"""Tell how many speak: changes of speaker, two at once, and quiet speech.

    python benchmarks/turns.py VIDEOS --meetings MEETINGS

VIDEOS holds clips `<speaker>/<language>/<recording>/<clip>.mp4`, MEETINGS recordings with an RTTM file each. It
needs the weights of CAM++ and of the segmentation.

- meetings: of the 17 ms frames in which two or more speak, the share that is found, and of those found the share
  that is right; of frames with speech the share missed, of others the share taken for speech, in parts of the former;
- voices: the share of clips of which it is said that several voices are heard, or two at once (0.5 s and more):
  clips of one person, two of them joined, clips of two people joined, or added;
- level: clips at a share of their level, in steps of 16 and 24 bits: the share in which a second of speech is
  found, and the cosine of the vector to that of the clip as it was (least, 5 %, median), plain and levelled.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    """Print a table for each of the three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--meetings", type=Path)
    arguments = parser.parse_args()
    import torch

    from benchmarks.voices import speech_of
    from mraf.extractors.encoders import build, choose
    from mraf.extractors.turns.segmentation import Segmentation
    from mraf.extractors.weights import at_hand

    torch.set_num_threads(1)
    weights = at_hand("segmentation")
    if weights is None:
        parser.error("the weights are not here: mraf weights get segmentation")
    segmentation, encoder = Segmentation(weights), build(choose(voice="campplus").voice)
    if arguments.meetings:
        meetings(arguments.meetings, segmentation)
    voices(*speech_of(arguments.videos), segmentation, encoder)
    level(arguments.videos, encoder)


def meetings(folder: Path, segmentation: Any) -> None:
    """Print how many speak, frame by frame, against the RTTM files."""
    from mraf.extractors.media.read import SAMPLE_RATE, read_pair
    from mraf.extractors.turns.segmentation import CENTRE, STEP

    truth, found = [], []
    for path in sorted(folder.glob("*.flac")):
        wave = read_pair(path, None).wave
        turns = [line.split() for line in path.with_suffix(".rttm").read_text().splitlines()]
        for piece in segmentation.find(wave):
            at = (piece.start + CENTRE + STEP * np.arange(len(piece.speaks))) / SAMPLE_RATE
            speak: dict[str, np.ndarray] = {}
            for turn in turns:
                start, length = float(turn[3]), float(turn[4])
                inside = (at >= start) & (at < start + length)
                speak[turn[7]] = speak.get(turn[7], np.zeros(len(at), bool)) | inside
            truth.append(np.sum(list(speak.values()), axis=0))
            found.append(piece.speaks.sum(axis=1))
    true, heard = np.concatenate(truth), np.concatenate(found)
    both = (true > 1) & (heard > 1)
    print(
        f"meetings, {len(true) * STEP / SAMPLE_RATE:.0f} s, {np.mean(true > 1):.1%} of it overlap"
    )
    print(
        f"  overlap: found {both.sum() / (true > 1).sum():.1%}, right {both.sum() / (heard > 1).sum():.1%}"
    )
    speech = (true > 0).sum()
    missed, invented = ((true > 0) & (heard == 0)).sum(), ((true == 0) & (heard > 0)).sum()
    print(f"  speech: missed {missed / speech:.1%}, invented {invented / speech:.1%}")


def voices(waves: list[np.ndarray], speakers: np.ndarray, segmentation: Any, encoder: Any) -> None:
    """Print how often several voices are told, with and without the segmentation."""
    from benchmarks.voices import noisy
    from mraf.extractors.turns.voices import OVERLAP_SECONDS, voices_of

    own = {
        s: [w for w, x in zip(waves, speakers, strict=True) if x == s]
        for s in sorted(set(speakers))
    }
    pairs = [(a, b) for a in own for b in own if a < b]
    one = [np.concatenate(each[k : k + 2]) for each in own.values() for k in range(len(each) - 1)]
    kinds = {
        "one person, a clip": waves,
        "one person, a clip, 5 dB": noisy(waves, 0),
        "one person, two clips": one,
        "one person, two clips, 5 dB": noisy(one, 0),
        "two people, one after the other": [
            np.concatenate([own[a][0], own[b][0]]) for a, b in pairs
        ],
        "the same, 5 dB": noisy([np.concatenate([own[a][0], own[b][0]]) for a, b in pairs], 0),
        "two people, twice in turn": [
            np.concatenate([own[a][0], own[b][0], own[a][1], own[b][1]]) for a, b in pairs
        ],
    }
    for decibel in (0, -6, -12):
        kinds[f"two people at once, {decibel} dB"] = [
            added(own[a][0], own[b][0], decibel) for a, b in pairs
        ]
    print(f"\n{'':34}{'clips':>6}{'windows: several':>18}{'several':>9}{'at once':>9}")
    for title, some in kinds.items():
        plain = [bool(voices_of(wave, encoder).voices) for wave in some]
        found = [voices_of(wave, encoder, segmentation) for wave in some]
        several = np.mean([bool(each.voices) for each in found])
        at_once = np.mean([each.overlap >= OVERLAP_SECONDS for each in found])
        print(f"{title:34}{len(some):6}{np.mean(plain):18.1%}{several:9.1%}{at_once:9.1%}")


def added(first: np.ndarray, second: np.ndarray, decibel: float) -> np.ndarray:
    """Return both at once, the second by so much louder than the first."""
    size = min(len(first), len(second))
    one, other = first[:size], second[:size]
    ratio = np.sqrt(np.mean(one**2) / np.mean(other**2)) * 10 ** (decibel / 20)
    return ((one + ratio * other) / 2).astype(np.float32)


def level(folder: Path, encoder: Any) -> None:
    """Print how speech is found that is quiet or has a constant offset."""
    from mraf.extractors.media.read import read_video
    from mraf.extractors.voice.level import Levelled
    from mraf.extractors.voice.vad import SpeechFinder

    finder = SpeechFinder()
    waves = [read_video(path).wave for path in sorted(folder.rglob("*.mp4"))]
    changes = {
        f"{scale} of the level, {bits} bits": lambda x, s=scale, q=2 ** (bits - 1): (
            np.round(x * s * q) / q
        )
        for scale in (0.1, 0.01, 0.001)
        for bits in (16, 24)
    }
    changes["offset of half of full scale"] = lambda x: np.clip(x / 2 + 0.5, -1, 1)

    def vector(speech: Any) -> np.ndarray | None:
        if speech.seconds < 1:
            return None
        found = encoder.embed([speech.wave])[0]
        return found / np.linalg.norm(found)

    clean = [vector(finder.find(wave)) for wave in waves]
    print(f"\n{'':34}{'plain: found':>14}{'cosine':>22}{'levelled: found':>18}{'cosine':>22}")
    for title, change in changes.items():
        line = f"{title:34}"
        for width, find in ((14, lambda x: finder._find(Levelled(wave=x))), (18, finder.find)):
            found = [vector(find(change(wave).astype(np.float32))) for wave in waves]
            pairs = [
                (a, b) for a, b in zip(found, clean, strict=True) if a is not None and b is not None
            ]
            cosine = np.quantile([a @ b for a, b in pairs], (0, 0.05, 0.5))
            line += (
                f"{len(pairs) / len(waves):{width}.0%}{' '.join(f'{c:.3f}' for c in cosine):>22}"
            )
        print(line, flush=True)


if __name__ == "__main__":
    main()
