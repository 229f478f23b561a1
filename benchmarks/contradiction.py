"""Tell that the face is one person's and the voice another's, and leave other answers alone.

    python benchmarks/contradiction.py WORKSPACE [VIDEOS]

WORKSPACE has features of clips of a few people. Models are trained on half of each speaker's clips, in a few
draws; of the other half, clips are answered as they are, and with the voice of another clip of each other
person. With VIDEOS, the folder that the features were made of, their voices are heard in white noise too, 5 dB
below the speech.

- told: the share of clips of which the answer says that face and voice are two people's;
- right: of a clip as it is, the share named right; of a mixed one, the share with the voice's name first;
- over 99.9 %: the share whose answer is as certain as that.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    """Print a row for each kind of clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("videos", type=Path, nargs="?")
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--model-type", default="default")
    arguments = parser.parse_args()
    from mraf.pipeline.workspace import Workspace

    rows = [row for row in Workspace.at(arguments.workspace).table.rows() if row.speaker]
    rows = [row for row in rows if row.face is not None and row.voice is not None]
    noisy = in_noise(rows, arguments.videos) if arguments.videos else []
    outcomes: dict[str, list[tuple[bool, bool, bool]]] = {}
    for draw in range(arguments.draws):
        rng = np.random.default_rng(draw)
        known = half_of_each(rows, rng)
        model, names = trained([row for row, k in zip(rows, known, strict=True) if k], draw)
        tested = [i for i, k in enumerate(known) if not k]
        for title, voices in (("as they are", rows), ("voice at 5 dB", noisy)):
            if voices:
                pairs = [(rows[i], voices[i]) for i in tested]
                outcomes.setdefault(title, []).extend(answers(model, names, pairs))
                mixed = [
                    (rows[i], voices[j])
                    for i in tested
                    for j in tested
                    if rows[i].speaker != rows[j].speaker
                ]
                outcomes.setdefault(f"another's voice, {title}", []).extend(
                    answers(model, names, mixed)
                )
    print(f"{'':32}{'clips':>8}{'told':>8}{'right':>8}{'over 99.9 %':>13}")
    for title, found in outcomes.items():
        told, right, sure = np.mean(found, axis=0)
        print(f"{title:32}{len(found):8}{told:8.1%}{right:8.1%}{sure:13.1%}")


def half_of_each(rows: list[Any], rng: np.random.Generator) -> np.ndarray:
    """Mark half of each speaker's clips."""
    known = np.zeros(len(rows), bool)
    for speaker in {row.speaker for row in rows}:
        own = rng.permutation([i for i, row in enumerate(rows) if row.speaker == speaker])
        known[own[: max(2, len(own) // 2)]] = True
    return known


def trained(rows: list[Any], seed: int) -> tuple[Any, list[str]]:
    """Return a model of the rows' speakers, and their names."""
    from mraf import checkpoint
    from mraf.pipeline.training.train import train
    from mraf.pipeline.workspace import Workspace

    with tempfile.TemporaryDirectory() as folder:
        place = Workspace.at(Path(folder))
        with place.table.writer() as writer:
            for row in rows:
                writer.add(row)
        report = train(place, holdout=0, seed=seed)
        loaded = checkpoint.load(report.folder)
    return loaded.model, list(loaded.labels)


def answers(
    model: Any, names: list[str], pairs: list[tuple[Any, Any]]
) -> list[tuple[bool, bool, bool]]:
    """Return for each pair of a face's row and a voice's: told, right, sure."""
    from mraf.inference.contradiction import reconcile
    from mraf.inference.prediction import predict
    from mraf.types import Features

    features = Features(
        face=np.stack([face.face for face, _ in pairs]).astype(np.float32),
        face_present=np.ones(len(pairs), bool),
        voice=np.stack([voice.voice for _, voice in pairs]).astype(np.float32),
        voice_present=np.ones(len(pairs), bool),
        label=np.full(len(pairs), -1),
        recording=np.zeros(len(pairs), np.int64),
    )
    each = (features, features.without_voice(), features.without_face())
    found = []
    for (_, voice), *three in zip(
        pairs, *(predict(model, some).probability for some in each), strict=True
    ):
        answer = reconcile(*three)
        first = names[int(answer.probability.argmax())]
        found.append((answer.told, first == voice.speaker, answer.probability.max() > 0.999))
    return found


def in_noise(rows: list[Any], videos: Path) -> list[Any]:
    """Return the rows with voices in noise."""
    from benchmarks.voices import noisy
    from mraf.extractors.encoders import build, choose
    from mraf.extractors.media.read import read_video
    from mraf.extractors.voice.vad import SpeechFinder

    encoder, finder = build(choose().voice), SpeechFinder()
    speech = [finder.find(read_video(videos / row.clip).wave).wave for row in rows]
    return [
        replace(row, voice=encoder.embed([wave])[0])
        for row, wave in zip(rows, noisy(speech, 0), strict=True)
    ]


if __name__ == "__main__":
    main()
