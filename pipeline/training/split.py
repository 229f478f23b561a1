"""Turn the feature table into training, held-out and other-language clips.

Whole recordings are held out, in all their languages, never single clips of one: clips of one recording
share background, microphone and clothes, and telling them apart shows nothing.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mraf.data.polysim.index import split_of
from mraf.data.table.labels import FeatureLabels
from mraf.errors import UsageError, choices
from mraf.inference.folds import FOLDS, recording_folds
from mraf.languages import canonical
from mraf.types import Features

Recording = tuple[str, str, str]
"""Speaker, language ("" where unknown) and recording; a clip of no recording is one of its own."""

Source = tuple[str, str, str]
"""Speaker, recording and language of clips that were cut from the same; "" for all languages."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """The clips that train and those that are held out, as masks over the table's clips."""

    speakers: tuple[str, ...]  # by class index
    recordings: tuple[Recording | None, ...]  # [N], None where the speaker is unknown
    train: np.ndarray  # [N] bool
    heldout: np.ndarray  # [N] bool: same languages, recordings that do not train
    by_clip: bool  # held out by clip, because no speaker has two recordings


def split(
    labels: FeatureLabels, languages: Iterable[str] | None, holdout: float, seed: int
) -> Split:
    """Hold out a share of each speaker's recordings, at least one where there are two.

    Args:
        labels: the feature table.
        languages: train on these only; None for all.
        holdout: share of a speaker's recordings, 0 to below 1; 0 holds nothing out.
        seed: random seed.

    Raises:
        UsageError: no clip, one speaker only, or a language that no clip is in.
    """
    wanted = match_languages(labels, languages)
    names = recordings_of(labels)
    sources = sources_of(names)
    usable = labels.face_present | labels.voice_present
    spoken = np.array([r is not None and (wanted is None or r[1] in wanted) for r in names], bool)
    pool = spoken & usable & trainable(labels)
    by_speaker: dict[str, set[Source]] = defaultdict(set)
    for index in np.flatnonzero(pool):
        source = sources[index]
        assert source is not None
        by_speaker[source[0]].add(source)
    _check_speakers(labels, by_speaker)
    by_clip = bool(holdout) and all(len(found) < 2 for found in by_speaker.values())
    if by_clip:
        held = _hold_out_clips(pool, names, holdout, seed)
    else:
        chosen = _hold_out_recordings(by_speaker, holdout, seed)
        held = pool & np.array([source in chosen for source in sources])
    # The same video under two names must not be on both sides.
    held_content = {labels.source_hash[i] for i in np.flatnonzero(held)}
    twins = np.array([digest in held_content for digest in labels.source_hash], bool)
    return Split(
        speakers=tuple(sorted(by_speaker)),
        recordings=names,
        train=pool & ~twins,
        heldout=held,
        by_clip=by_clip,
    )


