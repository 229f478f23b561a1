"""Clips as rows of the feature table: those of the table where it has them, others made anew."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.data.clips.times import part_of_id
from mraf.data.table.features import FeatureRow, FeatureTable, rows_of
from mraf.errors import MediaError, UsageError
from mraf.extractors.extractor import ClipExtractor
from mraf.fingerprint import Fingerprint
from mraf.pipeline.extraction.hashing import Job, Unreadable, digest_of
from mraf.pipeline.extraction.known import path_of
from mraf.pipeline.extraction.rows import finished_row, row_of
from mraf.pipeline.fingerprints import fingerprints_in, mixing
from mraf.pipeline.inputs import IMAGE_SUFFIXES, clip_of, files_to_identify
from mraf.pipeline.people.enrolment.samples import Sample
from mraf.pipeline.people.enrolment.stored import is_of

_MAY_BE_TWO = (
    "its voice may be two people's, which are alike: listen to it, or enrol from a timeline (`mraf timeline`, then "
    "--enrol), where each has turns of their own"
)


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """An extractor and the fingerprint of what it makes, both made when they are first needed."""

    fingerprint: Fingerprint
    extractor: Callable[[], ClipExtractor]


def clips_of(
    paths: Iterable[Path | str] | Path | str, *, start: float | None, end: float | None
) -> list[Clip | Sample]:
    """Return the clips at and below paths, each under its absolute path as id, and folders that are closed.

    Raises UsageError where a path is not there, or a part is asked for of more than one file.
    """
    named = [paths] if isinstance(paths, Path | str) else list(paths)
    found: list[Clip | Sample] = []
    for each in named:
        files, unreadable = files_to_identify(Path(each))
        found += [_clip(file, start, end) for file in files]
        found += [
            Sample(path=folder, refused=f"this folder cannot be listed ({reason})")
            for folder, reason in unreadable.items()
        ]
    if start is None and end is None:
        return list(
            {(each.id if isinstance(each, Clip) else each.path): each for each in found}.values()
        )
    if len(found) != 1:
        raise UsageError(
            f"--from and --to are for a part of one clip, and {len(found)} files are named: enrol them one by one."
        )
    return found


def samples_of(
    clips: Sequence[Clip | Sample], table: FeatureTable, encoding: Encoding, name: str
) -> Iterator[Sample]:
    """Yield a sample for each clip, re-using the rows of the table with its content and fingerprint.

    Of several rows of one content, that of the person who is enrolled by `name` comes first.
    """
    stored = _Stored(table, encoding.fingerprint)
    for clip in clips:
        yield clip if isinstance(clip, Sample) else _sample(clip, stored, encoding, name)


def refuse_mixing(table: FeatureTable, fingerprint: Fingerprint) -> None:
    """Raise UsageError where the table's features cannot be compared with those of a fingerprint.

    Rows that were enrolled with other options of the same encoders stand in nobody's way.
    """
    for made in fingerprints_in(table, without_enrolled=fingerprint):
        if made.polysim or not made.shares_encoders(fingerprint):
            raise mixing(table.folder, made, fingerprint.encoders)
        if made.of_any_track != fingerprint.of_any_track:
            raise UsageError(
                f"{table.folder}: these features are of {made}, and people would be enrolled by features of "
                f"{fingerprint}, which cannot be compared. Run `mraf extract` and `mraf train` again, or enrol into "
                "another workspace (-w)."
            )


@contextmanager
def once(make: Callable[[], ClipExtractor]) -> Iterator[Callable[[], ClipExtractor]]:
    """Give a function that makes an extractor when it is first called; it is closed at the end."""
    made: list[ClipExtractor] = []

    def get() -> ClipExtractor:
        if not made:
            made.append(make())
        return made[0]

    try:
        yield get
    finally:
        for each in made:
            each.close()


class _Stored:
    """The rows of a table by content."""

    def __init__(self, table: FeatureTable, fingerprint: Fingerprint) -> None:
        self._snapshot = None if table.is_empty else table.snapshot()
        self._rows: dict[str, list[int]] = {}
        if self._snapshot is not None:
            wanted = fingerprint.to_json()
            columns = self._snapshot.table(["source_hash", "extractor"]).to_pydict()
            for i, (digest, made) in enumerate(
                zip(columns["source_hash"], columns["extractor"], strict=True)
            ):
                if digest and made == wanted:
                    self._rows.setdefault(digest, []).append(i)

    def find(self, digest: str) -> list[FeatureRow]:
        """Return the rows of a content."""
        places = self._rows.get(digest)
        if self._snapshot is None or not places:
            return []
        return list(rows_of(self._snapshot.only(np.array(places))))


def _clip(file: Path, start: float | None, end: float | None) -> Clip | Sample:
    if start is None and end is None:
        clip = clip_of(file)
        return replace(clip, id=path_of(clip))
    if file.suffix.lower() in IMAGE_SUFFIXES:
        return Sample(path=str(file), refused="a photo has no --from and --to")
    if end is not None and end <= (start or 0.0):
        raise UsageError(f"--from {start or 0.0:g} s is not before --to {end:g} s.")
    clip = clip_of(file)
    return replace(clip, id=path_of(clip) + part_of_id(start, end), start=start, end=end)


def _sample(clip: Clip, stored: _Stored, encoding: Encoding, name: str) -> Sample:
    path = str(clip.files[0])
    digest = digest_of(clip)
    if isinstance(digest, Unreadable):
        return Sample(path=path, refused=digest.error)
    if found := stored.find(digest):
        # The person's own row, or one that has a name, or else that of this very file.
        own = min(
            found,
            key=lambda row: (
                not is_of(row, name),
                row.speaker is None,
                row.clip != clip.id,
            ),
        )
        return Sample(path=path, row=own)
    try:
        extracted = encoding.extractor()(clip.video, clip.audio, clip.image, clip.start, clip.end)
    except MediaError as error:
        return Sample(path=path, refused=str(error).removeprefix(f"{clip.files[0].name}: "))
    if clip.end is not None and extracted.seconds is not None:
        length = clip.end - (clip.start or 0.0)
        if extracted.seconds < length - 1.0:
            return Sample(
                path=path,
                refused=f"it ends before --to {clip.end:g} s: {extracted.seconds:.1f} s of the part are there",
            )
    row = finished_row(Job(clip, digest), row_of(clip, extracted), encoding.fingerprint.to_json())
    return Sample(path=path, row=row, note=_MAY_BE_TWO if extracted.voice.perhaps else None)
