"""A small copy of the challenge's layout, with vectors from a generator."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LISTED = ("identity", "label", "facenet_feats_path", "ecappa_feats_path")
MEDIA = {"audio_path": ("ecappa_feats_path", ".wav"), "face_path": ("facenet_feats_path", ".jpg")}
"""Columns of media: the column of their vectors, and their ending."""


@dataclass
class Layout:
    """What is written. Speakers are `id0001`, ... with the labels 0, ..."""

    root: Path
    version: str = "v1"
    languages: tuple[str, ...] = ("English", "Urdu")
    speakers: int = 3
    videos: int = 2
    clips: int = 2  # a video
    tests: int = 4
    backslash: bool = False
    eol: str = "\r\n"
    bom: bool = False

    def write(self) -> "Layout":
        for number, language in enumerate(self.languages):
            generator = np.random.default_rng([number, self.speakers])
            centres = np.random.default_rng(7).normal(size=(self.speakers, 704))
            self.write_csv("train", language, LISTED, self._train(language, centres, generator))
            rows = list(self._test("test", language, centres, generator))
            self.write_csv("test", language, ("key", "voices", "faces"), rows)
        return self

    def csv(self, split: str, language: str) -> Path:
        return self.root / "csv_files" / "comp" / f"{self.version}_{split}_{language}.csv"

    def write_csv(
        self, split: str, language: str, header: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> Path:
        path = self.csv(split, language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8-sig" if self.bom else "utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator=self.eol)
            writer.writerow(header)
            writer.writerows(rows)
        return path

    def rows(self, split: str, language: str) -> list[dict[str, str]]:
        with self.csv(split, language).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def edit(self, split: str, language: str, line: int, **cells: str) -> Path:
        """Change cells of a line (2 is the first below the header)."""
        rows = self.rows(split, language)
        rows[line - 2] |= cells
        return self.write_csv(split, language, list(rows[0]), (list(r.values()) for r in rows))

    def add_media_paths(self) -> "Layout":
        """Add the paths of wav and jpg files to the training CSV files."""
        for language in self.languages:
            rows = [
                [self._media(row[name], ending) for name, ending in MEDIA.values()]
                + [row[name] for name in LISTED]
                for row in self.rows("train", language)
            ]
            self.write_csv("train", language, (*MEDIA, *LISTED), rows)
        return self

    def media(self, split: str, language: str) -> list[tuple[str, str]]:
        """The wav and the jpg path of each line, with slashes."""
        names = ("audio_path", "face_path") if split == "train" else ("voices", "faces")
        rows = self.rows(split, language)
        return [tuple(row[name].replace("\\", "/") for name in names) for row in rows]

    def _media(self, feature: str, ending: str) -> str:
        _, _, rest = feature.replace("\\", "/").removeprefix("./").partition("/")
        return self._slashed(f"./{rest.removesuffix('.npy')}{ending}")

    def feature(self, split: str, language: str, line: int, which: str = "voice") -> Path:
        """The file of a line's vector."""
        row = self.rows(split, language)[line - 2]
        name = {"voice": "ecappa_feats_path", "face": "facenet_feats_path"}[which]
        text = row.get(name) or row[f"{which}s"]
        return (self.root / "feats" / text.replace("\\", "/")).with_suffix(".npy")

    def _train(self, language, centres, generator):
        for label, centre in enumerate(centres):
            speaker = f"id{label + 1:04}"
            for video in range(self.videos):
                for clip in range(self.clips):
                    tail = f"{self.version}/{{}}/{speaker}/{language}/vid{video}"
                    face = f"./facenetfeats/{tail.format('faces')}/{clip:07}.npy"
                    voice = f"./ecappafeats/{tail.format('voices')}/{clip:05}.npy"
                    self._vectors(face, voice, centre, generator)
                    yield speaker, f"{label}.0", self._slashed(face), self._slashed(voice)

    def _test(self, split, language, centres, generator):
        for number in range(self.tests):
            tail = f"{split}/{self.version}/{{}}/{language}/{number + 1:05}"
            face, voice = tail.format("faces"), tail.format("voices")
            centre = centres[number % len(centres)]
            self._vectors(f"{face}.npy", f"{voice}.npy", centre, generator)
            # The challenge gives the same keys to other samples of the other language.
            yield f"key{number}", self._slashed(f"{voice}.wav"), self._slashed(f"{face}.jpg")

    def _slashed(self, path: str) -> str:
        return path.replace("/", "\\") if self.backslash else path

    def _vectors(self, face: str, voice: str, centre: np.ndarray, generator) -> None:
        both = centre + 0.3 * generator.normal(size=704)
        vectors = {face: both[:512] / np.linalg.norm(both[:512]), voice: 18 * both[512:]}
        for name, vector in vectors.items():
            path = self.root / "feats" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, vector.astype(np.float32))
