"""From a file to its turns: observed in one pass, its voices told apart, its faces joined to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from mraf.data.clips.clip import Clip
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.extractor import ExtractOptions
from mraf.extractors.weights import Weights, read_state
from mraf.pipeline.extraction.turns.cutting import Underway
from mraf.pipeline.extraction.turns.evidence import turns_of_file
from mraf.pipeline.extraction.turns.features import FileTurns
from mraf.pipeline.extraction.turns.options import Told, TurnOptions, TurnsOf
from mraf.pipeline.extraction.turns.telling import tell
from mraf.pipeline.timeline.observation.networks import Networks
from mraf.pipeline.timeline.observation.observe import observe
from mraf.pipeline.timeline.observation.observers import Observers
from mraf.pipeline.timeline.observation.progress import Progress
from mraf.pipeline.timeline.people.assemble import assembled
from mraf.recognition.pairs import Pairs

PATIENCE = 24 * 3600.0
"""Seconds to wait for another worker that observes a file of the same content."""


def set_up(
    encoders: EncoderPair,
    options: ExtractOptions,
    turns: TurnOptions,
    device: str,
    precision: str,
) -> TurnsOf:
    """Return the function that finds the turns of a clip; it loads the networks when it needs them."""
    networks = Networks(
        pair=encoders,
        segmentation=_weights(turns, "segmentation"),
        lr_asd=_weights(turns, "lr_asd") if "lr_asd" in turns.networks else None,
        device=device,
        precision=precision,
    )
    return _Finder(networks, options, turns.workspace)


class _Finder:
    """Finds the turns of one clip after another."""

    def __init__(self, networks: Networks, options: ExtractOptions, workspace: Path | None) -> None:
        self._networks, self._options, self._workspace = networks, options, workspace
        self._pairs = Pairs.of(networks.pair.face.name, networks.pair.voice.name)
        self._observers: Observers | None = None
        self._scorer = networks.scorer()

    def __call__(self, clip: Clip, digest: str, told: Told) -> FileTurns:
        """Return the turns of a clip. Raises MediaError where it cannot be read."""
        path = clip.files[0]
        with _place(self._workspace) as workspace:
            found = observe(
                path,
                workspace=workspace,
                observers=self._loaded,
                made_by=self._networks.made_by,
                wish=self._options.wish,
                on_progress=partial(_tell, clip.id, told),
                patience=PATIENCE,
                on_wait=lambda line: tell(
                    Underway(clip=clip.id, done=0.0, seconds=None, waiting=line)
                ),
            )
            of_file = assembled(
                path,
                found,
                model=None,
                scorer=self._scorer,
                pairs=self._pairs,
                voice=self._networks.pair.voice.name,
                duration=found.duration,
                notes=(*found.notes, *found.problems),
            )
            return turns_of_file(of_file, found, self._pairs)

    def _loaded(self) -> Observers:
        if self._observers is None:
            self._observers = self._networks.observers()
        return self._observers


def _tell(clip_id: str, told: Told, progress: Progress) -> None:
    """Tell how far a file is, or that its decoder gives nothing for long."""
    if progress.is_waiting:
        done, seconds = progress.done, progress.duration
        tell(Underway(clip=clip_id, done=done, seconds=seconds, waiting="waits for the decoder"))
    else:
        told(progress.done, progress.duration)


@contextmanager
def _place(workspace: Path | None) -> Iterator[Path]:
    """Give a folder for the parts of a file; without a workspace one that is removed at the end."""
    if workspace is not None:
        yield workspace
        return
    with TemporaryDirectory(prefix="mraf-") as folder:
        yield Path(folder)


def _weights(turns: TurnOptions, name: str) -> Weights:
    path, sha256 = turns.networks[name], turns.sums[name]
    return Weights(sha256=sha256, load=partial(read_state, path, sha256, name))
