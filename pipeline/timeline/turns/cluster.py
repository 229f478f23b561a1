"""The voices of a file, and who of them speaks when."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from mraf.errors import UsageError, choices
from mraf.extractors.streaming.parts import Observed
from mraf.pipeline.timeline.turns.chain import Chain
from mraf.pipeline.timeline.turns.cutting import NOBODY, turns_of
from mraf.pipeline.timeline.turns.joining import HALF_SECONDS, NEVER, Groups, joined
from mraf.pipeline.timeline.turns.moments import moments
from mraf.pipeline.timeline.turns.sound import Sound, changes, gather
from mraf.pipeline.timeline.turns.voices import Voices, VoiceTurn
from mraf.recognition.clusters import renumbered
from mraf.recognition.pairs import VOICE

CUT = 0.65
"""Likeness from which spans are one voice to begin with; what is too many afterwards is given up."""
SEED_SECONDS = 0.9
"""Length of spans that make voices; shorter ones find theirs afterwards."""
MOST_AT_FIRST, MORE_A_MINUTE = 60, 2.0
"""Voices to begin with, at most: so many, and more for each minute of speech."""
MOST = 240
"""Voices that are told apart at most, however many are asked for."""
MANY = 0.5
"""Share of the most voices to begin with of which so many are left at the end that there may be more people: a few
have many groups to begin with too, which become one each."""
MORE_TRIED = 180
"""Groups that are tried at most beyond the number of voices that is asked for."""
ONE_VOICE = 3.0
"""Log odds of the means of two voices above which they are one after all: in 30 s of sound those of two people
reach 2 at most, a voice that was split 4 and more."""
VOICE_SECONDS = 1.0
"""Speech of a voice below which it is none."""
SWITCH = {"within": 0.05, "between": 0.05, "changed": 0.6, "long after": 0.5}
"""Probability that the speaker may be another: within running speech; after a short pause; where the windows hear
another local speaker; and after a long pause."""
LONG_SECONDS = 4.0


def voices_of(
    parts: Iterable[Observed],
    *,
    speakers: int | None = None,
    least: int = 1,
    most: int | None = None,
    voice: str = "campplus",
    cuts: np.ndarray | None = None,
) -> Voices:
    """Return the voices of a file, and their turns.

    Args:
        parts: of the file, in the order of time; each is read once.
        speakers: number of voices, where it is known.
        least: of voices, where there is that much speech; 240 at most are told apart.
        most: of voices.
        voice: encoder of the vectors.
        cuts: `[C]` times in s at which the picture cuts, as they are heard, rising: one speaker gives way to
            another rather there.

    Raises:
        UsageError: numbers that cannot be, or another encoder.
    """
    if speakers is not None:
        least = most = speakers
    if least < 1 or (most is not None and most < least):
        raise UsageError(f"The number of speakers cannot be from {least} to {most}.")
    if voice not in HALF_SECONDS:
        raise UsageError(f"There is no voice encoder '{voice}' {choices(voice, HALF_SECONDS)}")
    sound = gather(parts)
    if sound is None or not len(sound.spans):
        return Voices(
            turns=(), vectors=np.zeros((0, 0), np.float32), seconds=np.zeros(0, np.float32)
        )
    half = HALF_SECONDS[voice]
    slope, bias = VOICE[voice]
    spoken, notes = _spoken_by(sound, half, (ONE_VOICE - bias) / slope, min(least, MOST), most)
    found = _voices(sound, spoken, half, np.zeros(0) if cuts is None else cuts)
    return replace(found, notes=notes)


def _spoken_by(
    sound: Sound, half: float, one: float, least: int, most: int | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the voice `[P]` of each span, numbered from 0 in the order in which they begin, and notes.

    Two voices whose means have a cosine above `one` are the same.
    """
    if not sound.embedded.any():
        return np.full(len(sound.spans), NOBODY), ()
    seeds = sound.embedded & (
        sound.seconds >= min(SEED_SECONDS, sound.seconds[sound.embedded].max())
    )
    groups = Groups.of(sound.vectors[seeds], sound.seconds[seeds], half)
    chain = _chain(sound, half)
    first = max(least, _most_at_first(chain.seconds))
    guess = _guess(seeds, joined(groups, CUT, most=first))
    shares = _without_twins(sound, chain, chain.shares(guess), one, least)
    shares = _without_small(sound, chain, shares, least)
    notes = _crowd(guess.shape[1], shares.shape[1], first) if most is None else ()
    if most is not None and shares.shape[1] > most:
        shares = chain.shares(_merged(sound, shares, half, most), keep=True)
    if shares.shape[1] < least:
        guess = _guess(seeds, _split(sound, seeds, groups, least))
        shares = chain.shares(guess, keep=True)
        if len(np.unique(shares.argmax(axis=1))) < guess.shape[1]:
            shares = guess
    return renumbered(shares.argmax(axis=1)), notes


