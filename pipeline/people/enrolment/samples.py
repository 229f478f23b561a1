"""Samples of one person: which of them can carry an identity, and whether they are of one person."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mraf.data.table.features import FeatureRow
from mraf.extractors.turns.voices import HEARD
from mraf.fingerprint import Fingerprint
from mraf.pipeline.answers.words import reason_in_words

LEAST_SPEECH = 5.0
"""Seconds of speech in all, where no face is seen."""
LEAST_VOICE = 2.0
"""Seconds of speech in a clip: the voice of a shorter one names nobody reliably."""
LEAST_FACE = 30.0
"""Height of a face in pixels. See the guide for what the limits were chosen by."""
LEAST_SHARPNESS = 3.0
"""Of a face at 160 x 160 pixels, `FeatureRow.face_sharpness`."""
LEAST_STEADINESS = 0.9
"""Mean cosine of the faces of a clip to their mean: below, they may be two people's."""
TWO_PEOPLE = -1.0
"""Log odds below which two samples are two people's, where one and two are as likely beforehand."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A clip that is to be enrolled, and its row; or the reason why it cannot be."""

    path: str  # as it was given
    row: FeatureRow | None = None  # with what of it a person is known by
    refused: str | None = None
    note: str | None = None  # on what of it is used
    whole: FeatureRow | None = None  # the row with all that was found, where that is more

    @property
    def stored(self) -> FeatureRow | None:
        """The row as the table has it, or gets it."""
        return self.whole if self.whole is not None and self.row is not None else self.row


def judged(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples with the faces left out that are too poor, and those refused that hold nothing.

    A clip with several faces or voices is refused where nothing else says which of them is meant.
    """
    found = [_alone(each) for each in samples]
    rows = [each.row for each in found if each.row is not None]
    has_face = any(row.face is not None for row in rows)
    speech = sum(row.voice_seconds for row in rows if row.voice is not None)
    if not rows or has_face or speech >= LEAST_SPEECH or any(_unmeasured(row) for row in rows):
        return found
    return [
        _refuse(
            each,
            f"{speech:.1f} s of speech in all: where no face is seen, at least {LEAST_SPEECH:g} s are needed",
        )
        for each in found
    ]


def of_one_person(samples: Sequence[Sample], fingerprint: Fingerprint) -> list[Sample]:
    """Return the samples without those that are not of the person whom most of them show.

    Groups are joined while their mean log odds say that they are of one person. Where no group holds more
    than half of the samples, all are refused.
    """
    places = [i for i, each in enumerate(samples) if each.row is not None]
    if len(places) < 2:
        return list(samples)
    odds = log_odds([samples[i].row for i in places], fingerprint)  # type: ignore[misc]
    group = _groups(odds)
    sizes = np.bincount(group)
    first = int(sizes.argmax())
    result = list(samples)
    if sizes[first] == len(places):
        return result
    nobody = 2 * sizes[first] <= len(places)
    why = (
        "the clips do not show one person"
        if nobody
        else "it does not look or sound like the others"
    )
    for place, number in zip(places, group, strict=True):
        if nobody or number != first:
            result[place] = _refuse(samples[place], why)
    return result


def log_odds(rows: Sequence[FeatureRow], fingerprint: Fingerprint) -> np.ndarray:
    """Return the log odds [N, N] that two rows are of one person, by what both have.

    Two rows that have nothing in common get 0.
    """
    from mraf.recognition.pairs import Pairs

    pairs = Pairs.of(fingerprint.face, fingerprint.voice)
    return pairs.both(*(_cosines([getattr(row, m) for row in rows]) for m in ("face", "voice")))


def _cosines(vectors: Sequence[np.ndarray | None]) -> np.ndarray:
    """Return the cosines [N, N] of vectors; NaN where one is missing."""
    some = next((each for each in vectors if each is not None), np.zeros(1, np.float32))
    matrix = np.stack([np.full_like(some, np.nan) if v is None else v for v in vectors])
    matrix = matrix.astype(np.float64)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix @ matrix.T)


def _groups(odds: np.ndarray) -> np.ndarray:
    """Return the number of the group [N] of each sample, by average linkage, from 0."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    top = float(np.abs(odds).max()) + 1.0  # distances are not negative
    distance = squareform(top - (odds + odds.T) / 2, checks=False)
    found = fcluster(linkage(distance, "average"), top - TWO_PEOPLE, "distance")
    return np.asarray(found) - 1


def _alone(sample: Sample) -> Sample:
    """Return a sample as its own row has it."""
    row = sample.row
    if row is None or sample.refused:
        return replace(sample, row=None)
    if row.error:
        return _refuse(sample, f"it cannot be read: {row.error}")
    if (row.faces_seen or 0) > 1:
        return _refuse(sample, _cut_out(f"{row.faces_seen} people are seen"))
    if HEARD in (row.note or ""):
        return _refuse(sample, _cut_out("several voices are heard"))
    used, why = usable(row)
    if used is not row:
        said = [f"its {name} is left out: {each}" for name, each in why.items()]
        note = "; ".join(filter(None, (sample.note, *said)))
        sample = replace(sample, row=used, whole=row, note=note)
    if used.face is not None or used.voice is not None:
        return sample
    reasons = [
        why.get("face") or reason_in_words(row.face_reason or "", row.seconds, row.seconds_read)
    ]
    if row.voice_reason != "no_audio" or row.face_reason == "no_video":
        reasons.append(
            why.get("voice")
            or reason_in_words(row.voice_reason or "", row.seconds, row.seconds_read)
        )
    return _refuse(sample, ", and ".join(reasons))


def usable(row: FeatureRow) -> tuple[FeatureRow, dict[str, str]]:
    """Return a row without a face or a voice that is too poor to know a person by, and why, by modality."""
    why = {}
    if poor := _poor_face(row):
        why["face"] = poor
        row = replace(row, face=None, face_reason="low_confidence")
    if row.voice is not None and not _unmeasured(row) and row.voice_seconds < LEAST_VOICE:
        why["voice"] = (
            f"{row.voice_seconds:.1f} s of speech, at least {LEAST_VOICE:g} s are needed in a clip"
        )
        row = replace(row, voice=None, voice_reason="speech_too_short")
    return row, why


def _poor_face(row: FeatureRow) -> str | None:
    """Return why a face cannot carry an identity; None where it can, or there is none."""
    if row.face is None:
        return None
    if row.face_size is not None and row.face_size < LEAST_FACE:
        return f"the face is {row.face_size:.0f} pixels high, at least {LEAST_FACE:g} are needed"
    if row.face_sharpness is not None and row.face_sharpness < LEAST_SHARPNESS:
        return "the face is blurred"
    if row.face_steadiness is not None and row.face_steadiness < LEAST_STEADINESS:
        return "the faces in it differ, as if they were several people's"
    return None


def _cut_out(found: str) -> str:
    return (
        f"{found}: give the part with the person alone (--from, --to), or enrol them from a timeline (`mraf "
        "timeline`, then --enrol)"
    )


def _unmeasured(row: FeatureRow) -> bool:
    return row.voice is not None and row.voice_quality is None


def _refuse(sample: Sample, reason: str) -> Sample:
    return sample if sample.refused else replace(sample, row=None, refused=reason)
