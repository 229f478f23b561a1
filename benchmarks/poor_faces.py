"""Small and blurred faces: from which size and sharpness on a face still says who it is.

    python benchmarks/poor_faces.py VIDEOS

The first clip of the first people below VIDEOS (`<person>/.../<clip>.mp4`) is made smaller or blurred. A line says
how large and sharp its face is then, and the cosines of its vector to the mean of two other clips of the person
and to the most similar mean of all other people. The limits of `mraf.pipeline.people.enrolment.samples` were chosen by it.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from mraf.extractors.extractor import ClipExtractor
from mraf.extractors.face.embed import embed_faces
from mraf.pipeline.extraction.extract import choose_encoders

CHANGES = [("scale", s) for s in (1.0, 0.3, 0.2, 0.15)] + [("blur", b) for b in (4, 8)]
"""Factor of the size of the picture, or deviation of a Gaussian in pixels."""
PEOPLE, OTHERS = 4, 2
"""People whose clips are changed, and other clips of each person."""


def changed(frames: np.ndarray, kind: str, amount: float) -> np.ndarray:
    """Return pictures [T, H, W, 3] that are made smaller or blurred."""
    if kind == "blur":
        return np.stack([cv2.GaussianBlur(each, (0, 0), amount) for each in frames])
    height, width = (int(side * amount) for side in frames.shape[1:3])
    size = (width, height)
    return np.stack([cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in frames])


def main(videos: Path) -> None:
    """Print a line for each person and change."""
    extractor = ClipExtractor(choose_encoders())
    clips = {p.name: sorted(p.rglob("*.mp4")) for p in sorted(videos.iterdir()) if p.is_dir()}
    means = {}
    for who, files in clips.items():
        found = [extractor(file).face.vector for file in files[1 : 1 + OTHERS]]
        mean = np.sum([each for each in found if each is not None], axis=0)
        means[who] = mean / np.linalg.norm(mean)
    for who, files in list(clips.items())[:PEOPLE]:
        media = extractor._decoders[0].read(files[0])
        for kind, amount in CHANGES:
            assert media.frames is not None
            frames = changed(media.frames, kind, amount)
            face = embed_faces([(frames, None)], extractor._faces, extractor._face)[0]
            if face.vector is None:
                print(f"{who} {kind} {amount:g}: {face.reason}")
                continue
            others = max(face.vector @ mean for name, mean in means.items() if name != who)
            print(
                f"{who} {kind} {amount:g}: {face.size:.0f} pixels, sharpness {face.sharpness:.1f}, in {face.frames} "
                f"frames; own {face.vector @ means[who]:.3f}, other {others:.3f}",
                flush=True,
            )
    extractor.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
