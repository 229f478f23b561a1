"""From the files of one clip to its face and its voice."""

from dataclasses import dataclass
from pathlib import Path

from extractors import compat, encoders
from extractors.decoder import Decoder
from extractors.face import FaceFinder
from extractors.media import Media
from extractors.person import FaceResult, embed_face
from extractors.voice import SpeechFinder, VoiceResult, embed_voice

RULES = 3
"""Raised whenever the same clip and encoders would give other vectors than before."""


@dataclass(frozen=True)
class ExtractOptions:
    """What decides, beside the encoders, which vectors a clip gets."""

    frames: int = 8  # looked at in each clip, spread over it
    max_seconds: float = 120.0  # of a longer clip only the beginning is read

    @property
    def identity(self) -> str:
        """The options as they stand in the feature table."""
        return f"frames={self.frames} seconds={self.max_seconds:g} rules={RULES}"


class ClipExtractor:
    """Holds the detectors and encoders; call it for one clip after the other."""

    def __init__(
        self,
        pair: encoders.EncoderPair,
        options: ExtractOptions = ExtractOptions(),
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        self.options = options
        # First, so that its child process starts while the networks load.
        self._decoder = Decoder(options.frames, options.max_seconds)
        self._faces, self._speech = FaceFinder(device, threads), SpeechFinder()
        self._face = encoders.build(pair.face, device, threads)
        self._voice = encoders.build(pair.voice, device, threads)

    def __call__(
        self, video: Path | None = None, audio: Path | None = None, image: Path | None = None
    ) -> tuple[FaceResult, VoiceResult]:
        """Face and voice of a video, or of a sound file and a picture. Raises MediaError."""
        media = self.read(video, audio, image)
        with compat.torch_threads(1):
            return (
                embed_face(media.frames, media.frames_reason, self._faces, self._face),
                embed_voice(media.wave, media.wave_reason, self._speech, self._voice),
            )

    def read(self, video: Path | None, audio: Path | None, image: Path | None) -> Media:
        """Decode a clip, in a child process. Raises MediaError where nothing can be decoded."""
        return self._decoder.read(video, audio, image)

    def close(self) -> None:
        """End the child process that decodes; a later call starts another one."""
        self._decoder.close()
