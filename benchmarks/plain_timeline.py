"""The plain way of `timeline.py`: the loop of the READMEs of the packages.

Speech by silero, or by pyannote's segmentation; CAM++ in torch on windows of 1.5 s, one every 0.75 s; scikit-learn's agglomerative clustering
(average linkage, cosine). Faces by facenet-pytorch's MTCNN on every fifth picture, dlib's vectors, clustered the
same way. The face that is seen most often while a voice is heard is taken for its face. A voice has the name of
the nearest enrolled one by cosine, above a fixed threshold, else that of its face.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from timelines.clips import Span, silero, sound, speech_of
from timelines.scores import Answer, Box
from timelines.truth import Said

RATE = 16_000
WINDOW, STEP = 1.5, 0.75  # s
EVERY = 5
"""Pictures from one in which faces are looked for to the next."""
APART = 0.8
"""Cosine distance at which clusters of voices are no longer joined: between the best of `meetings.py`'s, 0.75 in
conversations and 0.85 in meetings."""
FACES_APART = 0.6
"""Euclidean distance of dlib's vectors, as its README says."""
SAME_VOICE = 0.5
"""Cosine from which a voice has the name of an enrolled one."""

Speech = Callable[[np.ndarray], list[Span]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Looks:
    """Faces found in a file."""

    times: np.ndarray  # [N] s
    boxes: np.ndarray  # [N, 4] in parts of the picture's width and height
    vectors: np.ndarray  # [N, 128]
    step: float  # s from one look to the next


class Plain:
    """The plain way, with the people who were enrolled.

    Args:
        speech: finds stretches of speech (start in s, stop) in sound `[N]` at 16 kHz; silero by default.
    """

    def __init__(self, speech: Speech | None = None) -> None:
        from mraf.extractors import compat

        compat.prepare()
        import torch
        from facenet_pytorch import MTCNN

        from mraf.extractors import weights
        from mraf.extractors.face.dlib import Dlib
        from mraf.extractors.voice.campplus_network import CampPlusNetwork
        from mraf.extractors.voice.kaldi import FilterBank

        self._speech = speech or partial(speech_of, model=silero())
        self._mtcnn, self._dlib = MTCNN(keep_all=True), Dlib()
        file = weights.find(weights.PUBLISHED["campplus"])
        if file is None:
            raise SystemExit("CAM++'s weights are not here: mraf weights get campplus")
        self._features, self._network = FilterBank(), CampPlusNetwork().eval()
        self._network.load_state_dict(torch.load(file, weights_only=True))
        self._voices: dict[str, np.ndarray] = {}
        self._faces: dict[str, np.ndarray] = {}

    def enrol(self, name: str, clips: Sequence[Path]) -> None:
        """Learn a person from clips in which nobody else is seen or heard."""
        voices, faces = [], []
        for clip in clips:
            wave = sound(clip)
            spans = self._speech(wave)
            said = [wave[round(a * RATE) : round(b * RATE)] for a, b in spans]
            if said:
                voices.append(unit(self._embed(np.concatenate(said))))
            faces += list(self._looks(clip).vectors)
        if voices:
            self._voices[name] = unit(np.mean(voices, axis=0))
        if faces:
            self._faces[name] = np.mean(faces, axis=0)

    def answer(self, path: Path) -> Answer:
        """Say who speaks when in a file."""
        wave = sound(path)
        windows, vectors = self._windows(wave)
        voice = clustered(vectors, APART, "cosine")
        looks = self._looks(path)
        face = clustered(looks.vectors, FACES_APART, "euclidean")
        turns = joined(windows, voice)
        faces = most_frequent(turns, looks, face)
        names: dict[int, str] = {}
        for each in dict.fromkeys(x for _, _, x in turns):
            middle = unit(vectors[voice == each].mean(axis=0))
            seen = looks.vectors[face == faces[each]] if each in faces else None
            names[each] = self._name(middle, seen) or f"unknown {len(names) + 1}"
        said = tuple(Said(start=a, stop=b, speaker=names[each]) for a, b, each in turns)

        def face_at(heard: float, shown: float) -> Box | None:
            for start, stop, each in turns:
                if start <= heard < stop and each in faces:
                    own = np.flatnonzero(face == faces[each])
                    near = own[np.argmin(np.abs(looks.times[own] - shown))]
                    if abs(looks.times[near] - shown) <= looks.step:
                        return tuple(looks.boxes[near])
            return None

        known = frozenset({*self._voices, *self._faces})
        return Answer(said=said, known=known, face_at=face_at if len(looks.times) else None)

    def _name(self, voice: np.ndarray, faces: np.ndarray | None) -> str | None:
        cosines = {name: float(voice @ own) for name, own in self._voices.items()}
        best = max(cosines, key=lambda name: cosines[name], default=None)
        if best is not None and cosines[best] >= SAME_VOICE:
            return best
        if faces is None or not self._faces:
            return None
        middle = faces.mean(axis=0)
        apart = {name: float(np.linalg.norm(middle - own)) for name, own in self._faces.items()}
        best = min(apart, key=lambda name: apart[name])
        return best if apart[best] < FACES_APART else None

    def _windows(self, wave: np.ndarray) -> tuple[list[tuple[float, float]], np.ndarray]:
        """Return the windows of the speech, each with the part that it stands for, and their vectors."""
        spans, vectors = [], []
        for start, stop in self._speech(wave):
            begin = start
            while begin < stop:
                last = begin + WINDOW >= stop
                end = stop if last else begin + WINDOW
                piece = wave[round(max(0, end - WINDOW) * RATE) : round(end * RATE)]
                vectors.append(unit(self._embed(piece)))
                spans.append((begin, stop if last else begin + STEP))
                begin = stop if last else begin + STEP
        return spans, np.array(vectors).reshape(len(vectors), -1)

    def _embed(self, wave: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return self._network(self._features(torch.from_numpy(wave[None])))[0].numpy()

    def _looks(self, path: Path) -> Looks:
        import av
        from PIL import Image

        times: list[float] = []
        boxes, vectors = [np.zeros((0, 4))], [np.zeros((0, 128))]
        step = 0.2
        with av.open(str(path)) as container:
            if container.streams.video:
                step = EVERY / float(container.streams.video[0].average_rate or 25)
                for number, frame in enumerate(container.decode(video=0)):
                    if number % EVERY:
                        continue
                    picture = frame.to_ndarray(format="rgb24")
                    found, _ = self._mtcnn.detect(Image.fromarray(picture))
                    if found is None:
                        continue
                    times += [float(frame.time or 0)] * len(found)
                    scale = np.tile(picture.shape[1::-1], 2)
                    boxes.append(np.array(found, float) / scale)
                    vectors.append(self._dlib.embed([picture] * len(found), found))
        return Looks(
            times=np.array(times),
            boxes=np.concatenate(boxes),
            vectors=np.concatenate(vectors),
            step=step,
        )


def by_segmentation() -> Speech:
    """Return what finds speech with pyannote's segmentation, in pieces of 10 s."""
    from mraf.extractors.turns.frames import FRAME
    from mraf.extractors.turns.segmentation import Segmentation
    from mraf.extractors.turns.spans import stretches
    from mraf.extractors.weights import at_hand

    weights = at_hand("segmentation")
    if weights is None:
        raise SystemExit("The weights are not here: mraf weights get segmentation")
    segmentation = Segmentation(weights)

    def speech(wave: np.ndarray) -> list[Span]:
        return [
            (piece.start / RATE + first * FRAME, piece.start / RATE + last * FRAME)
            for piece in segmentation.find(wave)
            for first, last in stretches(piece.speaks.any(axis=1)).tolist()
        ]

    return speech


def unit(vector: np.ndarray) -> np.ndarray:
    """Return a vector with length 1."""
    return vector / np.linalg.norm(vector)


def clustered(vectors: np.ndarray, apart: float, metric: str) -> np.ndarray:
    """Return the cluster `[N]` of each vector."""
    from sklearn.cluster import AgglomerativeClustering

    if len(vectors) < 2:
        return np.zeros(len(vectors), int)
    way = AgglomerativeClustering(
        n_clusters=None, distance_threshold=apart, metric=metric, linkage="average"
    )
    return way.fit_predict(vectors)


def joined(
    windows: Sequence[tuple[float, float]], cluster: np.ndarray
) -> list[tuple[float, float, int]]:
    """Return the windows as turns: start, stop and cluster; those that touch are one."""
    turns: list[tuple[float, float, int]] = []
    for (start, stop), each in zip(windows, cluster.tolist(), strict=True):
        if turns and turns[-1][2] == each and start - turns[-1][1] < 0.01:
            turns[-1] = (turns[-1][0], stop, each)
        else:
            turns.append((start, stop, each))
    return turns


def most_frequent(
    turns: Sequence[tuple[float, float, int]], looks: Looks, face: np.ndarray
) -> dict[int, int]:
    """Return the face that is seen most often while each voice is heard."""
    seen: dict[int, Counter[int]] = defaultdict(Counter)
    for start, stop, each in turns:
        inside = (looks.times >= start) & (looks.times < stop)
        seen[each].update(face[inside].tolist())
    return {each: counts.most_common(1)[0][0] for each, counts in seen.items() if counts}