def _most_at_first(seconds: float) -> int:
    """Return the most voices to begin with in so many s of speech."""
    return int(min(MOST, MOST_AT_FIRST + MORE_A_MINUTE * seconds / 60))


def _crowd(began: int, left: int, most: int) -> tuple[str, ...]:
    """Return a note where so many voices began, and are left, that people may share one."""
    if began < most or left < MANY * most:
        return ()
    return (
        f"{left} voices are told apart, of {most} at most in so much speech: where more people speak, some of "
        "them share a voice",
    )


def _chain(sound: Sound, half: float) -> Chain:
    has, seconds = sound.embedded, np.maximum(sound.seconds, 1e-3)
    length = np.sqrt(seconds / (seconds + half))  # of the voice within a vector
    return Chain(
        voices=np.where(has[:, None], sound.vectors, 0) / length[:, None],
        precision=np.where(has, seconds / half, 0),
        switch=_switches(sound),
        seconds=float(sound.once.sum()),
    )


def _switches(sound: Sound) -> np.ndarray:
    """Return the probability `[P]` that the speaker may be another than in the span before."""
    gap = np.diff(sound.spans[:, 0], prepend=0) - np.append(0, sound.seconds[:-1])
    between = SWITCH["between"] + (SWITCH["changed"] - SWITCH["between"]) * changes(sound)
    later = np.clip(gap / LONG_SECONDS, 0, 1)
    between = np.maximum(between, between + (SWITCH["long after"] - between) * later)
    return np.where(gap < -1e-6, SWITCH["within"], between)


