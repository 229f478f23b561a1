"""Extraction: from clips to rows of the feature table.

Clips are looked for in a thread, and worked on as they are found. An engine hashes each of them and
embeds those whose content the table lacks; and an `ExtractionRun`, alone, writes the rows.
"""

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypedDict

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.data.clips.folders import Search
from mraf.data.clips.labels.understood import Understood, understand
from mraf.data.clips.manifest import read_manifest
from mraf.device import choose_device
from mraf.errors import UsageError
from mraf.extractors.encoders import TABLES, EncoderPair, choose, gone
from mraf.extractors.extractor import ExtractOptions
from mraf.extractors.processor import refuse_or_remark
from mraf.extractors.weights import Progress
from mraf.pipeline.extraction.local import local_engine
from mraf.pipeline.extraction.reuse import KnownClips
from mraf.pipeline.extraction.rows import Result
from mraf.pipeline.extraction.run import ExtractionRun, ExtractProgress, ExtractReport
from mraf.pipeline.extraction.stream import ClipStream
from mraf.pipeline.extraction.turns.choosing import choose_turns
from mraf.pipeline.extraction.turns.options import TurnOptions
from mraf.pipeline.fingerprints import fingerprints_in, mixing
from mraf.pipeline.workspace import Workspace
from mraf.recognition.pairs import Pairs

LISTING_SECONDS = 5.0
"""Time to find all clips before the first is embedded: faults of their names are found before work then."""


class Engine(Protocol):
    """A map from clips to rows of the table, in any order."""

    def __call__(
        self,
        clips: ClipStream,
        *,
        encoders: EncoderPair,
        options: ExtractOptions,
        known: np.ndarray,
        turns: TurnOptions | None = None,
    ) -> Generator[Result, None, None]:
        """Yield the result of each clip, without rows where its digest is `known`.

        `known` holds digests `[M]` of 16 bytes, sorted; `turns` says which files are cut into turns. Closing
        the generator ends the workers.
        """


class Weights(TypedDict):
    """Where the weights of networks come from, as all that choose networks are told."""

    weights_dir: Path | None
    offline: bool
    progress: Progress | None


def extract(
    paths: Iterable[Path | str] | Path | str = (),
    *,
    workspace: Workspace | Path | str | None = None,
    manifest: Path | str | None = None,
    root: Path | str | None = None,
    face: str = "auto",
    voice: str = "auto",
    layout: str | None = None,
    exclude: Sequence[str] = (),
    frames: int = 8,
    audio_track: str | None = None,
    video_track: int | None = None,
    turns: bool | None = None,
    workers: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    engine: Engine | None = None,
    weights_dir: Path | str | None = None,
    offline: bool = False,
    on_understood: Callable[[Understood], None] | None = None,
    on_progress: Callable[[ExtractProgress], None] | None = None,
    on_download: Progress | None = None,
    on_note: Callable[[str], None] | None = None,
) -> ExtractReport:
    """Embed the face and the voice of every clip into the workspace's feature table.

    Folders name the speakers: `<speaker>/<language>/<recording>/<clip>.mp4`, or fewer levels, or as
    `layout` says (see `preview`). A second run re-uses the rows that are there and current. See `extract_clips` for what makes a row current.

    Args:
        paths: one or several files and folders; or none, with a manifest.
        workspace: a folder, by default `./mraf-workspace`.
        manifest: a CSV file of clips, in place of `paths`.
        root: folder where the manifest's paths start, by default the manifest's.
        face: "facenet", "dlib", or "auto": that of the table, else facenet where its weights are.
        voice: "ecapa", "campplus", or "auto" likewise.
        layout: what the paths below a named folder name, as in "{speaker}/{recording}/{clip}" (see
            `mraf.data.clips.labels.pattern`); by default inferred from all of them.
        exclude: patterns of names and paths that are left out, folders whole.
        frames: to look at in each clip.
        audio_track: number (from 1) or language of the sound track to read; by default the best.
        video_track: number (from 1) of the picture to read; by default the best.
        turns: True cuts every file into turns of one speaker, a row each with its start and end; False
            none, and of a long one only the first two minutes are read. By default those of over two
            minutes are cut.
        workers: processes, by default one a core, or two where they share a GPU; 0 works in this
            process.
        device: "auto", "cpu" or "cuda".
        precision: "auto", "single" or "bfloat16" of the encoders' arithmetic on a CPU; auto is
            bfloat16 where the processor has matrix units for it (AMX).
        engine: does the work in place of processes on this machine, see `extract_clips`.
        weights_dir: a folder that may hold the encoders' published weights.
        offline: never use the network.
        on_understood: called once, before the first clip is embedded, with what has been understood of the
            labels until then.
        on_progress: called after each clip, and now and then while clips are found.
        on_download: called with name, bytes that are there and bytes in all while weights are fetched.
        on_note: called with a line for people, such as which encoders stand in for others.

    Raises:
        UsageError: a path or the manifest cannot be used, or the table cannot take these features.
            What is found later than a few seconds after the start may end a run that has begun.
        MissingError: weights that the encoders need are not there.
    """
    source = _Source(paths, manifest=manifest, root=root, layout=layout, exclude=exclude)
    # Before anything is fetched; with an engine, other machines may do the work.
    slow = refuse_or_remark(precision, choose_device(device)) if engine is None else None
    folder = Path(weights_dir) if weights_dir else None
    weights = Weights(weights_dir=folder, offline=offline, progress=on_download)
    names: dict[str, str] = {}
    with closing(ClipStream(_renamed(source.clips(on_note), workspace, names))) as found:
        _wait_for_some(found, on_progress)
        if on_understood:
            on_understood(source.understood(all_found=found.is_complete))
        encoders = choose_encoders(workspace, face=face, voice=voice, **weights)
        _tell(on_note, encoders.note, slow)
        report = extract_clips(
            found,
            workspace=workspace,
            encoders=encoders,
            options=ExtractOptions(frames=frames, audio_track=audio_track, video_track=video_track),
            worker_count=workers,
            device=device,
            precision=precision,
            on_progress=on_progress,
            engine=engine,
            turns=choose_turns(turns, workspace=Workspace.at(workspace).root, **weights),
        )
    return source.added_to(report, names)


