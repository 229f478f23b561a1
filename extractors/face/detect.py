"""Find the faces in the frames of clips, and measure their sharpness."""

from collections.abc import Iterable, Sequence

import numpy as np

from mraf.extractors.face.mtcnn import Cascade, Faces

MIN_PROBABILITY = 0.9
"""Least probability of MTCNN's last network at which a detection counts."""
PASSES = ((240, 40), (480, 20))
"""Shorter side of the reduced pictures, and the smallest face in them. The second pass looks only
at frames in which the first finds nobody, in clips of which it finds somebody in few."""
FEW = 0.5
"""Largest share of a clip's frames with a face at which the others are looked at once more."""
SHARPNESS_SIDE = 160
"""Side in pixels to which a face is scaled before its sharpness is measured."""


_NOBODY = Faces(boxes=np.zeros((0, 4), np.float32), probability=np.zeros(0, np.float32))


class FaceFinder:
    """MTCNN, on reduced pictures first and on larger ones where that finds nobody, or somebody in few.

    The first pass finds faces from a sixth of the picture's shorter side on, the second from a
    twenty-fourth on. In every second frame of a clip only the last network looks, where the frames
    before and after it show faces; if it does not find as many there, the frame is searched whole.
    So a face that such a frame alone shows, beside those of its neighbours, is not found.
    """

    def __init__(self, device: str = "cpu", threads: int = 1) -> None:
        self._cascade = Cascade(device, threads)

    def find(
        self, clips: Sequence[np.ndarray], passes: Sequence[tuple[int, int]] = PASSES
    ) -> list[list[Faces]]:
        """Find the faces in each frame of some clips `[T, H, W, 3]` uint8 RGB.

        The frames of clips of one size go through the networks together.

        Args:
            clips: the pictures.
            passes: shorter side of the reduced pictures and the smallest face in them, of each pass.
        """
        found: list[list[Faces]] = [[_NOBODY] * len(clip) for clip in clips]
        for side, min_face in passes:
            left = [_without_face(faces) for faces in found]
            some = [i for i, t in enumerate(left) if t and len(t) >= (1 - FEW) * len(clips[i])]
            for size in dict.fromkeys(clips[i].shape[1:3] for i in some):
                group = [i for i in some if clips[i].shape[1:3] == size]
                faces = iter(
                    self._search([_frames(clips[i], left[i]) for i in group], side, min_face)
                )
                for i in group:
                    for t in left[i]:
                        found[i][t] = next(faces)
        return found

    def _search(self, clips: list[np.ndarray], side: int, min_face: int) -> list[Faces]:
        """Return the faces of all frames of some clips of one size, clip after clip."""
        frames = [frame for clip in clips for frame in clip]
        found: dict[int, Faces] = {}

        def search(some: list[int]) -> None:
            if some:
                faces = self._cascade.detect(
                    [frames[i] for i in some], side=side, min_face=min_face
                )
                found.update(zip(some, faces, strict=True))

        # Every second frame of a clip, but neither its first nor its last.
        starts = np.cumsum([0, *map(len, clips)])
        between = [
            start + t
            for start, clip in zip(starts.tolist(), clips, strict=False)
            for t in range(1, len(clip) - 1, 2)
        ]
        search(sorted(set(range(len(frames))) - set(between)))
        found.update(self._follow(frames, {i: (found[i - 1], found[i + 1]) for i in between}))
        search([i for i in between if i not in found])
        return [found[i] for i in range(len(frames))]

    def _follow(
        self, frames: list[np.ndarray], near: dict[int, tuple[Faces, Faces]]
    ) -> dict[int, Faces]:
        """Return the faces of those frames that show as many as the frames before and after them.

        `near` holds the faces of the frames before and after by the frame's position.
        """
        places = {
            i: np.concatenate([_sure(before), _sure(after)])
            for i, (before, after) in near.items()
            if len(_sure(before)) == len(_sure(after)) > 0
        }
        if not places:
            return {}
        asked = [frames[i] for i in places]
        seen = self._cascade.look(asked, *_listed(places.values()))
        # Once more, from where they were seen: from a place beside a face, its box is not exact.
        seen = self._cascade.look(asked, *_listed(map(_sure, seen)))
        return {
            i: faces
            for (i, boxes), faces in zip(places.items(), seen, strict=True)
            if 2 * len(_sure(faces)) == len(boxes)
        }


def _listed(places: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the frame `[M]` and the box `[M, 4]` of the boxes `[N, 4]` of each frame."""
    boxes = list(places)
    return np.repeat(np.arange(len(boxes)), [len(each) for each in boxes]), np.concatenate(boxes)


def _without_face(found: list[Faces]) -> list[int]:
    """Return the frames in which no face counts."""
    return [t for t, faces in enumerate(found) if not len(_sure(faces))]


def _frames(clip: np.ndarray, some: list[int]) -> np.ndarray:
    """Return some frames of a clip; the clip itself where these are all."""
    return clip if len(some) == len(clip) else clip[some]


def _sure(faces: Faces) -> np.ndarray:
    """Return the boxes `[M, 4]` of the faces that count."""
    return faces.boxes[faces.probability >= MIN_PROBABILITY]


def sharpness(frame: np.ndarray, box: np.ndarray) -> float:
    """Return the variance of the Laplacian of a face, grey (0 to 255), at 160 x 160 pixels.

    It is low where the face is blurred: by focus, motion or compression, or because it is small.
    """
    import cv2

    height, width = frame.shape[:2]
    x1, y1 = (int(np.clip(v, 0, end - 1)) for v, end in zip(box[:2], (width, height), strict=True))
    crop = frame[y1 : max(y1 + 1, round(float(box[3]))), x1 : max(x1 + 1, round(float(box[2])))]
    shrinks = min(crop.shape[:2]) > SHARPNESS_SIDE
    scaled = cv2.resize(
        np.ascontiguousarray(crop),
        (SHARPNESS_SIDE, SHARPNESS_SIDE),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
    return float(cv2.Laplacian(cv2.cvtColor(scaled, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())