def _guess(seeds: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return shares `[P, K]`: 0.9 for the group of a seed; -1 is no group; all alike for other spans."""
    count = int(group.max()) + 1
    shares = np.full((len(seeds), count), 1 / count)
    at, own = np.flatnonzero(seeds)[group >= 0], group[group >= 0]
    shares[at] = 0.1 / count
    shares[at, own] += 0.9
    return shares


def _without_twins(
    sound: Sound, chain: Chain, shares: np.ndarray, one: float, least: int
) -> np.ndarray:
    """Join voices that are one, those first that are most alike: speech of one person may change within a file."""
    while shares.shape[1] > least:
        twins = _twins(sound, shares, one)[: shares.shape[1] - least]
        if not twins:
            break
        for a, b in twins:
            shares[:, a] += shares[:, b]
        shares = chain.shares(np.delete(shares, [b for _, b in twins], axis=1))
    return shares


def _twins(sound: Sound, shares: np.ndarray, one: float) -> list[tuple[int, int]]:
    """Return pairs of voices, each of which is most like the other, and more than `one`; most alike first."""
    own = np.where(sound.embedded, shares.argmax(axis=1), NOBODY)
    means = _means(sound, own, shares.shape[1])
    alike = means @ means.T
    np.fill_diagonal(alike, NEVER)
    best = alike.argmax(axis=1)
    pairs = [(a, int(b)) for a, b in enumerate(best) if a < b and best[b] == a]
    pairs = [pair for pair in pairs if alike[pair] >= one]
    return sorted(pairs, key=lambda pair: -float(alike[pair]))


def _without_small(sound: Sound, chain: Chain, shares: np.ndarray, least: int) -> np.ndarray:
    """Give up voices that say too little, the smaller half of them at a time: their spans go to others."""
    while True:
        seconds = _seconds(sound.once, shares.argmax(axis=1), shares.shape[1])
        order = np.argsort(seconds)
        small = order[: max(0, len(order) - least)]
        small = small[seconds[small] < VOICE_SECONDS]
        if not len(small):
            return shares
        empty = int((seconds[small] == 0).sum())
        shares = np.delete(shares, small[: max(1, empty, len(small) // 2)], axis=1)
        total = shares.sum(axis=1, keepdims=True)
        shares = np.where(total > 0.1, shares / np.maximum(total, 1e-9), 1 / shares.shape[1])
        shares = chain.shares(shares)


def _merged(sound: Sound, shares: np.ndarray, half: float, most: int) -> np.ndarray:
    """Return shares in which the voices that are most alike are one, until `most` are left."""
    own, has = shares.argmax(axis=1), sound.embedded
    spans = Groups.of(sound.vectors[has], sound.seconds[has], half)
    voices = spans.means(own[has], shares.shape[1])
    into = joined(voices, np.inf, most=most)
    merged = np.zeros((len(shares), int(into.max()) + 1))
    np.add.at(merged.T, into, shares.T)
    return merged


def _split(sound: Sound, seeds: np.ndarray, groups: Groups, least: int) -> np.ndarray:
    """Return `least` groups of seeds, the largest of so many that these say enough; -1 for the rest."""
    number, lengths = len(groups.weights), sound.once[seeds]
    count = min(3 * least + 4, least + MORE_TRIED, number)
    own = joined(groups, -np.inf, least=count, most=count)
    enough: np.ndarray | None = None
    while True:
        if (_seconds(lengths, own, count) >= VOICE_SECONDS).sum() >= least:
            enough = own
        if count <= least:
            break
        # The two most alike of those that are left become one, so that each is tried at little cost.
        left, count = groups.means(own, count), count - 1
        own = joined(left, -np.inf, least=count, most=count)[own]
    if enough is None:
        seconds = np.bincount(own).astype(float)
    else:
        own = enough
        seconds = _seconds(lengths, own, int(own.max()) + 1)
    place = np.full(len(seconds), NOBODY)
    place[np.sort(np.argsort(-seconds, kind="stable")[:least])] = np.arange(
        min(least, len(seconds))
    )
    return place[own]


def _seconds(lengths: np.ndarray, voice: np.ndarray, count: int) -> np.ndarray:
    """Return the speech `[count]` in s of voices; `lengths` and `voice` `[P]` are those of spans."""
    return np.bincount(voice[voice >= 0], lengths[voice >= 0], count)


def _voices(sound: Sound, voice: np.ndarray, half: float, cuts: np.ndarray) -> Voices:
    count = int(voice.max(initial=NOBODY)) + 1
    means = _means(sound, np.where(sound.embedded, voice, NOBODY), count)
    changes = moments(sound, voice, means, half, cuts)
    middle = sound.spans.mean(axis=1)
    turns = turns_of(sound, voice, count, changes)
    return Voices(
        turns=tuple(_turn(sound, voice, middle, *turn) for turn in turns),
        vectors=means,
        seconds=_seconds(sound.once, voice, count).astype(np.float32),
    )


def _turn(
    sound: Sound, voice: np.ndarray, middle: np.ndarray, start: float, stop: float, each: int
) -> VoiceTurn:
    inside = slice(*np.searchsorted(middle, [start, stop]))
    theirs = voice[inside] == each
    own = theirs & sound.embedded[inside]
    vectors, seconds = sound.vectors[inside][own], sound.seconds[inside][own]
    return VoiceTurn(
        start=start,
        stop=stop,
        voice=each,
        vector=_unit(np.sqrt(seconds) @ vectors) if len(vectors) and each >= 0 else None,
        seconds=float(sound.once[inside][theirs].sum()),
    )


def _means(sound: Sound, own: np.ndarray, count: int) -> np.ndarray:
    """Return `[count, D]`: the means of vectors by their group `[P]`, longer ones for more, at unit length.

    Groups of -1 are of nobody; a group of none has zeros.
    """
    some = own >= 0
    weights = np.zeros((count, int(some.sum())), np.float32)
    weights[own[some], np.arange(weights.shape[1])] = np.sqrt(sound.seconds[some])
    return _unit(weights @ sound.vectors[some])


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors `[..., D]` float32 at unit length; zeros stay."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: np.ndarray = (vectors / np.maximum(length, 1e-9)).astype(np.float32)
    return unit