def preview(
    paths: Iterable[Path | str] | Path | str = (),
    *,
    manifest: Path | str | None = None,
    root: Path | str | None = None,
    layout: str | None = None,
    exclude: Sequence[str] = (),
    on_note: Callable[[str], None] | None = None,
) -> Understood:
    """Return what `extract` understands of the labels of clips, without embedding any.

    The arguments are those of `extract`. Raises UsageError as it does for them.
    """
    source = _Source(paths, manifest=manifest, root=root, layout=layout, exclude=exclude)
    for _ in source.clips(on_note):
        pass
    return source.understood(look=True)


class _Source:
    """The clips that the arguments of `extract` name, and what is understood of their labels."""

    def __init__(
        self,
        paths: Iterable[Path | str] | Path | str,
        *,
        manifest: Path | str | None,
        root: Path | str | None,
        layout: str | None,
        exclude: Sequence[str],
    ) -> None:
        named = [Path(each) for each in ([paths] if isinstance(paths, Path | str) else paths)]
        if bool(named) == bool(manifest):
            raise UsageError("Name videos or folders of them, or a --manifest (one of the two).")
        if root and not manifest:
            raise UsageError(
                "--root belongs to --manifest: it is where the manifest's paths start."
            )
        if manifest and (layout is not None or exclude):
            option = "--exclude" if exclude else "--layout"
            raise UsageError(
                f"{option} is for folders: a --manifest names clips and labels itself."
            )
        self._manifest, self._root = manifest and Path(manifest), root and Path(root)
        self._search = Search(named, layout=layout, exclude=exclude)
        self._listed: list[Clip] = []

    def clips(self, on_note: Callable[[str], None] | None = None) -> Sequence[Clip] | Search:
        """Return the clips. Raises UsageError for a manifest that cannot be used."""
        if not self._manifest:
            return self._search
        self._listed = read_manifest(self._manifest, root=self._root or None, on_note=on_note)
        return self._listed

    def understood(self, *, all_found: bool = True, look: bool = False) -> Understood:
        """Return what has been understood of the labels so far.

        With `look`, whether a manifest's files are there too.
        """
        if self._manifest:
            return understand(self._listed, look=look).summary()
        return self._search.understood(all_found=all_found)

    def added_to(self, report: ExtractReport, renamed: dict[str, str]) -> ExtractReport:
        """Return a report with what has been understood, and the names that speakers were given."""
        understood = self.understood()
        return replace(
            report,
            warnings=(*understood.warnings, *report.warnings),
            other_files=understood.other_files,
            set_aside=understood.set_aside,
            unreadable_folders=understood.unreadable_folders,
            renamed_speakers=renamed,
        )