def folds_of(clips: Features, digests: Sequence[str], seed: int) -> tuple[np.ndarray, bool]:
    """Deal the recordings of training clips [N] into the folds that measure and calibrate a model.

    Recordings that share a file count as one, as do the clips of a video in two languages (`sources_of`),
    and one of two speakers is in no fold. Where no speaker has two recordings, single clips are dealt.

    Args:
        clips: N clips.
        digests: [N], of their content.
        seed: random seed.

    Returns:
        The fold [N] of each clip, -1 where it trains in every fold; and True where single clips were
        dealt.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(clips):
        return np.zeros(0, np.int64), False
    _, content = np.unique(np.array(digests), return_inverse=True)
    _, recording = np.unique(clips.recording, return_inverse=True)
    # A graph of recordings and contents: each clip joins its recording with its content.
    shape = (recording.max() + 1, content.max() + 1)
    size = sum(shape)
    links = (np.ones(len(clips)), (recording, shape[0] + content))
    _, group = connected_components(coo_array(links, shape=(size, size)), directed=False)
    several = _speakers_with_several(clips.label, group[recording])
    group = group[recording] if several else content
    fold = recording_folds(clips.label, group, FOLDS, seed)
    groups, _ = np.unique(np.stack([group, clips.label]), axis=1)  # a group, once for each speaker
    shared = np.flatnonzero(np.bincount(groups) > 1)
    fold[np.isin(group, shared)] = -1
    # A network is measured on fold 0, which must not be the one that lost its clips.
    held = fold >= 0
    fold[held] = np.unique(fold[held], return_inverse=True)[1]
    return fold, not several


def _speakers_with_several(label: np.ndarray, recording: np.ndarray) -> bool:
    """Return True where a speaker has more than one recording."""
    pairs = np.unique(np.stack([label, recording]), axis=1)
    return bool((np.bincount(pairs[0]) > 1).any())


def trainable(labels: FeatureLabels) -> np.ndarray:
    """Return `[N]` bool: True for clips of named speakers that are in no validation or test split."""
    rows = zip(labels.speaker, labels.clip, strict=True)
    found = [speaker is not None and split_of(clip) in (None, "train") for speaker, clip in rows]
    return np.array(found, bool)


def recordings_of(labels: FeatureLabels) -> tuple[Recording | None, ...]:
    """Return the recording of each clip, None where the speaker is not known."""
    rows = zip(labels.speaker, labels.language, labels.recording, labels.clip, strict=True)
    return tuple(
        (speaker, language or "", recording or f"clip {clip}") if speaker else None
        for speaker, language, recording, clip in rows
    )


def sources_of(
    recordings: Sequence[Recording | None], others: Iterable[Recording] = ()
) -> tuple[Source | None, ...]:
    """Return what each of N recordings was cut from, so that a video in two languages counts once.

    A name that only one speaker has, such as the id of a video, names the same in every language. A
    name of several speakers, such as "interview", follows a custom and names another in each language.

    Args:
        recordings: [N], None where the speaker is not known.
        others: recordings elsewhere, whose speakers count too.
    """
    speakers: dict[str, set[str]] = defaultdict(set)
    for each in (*recordings, *others):
        if each:
            speakers[each[2]].add(each[0])
    return tuple(
        (each[0], each[2], each[1] if len(speakers[each[2]]) > 1 else "") if each else None
        for each in recordings
    )


def match_languages(labels: FeatureLabels, languages: Iterable[str] | None) -> set[str] | None:
    """Return the table's spellings of some languages, by name or code, in any case; None for all.

    Raises UsageError for a language that no clip is in.
    """
    if languages is None:
        return None
    spellings: dict[str, set[str]] = defaultdict(set)
    for name in filter(None, labels.language):
        spellings[canonical(name).casefold()].add(name)
    wanted: set[str] = set()
    for language in languages:
        key = canonical(language).casefold()
        if key not in spellings:
            known = choices(language, sorted(filter(None, set(labels.language))))
            raise UsageError(f"No clip in the table is in '{language}' {known}")
        wanted |= spellings[key]
    return wanted


def to_features(
    labels: FeatureLabels, speakers: Sequence[str], dims: tuple[int, int], index: np.ndarray
) -> Features:
    """Return some of the table's clips as features for the model.

    Args:
        labels: the feature table.
        speakers: names by class index; clips of other speakers get the label -1.
        dims: Df and Dv of the encoders: a table without a single vector does not say.
        index: positions or mask of the clips; only their vectors are read.
    """
    classes = {name: i for i, name in enumerate(speakers)}
    sources = sources_of(recordings_of(labels))
    groups = {source: i for i, source in enumerate(dict.fromkeys(sources))}
    rows = np.flatnonzero(index) if index.dtype == bool else index
    spoken = [labels.speaker[i] for i in rows]
    return Features(
        face=_of_dim(labels.vectors("face", rows), dims[0]),
        face_present=labels.face_present[rows],
        voice=_of_dim(labels.vectors("voice", rows), dims[1]),
        voice_present=labels.voice_present[rows],
        label=np.array([classes.get(s, -1) if s else -1 for s in spoken], np.int64),
        recording=np.array([groups[sources[i]] for i in rows], np.int64),
    )


def _check_speakers(labels: FeatureLabels, by_speaker: dict[str, set[Source]]) -> None:
    if len(by_speaker) >= 2:
        return
    if by_speaker:
        found = f"only one speaker has clips to train on ('{next(iter(by_speaker))}')"
    elif not any(labels.speaker):
        found = "no clip in the table has a speaker's name"
    else:
        found = "no clip of a named speaker has a face or a voice"
    raise UsageError(
        f"Cannot train: {found}, and at least two speakers are needed. Put each speaker's videos "
        "into a folder of their name (videos/<speaker>/...), or name them in a manifest, and run "
        "`mraf extract` again."
    )


def _hold_out_recordings(
    by_speaker: dict[str, set[Source]], holdout: float, seed: int
) -> set[Source]:
    if not holdout:
        return set()
    chosen: set[Source] = set()
    for speaker, found in sorted(by_speaker.items()):
        chosen.update(_draw(sorted(found), holdout, f"{seed} {speaker}"))
    return chosen


def _hold_out_clips(
    pool: np.ndarray, names: tuple[Recording | None, ...], holdout: float, seed: int
) -> np.ndarray:
    by_speaker: dict[str, list[int]] = defaultdict(list)
    for index in np.flatnonzero(pool):
        by_speaker[_speaker(names[index])].append(int(index))
    held = np.zeros(len(pool), bool)
    for speaker, indices in by_speaker.items():
        held[_draw(indices, holdout, f"{seed} {speaker}")] = True
    return held


def _draw(items: list, share: float, seed: str) -> list:
    """Draw a share of the items: at least one and never all; none of a single item."""
    if len(items) < 2:
        return []
    count = min(len(items) - 1, max(1, round(len(items) * share)))
    return random.Random(seed).sample(items, count)


def _speaker(name: Recording | None) -> str:
    return name[0] if name else ""


def _of_dim(matrix: np.ndarray, dim: int) -> np.ndarray:
    if matrix.shape[1] in (0, dim):
        return matrix if matrix.shape[1] else np.zeros((len(matrix), dim), np.float32)
    raise UsageError(f"The table's vectors have {matrix.shape[1]} numbers, the encoder's {dim}.")
