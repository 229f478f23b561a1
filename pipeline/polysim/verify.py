"""Comparison of the vectors that mraf extracts with those that the challenge publishes.

The challenge's CSV files list wav and jpg files beside the vectors made from them. A sample of these is
extracted here with the same encoders, and each vector compared with the published one.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mraf.data.polysim.entries import Entry
from mraf.data.polysim.layout import PolysimData, read_layout
from mraf.data.polysim.vectors import FACE_DIM, VOICE_DIM, Vector, read_vector
from mraf.device import choose_device
from mraf.errors import MediaError, MissingError, UsageError
from mraf.extractors.encoders import EncoderPair, choose
from mraf.extractors.extractor import ClipExtractor
from mraf.extractors.weights import Progress
from mraf.pipeline.extraction.processes import available_cores
from mraf.pipeline.polysim.agreement import Agreement, Compared, agreement_of, notes_on

_BELOW = ("media", "raw", "data")  # folders of ROOT in which the media may lie


@dataclass(frozen=True, kw_only=True)
class VerifyReport:
    """The result of a comparison."""

    root: Path
    version: str
    encoders: str
    seed: int
    samples: dict[str, int]  # number of clips by language
    passed_over: int  # clips drawn whose wav or jpg file is not there
    folders: tuple[Path, ...]  # in which the media were looked for
    face: Agreement
    voice: Agreement
    problems: tuple[str, ...]  # "<file>: <reason>" of each that cannot be read
    notes: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class _Sample:
    language: str
    entry: Entry
    sound: Path
    picture: Path


def verify(
    root: Path,
    version: str = "v1",
    *,
    samples: int = 50,
    seed: int = 1,
    media: Path | None = None,
    encoders: EncoderPair | None = None,
    weights_dir: Path | None = None,
    offline: bool = False,
    device: str = "auto",
    on_progress: Callable[[int, int], None] | None = None,
    on_download: Progress | None = None,
) -> VerifyReport:
    """Extract a sample of the challenge's wav and jpg files, and compare with the published vectors.

    Args:
        root: the challenge's folder, see `read_layout`.
        version: "v1", "v2" or "v3".
        samples: number of clips, drawn from all languages and splits alike.
        seed: of the draw.
        media: folder where the paths of the wav and jpg files start; by default several folders at
            and around `root` are looked in.
        encoders: in place of FaceNet and ECAPA-TDNN with their published weights.
        weights_dir: a folder that may hold the published weights.
        offline: never use the network.
        device: "auto", "cpu" or "cuda".
        on_progress: called with the number of clips done and of all.
        on_download: called while weights are fetched.

    Raises:
        MissingError: the wav and jpg files, the vectors or the weights are not there.
        UsageError: the layout or a CSV file cannot be used.
    """
    started = time.monotonic()
    if samples < 1:
        raise UsageError(f"The number of samples must be at least 1, is {samples}.")
    device = choose_device(device)
    data = read_layout(root, version)
    draw = _Draw(data, (media,) if media else _folders(data.root), seed)
    draw.take(samples)
    published, problems = _published(data.root, draw.taken)
    pair = encoders or choose(
        "facenet", "ecapa", weights_dir=weights_dir, offline=offline, progress=on_download
    )
    # In single precision on any CPU: what is measured is the extraction, not the processor.
    extractor = ClipExtractor(pair, device=device, threads=available_cores(), precision="single")
    both = []
    with closing(extractor):
        for done, (sample, vectors) in enumerate(zip(draw.taken, published, strict=True), 1):
            both.append(_extracted(extractor, sample, vectors, problems))
            if on_progress:
                on_progress(done, len(draw.taken))
    return _report(draw, pair, both, problems, started)


def _report(
    draw: "_Draw",
    pair: EncoderPair,
    both: Sequence[tuple[Compared, Compared]],
    problems: Sequence[str],
    started: float,
) -> VerifyReport:
    face, voice = (agreement_of([each[i] for each in both]) for i in (0, 1))
    languages = [sample.language for sample in draw.taken]
    return VerifyReport(
        root=draw.data.root,
        version=draw.data.version,
        encoders=pair.fingerprint.encoders,
        seed=draw.seed,
        samples={name: languages.count(name) for name in draw.languages},
        passed_over=draw.passed_over,
        folders=draw.folders,
        face=face,
        voice=voice,
        problems=tuple(problems),
        notes=(
            *notes_on(face, "face", whole="whole picture"),
            *notes_on(voice, "voice", whole="whole sound"),
        ),
        seconds=time.monotonic() - started,
    )


def _folders(root: Path) -> tuple[Path, ...]:
    """Return the folders in which the media may lie, in the order in which they are looked for."""
    return (root, root.parent, *(root / name for name in _BELOW))


class _Draw:
    """Draws clips whose wav and jpg files are there, from each language in turn."""

    def __init__(self, data: PolysimData, folders: tuple[Path, ...], seed: int) -> None:
        self.data, self.folders, self.seed = data, folders, seed
        self.taken: list[_Sample] = []
        self._seen: dict[str, tuple[str, bool]] = {}  # by kind: a path, and whether one was there
        self.languages = tuple(sorted({split.language for split in data.splits}))
        self.passed_over = 0
        generator = np.random.default_rng(seed)
        self._queues = []
        for language in self.languages:
            entries = [e for s in data.splits if s.language == language for e in s.entries]
            drawn = [entries[i] for i in generator.permutation(len(entries))]
            self._queues.append(self._there(language, drawn))

    def take(self, count: int) -> None:
        """Take up to `count` clips. Raises MissingError where there is none."""
        queues = list(self._queues)
        while queues and len(self.taken) < count:
            queue = queues.pop(0)
            sample = next(queue, None)
            if sample is not None:
                self.taken.append(sample)
                queues.append(queue)
        if not self.taken:
            raise MissingError(self._nothing())

    def _there(self, language: str, entries: Sequence[Entry]) -> Iterator[_Sample]:
        for entry in entries:
            sound, picture = (
                self._file(kind, path)
                for kind, path in (("wav", entry.sound), ("jpg", entry.picture))
            )
            if sound and picture:
                yield _Sample(language=language, entry=entry, sound=sound, picture=picture)
            else:
                self.passed_over += 1

    def _file(self, kind: str, path: str | None) -> Path | None:
        if path is None:
            return None
        found = next((f / path for f in self.folders if _is_file(f / path)), None)
        self._seen[kind] = (path, found is not None or self._seen.get(kind, ("", False))[1])
        return found

    def _nothing(self) -> str:
        if not self._seen:
            return (
                f"{self.data.root}: the CSV files name no wav and jpg files: no columns audio_path and "
                "face_path, or voices and faces. Get the challenge's own CSV files."
            )
        absent = {kind: path for kind, (path, there) in self._seen.items() if not there}
        what = " and no ".join(absent)
        which = (
            f"no {what} file is there" if absent else "no clip has both its wav and its jpg file"
        )
        paths = " or ".join(absent.values() or (path for path, _ in self._seen.values()))
        looked = ", ".join(map(str, self.folders))
        return (
            f"{self.data.root}: {which}. Looked for {paths} and the others that the CSV files list, in "
            f"{looked}. Get the challenge's wav and jpg files and unpack them into one of these folders, "
            "or name theirs with --media."
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that may not be entered
        return False


def _published(
    root: Path, drawn: Sequence[_Sample]
) -> tuple[list[tuple[Vector, Vector]], list[str]]:
    """Return the published face and voice of each sample, and a line for each damaged file.

    Raises MissingError where a file is not there.
    """
    absent: list[str] = []
    problems: list[str] = []

    def load(path: str, dim: int) -> Vector:
        try:
            return read_vector(root / path, dim)
        except FileNotFoundError:
            absent.append(path)
        except (OSError, ValueError, MemoryError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            problems.append(f"{path}: {reason or type(error).__name__}")
        return None

    vectors = [(load(s.entry.face, FACE_DIM), load(s.entry.voice, VOICE_DIM)) for s in drawn]
    if absent:
        raise MissingError(
            f"{root}: {len(absent)} of the {2 * len(drawn)} vectors of the drawn clips are not there, such "
            f"as {absent[0]}. Unpack the challenge's features there."
        )
    return vectors, problems


def _extracted(
    extractor: ClipExtractor,
    sample: _Sample,
    published: tuple[Vector, Vector],
    problems: list[str],
) -> tuple[Compared, Compared]:
    """Extract the face and the voice of a sample; what cannot be read adds to the problems."""
    speaker = sample.entry.speaker
    try:
        found = extractor(audio=sample.sound, image=sample.picture)
        wholes = extractor.whole(sample.sound, sample.picture)
    except MediaError as error:
        problems.append(f"{sample.entry.clip}: {error}")
        lost = [
            Compared(speaker=speaker, published=p, found=None, whole=None, reason="decode_error")
            for p in published
        ]
        return lost[0], lost[1]
    face, voice = found.face, found.voice
    problems += [f"{sample.entry.clip}: {p}" for p in (face.problem, voice.problem) if p]
    return (
        Compared(
            speaker=speaker,
            published=published[0],
            found=face.vector,
            whole=wholes[0],
            reason=face.reason,
        ),
        Compared(
            speaker=speaker,
            published=published[1],
            found=voice.vector,
            whole=wholes[1],
            reason=voice.reason,
        ),
    )
