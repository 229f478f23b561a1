"""Who is named: the person whom face and voice, or one of them, recognise; or nobody."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mraf.errors import UsageError
from mraf.inference.contradiction import TWO_PEOPLE, reconcile, stranger
from mraf.inference.mixture import share_out
from mraf.types import Posterior

if TYPE_CHECKING:
    from mraf.inference.prediction import References

CLIP, FACE, VOICE = range(3)
"""Rows of a clip's posteriors: face and voice together, each alone; those of several voices follow."""
SHORT_SECONDS = 2.0
"""Speech below which a voice that is not recognised says little."""
NOISY = 10.0
"""Signal to noise in dB below which it says little either."""


class Conflict(Enum):
    """What face and voice say of two people."""

    NONE = "none"
    TWO = "two"  # the model knows one person by the face and another by the voice
    STRANGE_VOICE = "strange voice"  # it knows the face, and surely not the voice
    STRANGE_FACE = "strange face"
    BY_FACE = "by face"  # one person's, as it seems, whom the voice alone does not show
    UNHEARD = "unheard"  # it knows the face, of a person whose voice it does not have
    UNSEEN = "unseen"  # it knows the voice, of a person whose face it does not have


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Who a clip's speaker is, given that they are enrolled, and the probability that they are."""

    probability: NDArray[np.floating]  # [C], sums to 1
    known: float | None  # None where the model does not tell strangers
    threshold: float | None
    conflict: Conflict = Conflict.NONE

    @property
    def unknown(self) -> bool:
        """Whether nobody is named."""
        return self.known is not None and self.threshold is not None and self.known < self.threshold


def check_threshold(threshold: float | None) -> None:
    """Raise UsageError unless a threshold is None or a probability."""
    if threshold is not None and not 0 <= threshold <= 1:
        raise UsageError(
            f"--threshold {threshold:g}: it is the probability that a person is enrolled below which nobody "
            "is named; give a number from 0 (a name for everybody) to 1."
        )


def number(known: NDArray[np.floating] | None, row: int) -> float | None:
    """Return a row's value; None where there is none."""
    return None if known is None or not np.isfinite(known[row]) else float(known[row])


def with_threshold(posterior: Posterior, threshold: float | None) -> Posterior:
    """Return posteriors with another threshold, unless it is None, wherever they have one.

    One of 1 stays, but for 0: nobody is known by these modalities, whatever `known` says.
    """
    if threshold is None or posterior.threshold is None:
        return posterior
    with np.errstate(invalid="ignore"):
        has = np.isfinite(posterior.threshold) & ((posterior.threshold < 1) | (threshold <= 0))
    changed = np.where(has, threshold, posterior.threshold).astype(np.float64)
    return replace(posterior, threshold=changed)


def of_face_and_voice(
    posterior: Posterior,
    seconds: float,
    snr: float | None,
    references: "References | None" = None,
) -> Answer:
    """Return the answer to a clip from its own posterior and those of its face and voice alone.

    Where face and voice are two people's it is asked who speaks, so the voice decides. A voice that is surely no
    enrolled person's leaves nobody named, however well known the face is; one that is short or noisy is
    not sure of that, nor is one of a person of whom the model has no voice. A clip that is not known as a whole
    gets a name only by a voice that is sure, over a stranger's face, or where face and voice are both
    recognised, as two people's: by the voice alone, one stranger's clip more in a hundred would get a name.

    Args:
        posterior: rows `CLIP`, `FACE` and `VOICE`; NaN for what is missing.
        seconds: of speech.
        snr: of the speech in dB, None where it is not known.
        references: of the model; by default it has a face and a voice of everybody.
    """
    clip, face, voice = posterior.probability[: VOICE + 1]
    is_known = posterior.is_known
    clear = seconds >= SHORT_SECONDS and (snr is None or snr >= NOISY)
    strange_face = _strange(posterior, FACE)
    strange_voice = clear and _strange(posterior, VOICE)
    seen, heard = number(posterior.known, FACE), number(posterior.known, VOICE)
    half = _half_compared(posterior, references)
    if half is not None:
        return half
    if strange_voice and seen is not None and is_known[FACE]:
        return _answer(posterior, voice, VOICE, Conflict.STRANGE_VOICE)
    # A stranger who sounds like somebody is likelier than somebody unseen, unless the voice is sure.
    sure = is_known[VOICE] and (heard or 0.0) >= 1 - TWO_PEOPLE
    if strange_face and sure:
        return _answer(posterior, voice, VOICE, Conflict.STRANGE_FACE)
    both = reconcile(clip, face, voice)
    recognised = bool(is_known[FACE]), bool(is_known[VOICE])
    differ = face.argmax() != voice.argmax() and bool(np.isfinite([face, voice]).all())
    if both.told or (differ and all(recognised) and not is_known[CLIP]):
        decided = both.probability.argmax() == voice.argmax()
        conflict = Conflict.TWO if any(recognised) else Conflict.NONE
        row = VOICE if is_known[CLIP] or all(recognised) else CLIP
        return _answer(posterior, both.probability if decided else voice, row, conflict)
    answer = _answer(posterior, both.probability, CLIP)
    doubtful = heard is not None and heard < 0.5 and not is_known[VOICE]
    if doubtful and seen is not None and is_known[FACE] and not answer.unknown:
        return replace(answer, conflict=Conflict.BY_FACE)
    return answer


def of_voices(posterior: Posterior, seconds: list[float]) -> Answer:
    """Return the answer to a clip without a face in which several voices are heard.

    The share of a voice that is not recognised goes to all people alike. The clip's person is known as its
    best known voice is.

    Args:
        posterior: the voices' rows follow that of `VOICE`.
        seconds: of speech of each voice.
    """
    rows = range(VOICE + 1, VOICE + 1 + len(seconds))
    recognised = [row for row in rows if posterior.is_known[row]]
    people = posterior.probability.shape[1]
    shares = [
        posterior.probability[row]
        if row in recognised or not recognised
        else np.full(people, 1 / people)
        for row in rows
    ]
    probability = share_out(shares, seconds)
    first = int(probability.argmax())
    ranked = sorted(
        rows,
        key=lambda row: (
            row in recognised and posterior.probability[row].argmax() == first,
            row in recognised,
            number(posterior.known, row) or 0.0,
        ),
    )
    return _answer(posterior, probability, ranked[-1])


def _half_compared(posterior: Posterior, references: "References | None") -> Answer | None:
    """Return the answer where the model lacks the other half of the one person who is recognised.

    What there is nothing to compare with speaks neither for nor against them. None of other clips.
    """
    one, known = posterior.known, posterior.is_known
    if references is None or number(one, FACE) is None or number(one, VOICE) is None:
        return None
    for row, other, has, conflict in (
        (FACE, VOICE, references.voice, Conflict.UNHEARD),
        (VOICE, FACE, references.face, Conflict.UNSEEN),
    ):
        probability = posterior.probability[row]
        if known[row] and not known[other] and not has[probability.argmax()]:
            return _answer(posterior, probability, row, conflict)
    return None


def _strange(posterior: Posterior, row: int) -> bool:
    known = number(posterior.known, row)
    return known is not None and not posterior.is_known[row] and stranger(known)


def _answer(
    posterior: Posterior,
    probability: NDArray[np.floating],
    row: int,
    conflict: Conflict = Conflict.NONE,
) -> Answer:
    return Answer(
        probability=probability,
        known=number(posterior.known, row),
        threshold=number(posterior.threshold, row),
        conflict=conflict,
    )
