"""Reasons and lengths of time, in words."""

from mraf.pipeline.answers.answer import Evidence

REASONS = {
    "no_video": "no picture",
    "only_cover": "only a cover picture",
    "no_such_track": "no such track",
    "no_face": "no face found",
    "face_too_small": "face too small",
    "low_confidence": "no face found for certain",
    "no_audio": "no sound",
    "no_speech": "no speech heard",
    "speech_too_short": "less than 1 s of speech",
    "not_seen_speaking": "not seen speaking",
    "turn_too_short": "less than 2 s of speech in the turn",
    "decode_error": "cannot be read",
}
"""Reasons for a missing face or voice."""
_LOOKED_AT = frozenset("no_face face_too_small low_confidence no_speech speech_too_short".split())
_FARTHER = _LOOKED_AT - {"face_too_small"}  # later minutes were looked at as well


def reason_in_words(
    reason: str, seconds: float | None = None, seconds_read: float | None = None
) -> str:
    """Return why a face or a voice is missing, as in "no face found in the first 10 min of 1 h".

    Args:
        reason: a key of `REASONS`.
        seconds: length of the clip, where it is known.
        seconds_read: of a long clip's beginning; None where all was read.
    """
    from mraf.extractors.second_looks import FARTHEST

    words = REASONS.get(reason, reason)
    if seconds_read is not None and reason in _FARTHER:
        seconds_read = max(seconds_read, FARTHEST)
    part = first_part(seconds, seconds_read)
    return f"{words} in the {part}" if part and reason in _LOOKED_AT else words


def first_part(seconds: float | None, seconds_read: float | None) -> str | None:
    """Return the part of a clip that was read, in words; None where all was."""
    if seconds_read is None or (seconds is not None and seconds <= seconds_read):
        return None
    whole = f" of {length(seconds)}" if seconds is not None else ""
    return f"first {length(seconds_read)}{whole}"


def length(seconds: float) -> str:
    """Return a length of time, as in "45 s", "2 min", "2 min 5 s" or "1 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def share(probability: float) -> str:
    """Return a probability in words, as in "97 %", "over 99 %" or "under 1 %"."""
    if probability > 0.99:
        return "over 99 %"
    return "under 1 %" if probability < 0.01 else f"{100 * probability:.0f} %"


def why_nothing(
    face: Evidence,
    voice: Evidence,
    seconds: float | None = None,
    seconds_read: float | None = None,
) -> str:
    """Return why a clip has nothing to identify; what is present in it, the model has not learned."""
    if not (face.present or voice.present):
        reasons = [
            reason_in_words(each.reason or "", seconds, seconds_read) for each in (face, voice)
        ]
        return f"nothing to identify: {reasons[0]}, and {reasons[1]}"
    unlearned, missing = [], []
    for name, each in (("face", face), ("voice", voice)):
        if each.present:
            unlearned.append(f"the model has learned no {name}s")
            continue
        why = reason_in_words(each.reason or "", seconds, seconds_read)
        looked_at = why.partition(" in the ")[2]
        missing.append(f"there is no {name} in the {looked_at or 'clip'}")
    return ", and ".join([*unlearned, *missing])
