"""Tell people apart by their voices, on clean sound, in noise, and with half as many digits.

    python benchmarks/voices.py VIDEOS

VIDEOS holds clips `<speaker>/<language>/<recording>/<clip>.mp4`, one of the two languages or both. Each
clip's speech is found in its clean sound; the noise is white, 5 dB below that speech. Every encoder
whose weights are on this machine (MRAF_WEIGHTS, the cache) is measured, and CAM++ again with the
products of its network in bfloat16, as torch rounds them; a processor with AMX does it likewise.

- equal error rate: of all pairs of clips by their cosine, the share that is wrong at the threshold
  where as many pairs of one person are told apart as pairs of two are taken for one;
- nearest: the share of clips whose most similar clip is of the same person, in the same noise;
- cosine of a vector in bfloat16 to the exact one, median and lowest.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SNR = 5.0
"""Decibels by which the speech is louder than the noise."""

Embed = Callable[[list[np.ndarray]], np.ndarray]


def main() -> None:
    """Print a row for each encoder and condition."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--seeds", type=int, default=3, help="draws of the noise")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)  # on a busy machine, threads wait for each other
    waves, speakers = speech_of(arguments.videos)
    print(
        f"{len(waves)} clips of {len(set(speakers))} people, {sum(map(len, waves)) / 16_000:.0f} s "
        f"of speech\n{'':22}{'equal error rate':>18}{'nearest':>10}{'cosine':>18}"
    )
    conditions = {"clean": [waves]}
    conditions[f"{SNR:g} dB"] = [noisy(waves, seed) for seed in range(arguments.seeds)]
    exact: dict[str, list[np.ndarray]] = {}
    for name, embed in encoders().items():
        for condition, draws in conditions.items():
            vectors = [unit(embed(draw)) for draw in draws]
            if name == "campplus":
                exact[condition] = vectors
            base = exact[condition] if name == "campplus bfloat16" else None
            show(f"{name}, {condition}", vectors, speakers, base)


def speech_of(folder: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the speech of each clip that holds a second of it, and who speaks."""
    from mraf.data.clips.folders import find_clips
    from mraf.extractors.media.read import read_video
    from mraf.extractors.voice.embed import MIN_SECONDS
    from mraf.extractors.voice.vad import SpeechFinder

    finder, waves, speakers = SpeechFinder(), [], []
    for clip in find_clips([folder]):
        wave = read_video(clip.video, frames=0).wave if clip.video else None
        speech = finder.find(wave) if wave is not None else None
        if speech is not None and speech.seconds >= MIN_SECONDS:
            waves.append(speech.wave)
            speakers.append(clip.speaker)
    return waves, np.array(speakers)


def noisy(waves: list[np.ndarray], seed: int) -> list[np.ndarray]:
    """Return the waves with white noise."""
    random = np.random.default_rng(seed)
    levels = [np.sqrt(np.mean(np.square(wave, dtype=float)) / 10 ** (SNR / 10)) for wave in waves]
    return [
        (wave + random.normal(0, level, len(wave))).astype(np.float32)
        for wave, level in zip(waves, levels, strict=True)
    ]


def encoders() -> dict[str, Embed]:
    """Return the encoders whose weights are here; CAM++ in bfloat16 comes after CAM++."""
    import torch

    from mraf.extractors import weights
    from mraf.extractors.encoders import VOICE, EncoderSpec, build

    found: dict[str, Embed] = {}
    for name, row in VOICE.items():
        file = row.published
        path = weights.find(file) if file else None
        if file is None or path is not None:
            sha256 = file.sha256 if file else None
            found[name] = build(EncoderSpec(name=name, weights=path, sha256=sha256)).embed
        if name == "campplus" and path is not None:
            found["campplus bfloat16"] = in_bfloat16(torch.load(path, weights_only=True))
    return found or sys.exit("There are no weights of a voice encoder on this machine.")


def in_bfloat16(state: dict[str, Any]) -> Embed:
    """Return CAM++ with exact features and a network whose products are rounded to bfloat16."""
    import torch

    from mraf.extractors.voice.campplus_network import CampPlusNetwork
    from mraf.extractors.voice.kaldi import FilterBank
    from mraf.extractors.voice.pieces import embed_pieces

    features, network = FilterBank(), CampPlusNetwork().eval()
    network.load_state_dict(state)

    def embed(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            return network(features(torch.from_numpy(batch))).float().numpy()

    return lambda waves: embed_pieces(waves, embed)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return the vectors with length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def show(
    title: str, draws: list[np.ndarray], speakers: np.ndarray, exact: list[np.ndarray] | None
) -> None:
    """Print a row: means over the draws of the noise."""
    rates = [equal_error_rate(vectors, speakers) for vectors in draws]
    hits = [nearest(vectors, speakers) for vectors in draws]
    row = f"{title:26}{np.mean(rates):>13.2%}{np.mean(hits):>11.3f}"
    if exact is not None:
        cosines = np.concatenate([(a * b).sum(axis=1) for a, b in zip(draws, exact, strict=True)])
        row += f"{np.median(cosines):>11.5f} {cosines.min():.5f}"
    print(row, flush=True)


def equal_error_rate(vectors: np.ndarray, speakers: np.ndarray) -> float:
    """Return the share of wrong pairs at the threshold where both kinds of error are as frequent."""
    one, two = np.triu_indices(len(vectors), 1)
    scores = (vectors @ vectors.T)[one, two]
    same = (speakers[one] == speakers[two])[np.argsort(scores)]
    missed = np.cumsum(same) / same.sum()  # with a threshold above each pair in turn
    taken = 1 - np.cumsum(~same) / (~same).sum()
    at = np.abs(missed - taken).argmin()
    return float(missed[at] + taken[at]) / 2


def nearest(vectors: np.ndarray, speakers: np.ndarray) -> float:
    """Return the share of vectors whose nearest other one is of the same person."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    return float((speakers[cosines.argmax(axis=1)] == speakers).mean())


if __name__ == "__main__":
    main()
