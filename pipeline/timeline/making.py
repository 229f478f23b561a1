"""Timelines of files, by the networks and the model of a workspace."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mraf.device import choose_device
from mraf.errors import MediaError, MissingError, UsageError
from mraf.extractors import weights
from mraf.extractors.encoders import EncoderPair, choose
from mraf.extractors.extractor import ExtractOptions
from mraf.extractors.processor import refuse_or_remark
from mraf.fingerprint import Fingerprint
from mraf.pipeline.answers.loading import options_of
from mraf.pipeline.extraction.extract import choose_encoders
from mraf.pipeline.extraction.hashing import Unreadable, digest_of
from mraf.pipeline.extraction.processes import available_cores
from mraf.pipeline.fingerprints import encoders_of
from mraf.pipeline.inputs import clip_of
from mraf.pipeline.timeline.corrections.enrolling import Source
from mraf.pipeline.timeline.observation.networks import Networks
from mraf.pipeline.timeline.observation.observers import Observers
from mraf.pipeline.timeline.people.assembled import Assembled
from mraf.pipeline.timeline.people.naming import NamingModel
from mraf.pipeline.timeline.progress import Told
from mraf.pipeline.timeline.timeline import Streams, Timeline
from mraf.pipeline.timeline.wishes import Wishes
from mraf.pipeline.workspace import Workspace
from mraf.recognition.pairs import Pairs

if TYPE_CHECKING:
    from mraf.extractors.speaking.lr_asd import Scorer

NO_MODEL = (
    "There is no model in the workspace {root}, so everybody is `unknown 1`, `unknown 2`, ...: `mraf enrol NAME CLIP` gives "
    'one, or `mraf timeline FILE --rename "unknown 1=NAME" --enrol NAME` from a timeline.'
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Made:
    """A timeline as it was found in a file, before corrections."""

    timeline: Timeline
    reused: float = 0.0  # seconds of the file that an earlier run had read
    assembled: Assembled | None = None  # the same with the vectors of people and turns


class FileMaker:
    """Makes one timeline after another; its networks are loaded when the first file needs them.

    The arguments and errors are those of `mraf.timeline`.
    """

    def __init__(
        self,
        workspace: Workspace,
        wishes: Wishes,
        *,
        audio_track: str | None = None,
        video_track: int | None = None,
        face: str = "auto",
        voice: str = "auto",
        encoders: EncoderPair | None = None,
        weights_dir: Path | str | None = None,
        offline: bool = False,
        device: str = "auto",
        precision: str = "auto",
        on_download: weights.Progress | None = None,
    ) -> None:
        self._workspace, self._wishes = workspace, wishes
        self._options = ExtractOptions(audio_track=audio_track, video_track=video_track)
        self._device = choose_device(device)
        self._precision = precision
        slow = refuse_or_remark(precision, self._device)
        folder = Path(weights_dir) if weights_dir else None
        self._trained = _trained(workspace, wishes.model)
        self.pair = encoders or self._pair(face, voice, folder, offline, on_download)
        self._model = NamingModel.of(
            workspace,
            self.pair,
            model=wishes.model,
            threshold=wishes.threshold,
            device=self._device,
        )
        self._pairs = Pairs.of(self.pair.face.name, self.pair.voice.name)
        file = weights.PUBLISHED["segmentation"]
        weights.get(file, weights_dir=folder, progress=on_download, offline=offline)
        found = weights.at_hand("segmentation", folder)
        if found is None:  # it was there a moment ago
            raise MissingError(weights.missing_text(file))
        self._segmentation = found
        self._lr_asd = weights.at_hand("lr_asd", folder)
        lines = (
            self.pair.note,
            slow,
            None if self._model else NO_MODEL.format(root=workspace.root),
        )
        self.notes = tuple(filter(None, lines))
        self._loaded: Observers | None = None

    def make(self, path: Path, told: Told) -> Made:
        """Return the timeline of a file. Raises MediaError where it cannot be read, and as `observe` does."""
        from mraf.pipeline.timeline.observation.observe import observe
        from mraf.pipeline.timeline.people.assemble import assembled

        observation = observe(
            path,
            workspace=self._workspace,
            observers=self._observers,
            made_by=self._networks.made_by,
            wish=self._options.wish,
            on_progress=lambda p: told(
                "waiting" if p.is_waiting else "reading", p.done, p.duration, p.reused
            ),
        )
        told("naming", observation.duration, observation.duration, observation.reused)
        notes = (*observation.notes, *observation.problems)
        found = assembled(
            path,
            observation,
            model=self._model,
            scorer=self._scorer,
            pairs=self._pairs,
            voice=self.pair.voice.name,
            speakers=self._wishes.speakers,
            least=self._wishes.least,
            most=self._wishes.most,
            duration=observation.duration,
            notes=notes,
        )
        sound, picture = observation.tracks
        wish = self._options.wish
        timeline = replace(
            found.timeline,
            content=observation.content,
            content_bytes=observation.size,
            streams=Streams(
                sound=sound,
                picture=picture,
                asked_sound=wish.sound,
                asked_picture=wish.picture,
            ),
        )
        found = replace(found, timeline=timeline)
        return Made(timeline=timeline, reused=observation.reused, assembled=found)

    def source(self, path: Path) -> Source:
        """Return what rows of a file's turns need. Raises MediaError where it cannot be read."""
        options = ExtractOptions()
        if self._trained is not None:
            name, trained = self._trained
            options, _ = options_of(trained, self.pair, name)
        own = self._options
        options = replace(options, audio_track=own.audio_track, video_track=own.video_track)
        digest = digest_of(clip_of(path))
        if isinstance(digest, Unreadable):
            raise MediaError(digest.error)
        return Source(
            path=path,
            fingerprint=options.fingerprint(self.pair).to_json(),
            digest=digest,
        )

    @cached_property
    def _networks(self) -> Networks:
        return Networks(
            pair=self.pair,
            segmentation=self._segmentation,
            lr_asd=self._lr_asd,
            device=self._device,
            threads=max(1, available_cores() // 2),  # sound and picture are looked at side by side
            precision=self._precision,
        )

    def _observers(self) -> Observers:
        """Load the networks, once."""
        if self._loaded is None:
            self._loaded = self._networks.observers()
        return self._loaded

    @cached_property
    def _scorer(self) -> "Scorer | None":
        return self._networks.scorer()

    def _pair(
        self,
        face: str,
        voice: str,
        folder: Path | None,
        offline: bool,
        progress: weights.Progress | None,
    ) -> EncoderPair:
        """Return the encoders: those of the model, else of the workspace's features, else the best at hand."""
        if self._trained is None:
            return choose_encoders(
                self._workspace,
                face=face,
                voice=voice,
                weights_dir=folder,
                offline=offline,
                progress=progress,
            )
        name, trained = self._trained
        encoders_of(trained, model=name)
        for option, wanted, used in (("face", face, trained.face), ("voice", voice, trained.voice)):
            if wanted not in ("auto", used):
                raise UsageError(
                    f"--{option} {wanted}: the model '{name}' knows people by {used}. Leave the option out, or name "
                    "another workspace (-w)."
                )
        return choose(known=trained, weights_dir=folder, offline=offline, progress=progress)


def _trained(workspace: Workspace, model: str | None) -> tuple[str, Fingerprint] | None:
    """Return the name of the model and the fingerprint of its features; None where no model is there."""
    from mraf import checkpoint

    try:
        folder = workspace.model(model)
    except MissingError:
        if model is not None:
            raise
        return None
    meta = checkpoint.describe(folder).meta
    return folder.name, Fingerprint.from_dict(meta.get("fingerprint"))
