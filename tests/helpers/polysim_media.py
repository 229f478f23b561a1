"""wav and jpg files for a small copy of the challenge, from sample videos."""

import csv
from pathlib import Path

import cv2
import numpy as np

from mraf.extractors.media.read import read_video
from tests.helpers.media_files import write_media
from tests.helpers.polysim_files import Layout


def write_pool(videos: Path, folder: Path, count: int) -> list[tuple[Path, Path]]:
    """Write a wav and a jpg file of `count` sample videos, each of which shows a face and speaks."""
    with (videos / "sample.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if (r["face"], r["sound"]) == ("seen", "speech")]
    pool = []
    for number in np.linspace(0, len(rows) - 1, count).round().astype(int):
        media = read_video(videos / rows[number]["path"], frames=1)
        sound, picture = folder / f"{number}.wav", folder / f"{number}.jpg"
        write_media(sound, wave=media.wave, audio_codec="pcm_s16le")
        cv2.imwrite(str(picture), cv2.cvtColor(media.frames[0], cv2.COLOR_RGB2BGR))
        pool.append((sound, picture))
    return pool


def place(layout: Layout, folder: Path, pool: list[tuple[Path, Path]]) -> dict[str, int]:
    """Put files of the pool, in turn, where the CSV files expect media below a folder.

    Returns the number in the pool by the path of each file.
    """
    used = {}
    for split in ("train", "test"):
        for language in layout.languages:
            for line, paths in enumerate(layout.media(split, language)):
                number = line % len(pool)
                for path, source in zip(paths, pool[number], strict=True):
                    target = folder / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(source.read_bytes())
                    used[path.removeprefix("./")] = number
    return used