def _wait_for_some(
    found: ClipStream, on_progress: Callable[[ExtractProgress], None] | None
) -> None:
    """Wait some seconds for all clips to be found, or longer for the first of them."""
    if on_progress:
        found.on_found = lambda: on_progress(_looking(found))
    found.wait(LISTING_SECONDS)
    # The layout of a large tree takes longer to infer.
    while not (found.count or found.is_complete):
        found.wait(1.0)


def _tell(on_note: Callable[[str], None] | None, *notes: str | None) -> None:
    for note in filter(None, notes):
        if on_note:
            on_note(note)


def extract_clips(
    clips: Sequence[Clip] | ClipStream,
    *,
    encoders: EncoderPair,
    workspace: Workspace | Path | str | None = None,
    options: ExtractOptions = ExtractOptions(),
    worker_count: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    on_progress: Callable[[ExtractProgress], None] | None = None,
    engine: Engine | None = None,
    turns: TurnOptions | None = None,
) -> ExtractReport:
    """Embed clips as `extract` does, with encoders that are chosen already (`choose_encoders`).

    A `ClipStream` has the names that `mraf rename` gave to speakers already.

    A row is made anew when the content of its files, the encoders or the options change, not when
    a name or a date does. A clip that cannot be read becomes a row with the reason, and the run goes
    on. However the run ends, the rows of the clips that it embedded stay. `worker_count`,
    `device` and `precision` apply where there is no `engine`. `turns` says which files are cut into turns
    (`choose_turns`); without it every file stays one row.
    """
    started = time.monotonic()
    other_names: dict[str, str] = {}
    if not isinstance(clips, ClipStream):
        clips = ClipStream(_renamed(clips, workspace, other_names))
    engine = engine or local_engine(device, worker_count, precision)
    fingerprint = options.fingerprint(encoders)
    table = Workspace.at(workspace).table
    with table.writer() as writer:
        known = KnownClips(table, fingerprint, turns)
        known.refuse_mixing()
        run = ExtractionRun(clips, writer=writer, known=known, on_progress=on_progress)
        clips.on_found, clips.on_told = run.found, run.told
        clips.put_first(known.may_have_namesake)  # so that the run ends early where there is one
        # Closed at once when something is raised, so that no worker outlives the run.
        results = engine(
            clips, encoders=encoders, options=options, known=known.digests(), turns=turns
        )
        with closing(results):
            try:
                for each in results:
                    run.take(each)
            except UsageError as error:
                raise run.stopped_by(error) from None
        run.finish()
        if turns is not None:
            run.agree(table, Pairs.of(fingerprint.face, fingerprint.voice))
    report = run.report(fingerprint.encoders, time.monotonic() - started)
    return replace(report, renamed_speakers=other_names)


def _renamed(
    clips: Iterable[Clip], workspace: Workspace | Path | str | None, told: dict[str, str]
) -> Iterable[Clip]:
    """Return clips under the names that `mraf rename` gave to their speakers; `told` gets these."""
    renamed = Workspace.at(workspace).renames.applied(clips, told)
    return list(renamed) if isinstance(clips, Sequence) else renamed


def _looking(clips: ClipStream) -> ExtractProgress:
    return ExtractProgress(clips=clips.count, all_found=clips.is_complete)


def choose_encoders(
    workspace: Workspace | Path | str | None = None,
    *,
    face: str = "auto",
    voice: str = "auto",
    weights_dir: Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> EncoderPair:
    """Choose encoders by `mraf.extractors.encoders.choose`; "auto" keeps to those of the workspace."""
    table = Workspace.at(workspace).table
    known = next(iter(fingerprints_in(table)), None)
    if known is not None:  # a conflict is found before weights are fetched
        if known.polysim or gone(known):
            raise mixing(table.folder, known, "other features")
        for modality, name, used in (("face", face, known.face), ("voice", voice, known.voice)):
            if name in TABLES[modality] and name != used:
                raise mixing(table.folder, known, f"{modality}={name}")
    return choose(
        face,
        voice,
        known=known,
        weights_dir=weights_dir,
        offline=offline,
        progress=progress,
    )
