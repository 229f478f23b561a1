"""Comparison: whether two clips are of the same person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.device import choose_device
from mraf.errors import MediaError, MissingError, UsageError
from mraf.extractors.encoders import EncoderPair, choose
from mraf.extractors.extractor import ClipExtractor, Extracted, ExtractOptions
from mraf.extractors.processor import refuse_or_remark
from mraf.extractors.turns.voices import in_words
from mraf.extractors.weights import Progress, at_hand
from mraf.fingerprint import Fingerprint
from mraf.pipeline.answers.words import reason_in_words
from mraf.pipeline.extraction.processes import available_cores
from mraf.pipeline.fingerprints import fingerprint_of
from mraf.pipeline.inputs import clip_of
from mraf.pipeline.workspace import Workspace
from mraf.recognition.pairs import Pairs

SAME, DIFFERENT, CANNOT_TELL = "same person", "different people", "cannot tell"

# Measured by `python benchmarks/pairs.py`, 2 cores of an AMD EPYC, 2026-11-27: odds fitted to 35 speakers of
# POLY-SIM, pairs of clips of different recordings of 35 others, half of the pairs of one person. Face and voice:
# two people are called the same in .0014 of their pairs, one person different in .0025, and nothing is told in
# .09 and .13. Face alone: .0055, .0059, .19 and .21; voice alone: .0022, .0136, .31 and .59.
SAME_FROM = 0.9
"""Probability from which two clips are of the same person."""
DIFFERENT_BELOW = 0.05
"""Probability up to which they are of two people."""
SHORT_SECONDS = 2.0
"""Speech below which a voice decides nothing alone."""
SHORT_ODDS = 2.0
"""Largest log odds of such a voice, either way."""
LIMIT = 0.999
"""Largest probability: of look-alikes, twins and fakes, the pairs that were measured had none."""


@dataclass(frozen=True, kw_only=True)
class Alike:
    """What the faces, or the voices, of two clips say."""

    probability: float | None = None  # that they are one person's; None where they are not compared
    cosine: float | None = None  # of the two vectors
    missing: tuple[str, ...] = ()  # why they are not compared, in words


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The answer to the question whether two clips are of the same person."""

    a: str  # path
    b: str
    same: bool | None  # None: cannot tell
    verdict: str  # "same person", "different people", "cannot tell"
    probability: float | None  # that they are, where both are as likely beforehand
    face: Alike
    voice: Alike
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf compare --json` prints."""
        return asdict(self)


def compare(
    a: Path | str | Clip,
    b: Path | str | Clip,
    *,
    workspace: Workspace | Path | str | None = None,
    encoders: EncoderPair | None = None,
    weights_dir: Path | str | None = None,
    offline: bool = False,
    device: str = "auto",
    precision: str = "auto",
    on_download: Progress | None = None,
) -> Comparison:
    """Compare the faces and voices of two videos, sound files, pictures or `Clip`s.

    No model is needed. The encoders are those of the workspace, if it has any whose weights are here.

    Args:
        a: a clip.
        b: another.
        workspace: a folder whose model or features say which encoders to use.
        encoders: in place of those.
        weights_dir: a folder that may hold the encoders' published weights.
        offline: never use the network.
        device: "auto", "cpu" or "cuda".
        precision: "auto", "single" or "bfloat16" of the encoders' arithmetic on a CPU.
        on_download: called with name, bytes that are there and bytes in all while weights are fetched.

    Raises:
        UsageError: a file is not there.
        MediaError: a file cannot be read.
        MissingError: no encoder has weights.
    """
    clips = _clip(a), _clip(b)
    device = choose_device(device)
    refuse_or_remark(precision, device)
    weights = Path(weights_dir) if weights_dir else None

    def chosen(known: Fingerprint | None) -> EncoderPair:
        return choose(known=known, weights_dir=weights, offline=offline, progress=on_download)

    pair = encoders or _encoders_for(Workspace.at(workspace), chosen)
    extractor = ClipExtractor(
        pair,
        ExtractOptions(),
        device,
        threads=available_cores(),
        precision=precision,
        segmentation=at_hand("segmentation", weights),
    )
    try:
        return compare_with(extractor, Pairs.of(pair.face.name, pair.voice.name), *clips)
    finally:
        extractor.close()


def compare_with(
    extractor: Callable[..., Extracted], pairs: Pairs, a: Path | str | Clip, b: Path | str | Clip
) -> Comparison:
    """Compare two clips with an extractor and the odds of its encoders. The errors are those of `compare`."""
    clips = _clip(a), _clip(b)
    found = tuple(_extracted(extractor, clip) for clip in clips)
    names = tuple(str(clip.files[0]) for clip in clips)
    same_file = (f"{names[0]} and {names[1]} are the same file",) if _same_file(*clips) else ()
    return compared(found[0], found[1], pairs, names=(names[0], names[1]), notes=same_file)


def compared(
    one: Extracted, two: Extracted, pairs: Pairs, *, names: tuple[str, str], notes: tuple[str, ...]
) -> Comparison:
    """Compare what was found in two clips; `notes` come before those on what was found."""
    found = one, two
    faces = _cosine(*(each.face.vector for each in found))
    # Several voices in a clip have no vector in common.
    several = [bool(each.voice.voices) for each in found]
    voices = None if any(several) else _cosine(*(each.voice.vector for each in found))
    by_face = None if faces is None else float(pairs.face(np.array(faces)))
    by_voice = None if voices is None else float(pairs.voice(np.array(voices)))
    short = [each.voice.seconds < SHORT_SECONDS for each in found]
    joined = _joined(pairs, faces, voices)
    if by_voice is not None and any(short):
        by_voice = float(np.clip(by_voice, -SHORT_ODDS, SHORT_ODDS))
        joined = by_voice + (by_face or 0.0)
    probability = None if joined is None else _probability(joined)
    face = _alike(by_face, faces, _missing("face", found, names))
    voice = _alike(by_voice, voices, _missing("voice", found, names))
    contradiction = _contradiction(face, voice)
    verdict = CANNOT_TELL if contradiction else _verdict(probability)
    said = (*notes, *contradiction, *_short(voices, short, found, names))
    if probability is None:
        said = (*said, "the two clips have neither a face nor a voice in common to compare")
    return Comparison(
        a=names[0],
        b=names[1],
        same={SAME: True, DIFFERENT: False}.get(verdict),
        verdict=verdict,
        probability=probability,
        face=face,
        voice=voice,
        notes=(*said, *_on_files(found, names)),
    )


def _verdict(probability: float | None) -> str:
    if probability is None or DIFFERENT_BELOW < probability < SAME_FROM:
        return CANNOT_TELL
    return SAME if probability >= SAME_FROM else DIFFERENT


def _contradiction(face: Alike, voice: Alike) -> tuple[str, ...]:
    kinds = tuple(_verdict(each.probability) for each in (face, voice))
    if kinds == (SAME, DIFFERENT):
        return (
            "the faces are one person's, the voices are two people's: one of the clips may be dubbed, or "
            "somebody else speaks in it",
        )
    if kinds == (DIFFERENT, SAME):
        return (
            "the voices are one person's, the faces are two people's: the person may speak unseen in one "
            "of the clips",
        )
    return ()


def _short(
    cosine: float | None, short: list[bool], found: tuple[Extracted, ...], names: tuple[str, str]
) -> tuple[str, ...]:
    if cosine is None:
        return ()
    return tuple(
        f"only {each.voice.seconds:.1f} s of speech in {name}: its voice decides nothing alone"
        for each, name, few in zip(found, names, short, strict=True)
        if few
    )


def _on_files(found: tuple[Extracted, ...], names: tuple[str, str]) -> tuple[str, ...]:
    """Return the notes on each file, and on the people seen and heard in it."""
    return tuple(
        f"{name}: {note}"
        for each, name in zip(found, names, strict=True)
        for note in (*_people(each), *in_words(each.voice), *each.notes)
    )


def _people(found: Extracted) -> tuple[str, ...]:
    seen = found.face.people or 0
    if found.face.vector is None or seen < 2:
        return ()
    return (f"{seen} people are seen; the face is the largest of those who stay",)


def _missing(kind: str, found: tuple[Extracted, ...], names: tuple[str, str]) -> tuple[str, ...]:
    reasons = []
    for each, name in zip(found, names, strict=True):
        result = getattr(each, kind)
        if result.vector is None:
            why = reason_in_words(result.reason or "", each.seconds, each.seconds_read)
            reasons.append(f"{name}: {why}")
        elif kind == "voice" and each.voice.voices:
            reasons.append(f"{name}: several voices")
    return tuple(reasons)


def _alike(odds: float | None, cosine: float | None, missing: tuple[str, ...]) -> Alike:
    probability = None if odds is None else _probability(odds)
    return Alike(probability=probability, cosine=cosine, missing=missing)


def _joined(pairs: Pairs, face: float | None, voice: float | None) -> float | None:
    if face is None and voice is None:
        return None
    either = (np.array(np.nan if each is None else each) for each in (face, voice))
    return float(pairs.both(*either))


def _probability(odds: float) -> float:
    return float(np.clip(1 / (1 + np.exp(-np.clip(odds, -50, 50))), 1 - LIMIT, LIMIT))


def _cosine(one: np.ndarray | None, two: np.ndarray | None) -> float | None:
    if one is None or two is None:
        return None
    return float(one @ two / (np.linalg.norm(one) * np.linalg.norm(two)))


def _clip(clip: Path | str | Clip) -> Clip:
    """Return a clip whose files are there. Raises UsageError."""
    each = clip if isinstance(clip, Clip) else clip_of(Path(clip))
    for file in each.files:
        if not file.is_file():
            found = "is a folder" if file.is_dir() else "is not there"
            raise UsageError(f"{file}: {found}; a video, a sound file or a picture was expected.")
    return each


def _extracted(extractor: Callable[..., Extracted], clip: Clip) -> Extracted:
    try:
        return extractor(clip.video, clip.audio, clip.image, clip.start, clip.end)
    except MediaError as error:
        raise MediaError(_naming(str(clip.files[0]), str(error))) from None


def _naming(path: str, message: str) -> str:
    """Return a message that begins with the path, in place of the name of the file alone."""
    if path in message:
        return message
    return f"{path}: {message.removeprefix(f'{Path(path).name}: ')}"


def _same_file(a: Clip, b: Clip) -> bool:
    """Return whether two clips are the same part of files with the same content."""
    if (a.start, a.end) != (b.start, b.end) or len(a.files) != len(b.files):
        return False
    return all(_content(x, y) for x, y in zip(a.files, b.files, strict=True))


def _content(one: Path, two: Path) -> bool:
    import filecmp

    try:
        return one.samefile(two) or filecmp.cmp(one, two, shallow=False)
    except OSError:
        return False


def _encoders_for(
    workspace: Workspace, chosen: Callable[[Fingerprint | None], EncoderPair]
) -> EncoderPair:
    """Return the encoders of a workspace's model, else of its table, else those that are at hand."""
    known = _of_model(workspace) or _of_table(workspace)
    if known is None:
        return chosen(None)
    try:
        return chosen(known)
    except (MissingError, UsageError):
        return chosen(None)


def _of_model(workspace: Workspace) -> Fingerprint | None:
    from mraf import checkpoint

    try:
        folder = workspace.model()
    except MissingError:
        return None
    return Fingerprint.from_dict(checkpoint.describe(folder).meta.get("fingerprint"))


def _of_table(workspace: Workspace) -> Fingerprint | None:
    try:
        return fingerprint_of(workspace.table.labels())
    except (MissingError, UsageError):
        return None
