"""The extractor: reads the files of clips and embeds their faces and voices."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np

from mraf.errors import MediaError, UsageError
from mraf.extractors import compat, encoders
from mraf.extractors.face.detect import FaceFinder
from mraf.extractors.face.embed import FaceResult, embed_faces
from mraf.extractors.media.isolated import Decoder
from mraf.extractors.media.read import SAMPLE_RATE, Media, Part, Wish
from mraf.extractors.processor import choose_precision
from mraf.extractors.second_looks import with_face, with_speech
from mraf.extractors.turns.segmentation import Segmentation
from mraf.extractors.turns.voices import voices_of, voices_of_sides
from mraf.extractors.voice.embed import MIN_SECONDS, VoiceResult, embed_voices
from mraf.extractors.voice.vad import Speech, SpeechFinder
from mraf.extractors.weights import Weights
from mraf.fingerprint import Fingerprint
from mraf.languages import canonical

RULES = 5
"""Version of the extraction: raise it whenever the same clip and encoders give other vectors."""

CLIPPED = 0.01
"""Share of clipped samples from which a note says so."""
AMPLIFIED = 10.0
"""Gain of quiet sound from which a note says so, 20 dB."""


@dataclass(frozen=True, kw_only=True)
class ExtractOptions:
    """Options that change a clip's vectors."""

    frames: int = 8  # looked at in each clip, spread over it
    max_seconds: float = 120.0  # of a longer clip only the beginning is read
    # Of files with several: the track to read, counted from 1, or a language; None: the best.
    audio_track: str | None = None
    video_track: int | None = None

    def __post_init__(self) -> None:
        track = self.audio_track
        if track is not None and (not track.strip() or (track.isdecimal() and int(track) < 1)):
            raise UsageError(f"--audio-track {track!r}: give a number from 1, or a language.")
        if self.video_track is not None and self.video_track < 1:
            raise UsageError(f"--video-track {self.video_track}: give a number from 1.")

    def fingerprint(self, pair: encoders.EncoderPair) -> Fingerprint:
        """Return the fingerprint of the features that `pair` makes with these options."""
        return replace(
            pair.fingerprint,
            frames=self.frames,
            seconds=float(self.max_seconds),
            rules=RULES,
            audio_track=self.audio_track and canonical(self.audio_track.strip()),
            video_track=self.video_track,
        )

    @property
    def wish(self) -> Wish:
        """The tracks to read."""
        track = self.audio_track
        sound = int(track) if track is not None and track.isdecimal() else track
        return Wish(sound=sound, picture=self.video_track)


class Files(NamedTuple):
    """The files of a clip: a video, or a sound file and a picture, one of which may be None."""

    video: Path | None = None
    audio: Path | None = None
    image: Path | None = None
    start: float | None = None  # seconds from the beginning of the file; None: from there on
    end: float | None = None  # None: to its end

    @property
    def part(self) -> Part:
        """The part of the video or of the sound."""
        return Part(start=self.start, end=self.end)


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """The face and the voice of a clip, and notes on its files."""

    face: FaceResult
    voice: VoiceResult
    notes: tuple[str, ...] = ()  # for people, as which of several sound tracks was read
    seconds: float | None = None  # length of the clip, None where it is not known
    seconds_read: float | None = None  # of a long clip's beginning; None where all was read


class ClipExtractor:
    """Holds the detectors and encoders; call it with one clip after another, or use `many`.

    Args:
        pair: the encoders.
        options: frames a clip and the like.
        device: "cpu", or a device of torch.
        threads: of each network, on a CPU.
        decoders: clips that are read at the same time, each in a child process of its own.
        precision: of the encoders' arithmetic on a CPU, one of `mraf.extractors.processor.PRECISIONS`.
        segmentation: its weights, to hear changes of speaker, and two at once; see `voices_of`.

    Raises UsageError where the processor cannot compute in that precision, and the errors of
    `mraf.extractors.encoders.build`.
    """

    def __init__(
        self,
        pair: encoders.EncoderPair,
        options: ExtractOptions = ExtractOptions(),
        device: str = "cpu",
        threads: int = 1,
        decoders: int = 1,
        precision: str = "auto",
        segmentation: Weights | None = None,
    ) -> None:
        self.options, self.pair = options, pair
        precision = choose_precision(precision) if device == "cpu" else "single"
        # First, so that the child processes start while the networks load.
        self._decoders = [
            Decoder(frames=options.frames, max_seconds=options.max_seconds) for _ in range(decoders)
        ]
        self._faces = FaceFinder(device, threads)
        self._speech = [SpeechFinder() for _ in range(decoders)]  # each has a state of its own
        self._face = encoders.build(pair.face, device, threads, precision)
        self._voice = encoders.build(pair.voice, device, threads, precision)
        self._segmentation = (
            None if segmentation is None else Segmentation(segmentation, device, threads)
        )
        self._free: SimpleQueue[tuple[Decoder, SpeechFinder]] = SimpleQueue()
        for each in zip(self._decoders, self._speech, strict=True):
            self._free.put(each)
        self._threads = ThreadPoolExecutor(decoders) if decoders > 1 else None

    def __call__(
        self,
        video: Path | None = None,
        audio: Path | None = None,
        image: Path | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> Extracted:
        """Return the face and the voice of a video, or of a sound file and a picture. Raises MediaError.

        `start` and `end` are those of `Files`.
        """
        (result,) = self.many([Files(video, audio, image, start, end)])
        if isinstance(result, MediaError):
            raise result
        return result

    def many(self, clips: Sequence[Files]) -> list[Extracted | MediaError]:
        """Return the face and the voice of each clip, or the reason why it cannot be read.

        The networks see the faces of all clips together, and speech of equal length too, which is
        meant for GPUs. All clips are in memory at once.
        """
        with compat.torch_threads(1):
            read = list((self._threads.map if self._threads else map)(self._read, clips))
            good = [each for each in read if not isinstance(each, MediaError)]
            files = [
                clip
                for clip, each in zip(clips, read, strict=True)
                if not isinstance(each, MediaError)
            ]
            pictures = [(media.frames, media.frames_reason) for media, _ in good]
            sounds = [(speech, media.wave_reason) for media, speech in good]
            faces = embed_faces(pictures, self._faces, self._face)
            voices = embed_voices(sounds, self._voice)
            voices = [self._several(*each) for each in zip(voices, good, strict=True)]
            seen = map(self._look_again, files, faces, [media for media, _ in good])
            results = map(_explained, seen, voices, good)
            return [each if isinstance(each, MediaError) else next(results) for each in read]

    def whole(
        self, audio: Path | None = None, image: Path | None = None
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return the vectors `[Df]` of a whole picture and `[Dv]` of a whole sound.

        Neither a face nor speech is looked for. None stands for a file that cannot be read, and for
        sound of less than a second. Raises MediaError where neither can be read.
        """
        media = self._decoders[0].read(None, audio, image)
        face = voice = None
        with compat.torch_threads(1):
            if media.frames is not None:
                height, width = media.frames.shape[1:3]
                face = self._face.embed(media.frames[:1], np.array([[0, 0, width, height]]))[0]
            if media.wave is not None and len(media.wave) >= MIN_SECONDS * SAMPLE_RATE:
                voice = self._voice.embed([media.wave])[0]
        return face, voice

    def close(self) -> None:
        """End the child processes that decode; a later call starts others."""
        for decoder in self._decoders:
            decoder.close()

    def _several(self, voice: VoiceResult, heard: tuple[Media, Speech | None]) -> VoiceResult:
        """Add the voices of a clip in which several are heard."""
        media, speech = heard
        if voice.vector is None or speech is None:
            return voice
        voices, overlap, perhaps = voices_of(speech.wave, self._voice, self._segmentation)
        if media.sides is not None:
            sides = [self._speech[0].find(side).wave for side in media.sides]
            voices = voices_of_sides(sides, self._voice) or voices
        return replace(voice, voices=voices, overlap=overlap, perhaps=perhaps)

    def _read(self, clip: Files) -> tuple[Media, Speech | None] | MediaError:
        decoder, finder = self._free.get()  # no other thread uses them meanwhile
        wish = self.options.wish
        try:
            media = decoder.read(clip.video, clip.audio, clip.image, part=clip.part, wish=wish)
            return with_speech(
                media,
                finder.find,
                lambda part, wish: decoder.read(clip.video, clip.audio, part=part, wish=wish),
                clip.part,
                wish,
            )
        except MediaError as error:
            return error
        finally:
            self._free.put((decoder, finder))

    def _look_again(
        self, clip: Files, face: FaceResult, media: Media
    ) -> tuple[FaceResult, tuple[str, ...]]:
        """Return the face of a clip and its notes; where none was found, of other pictures in its file."""
        if face.vector is not None or clip.video is None:
            return face, media.notes
        decoder, finder = self._free.get()
        try:
            return with_face(
                face,
                media,
                lambda each: embed_faces(
                    [(each.frames, each.frames_reason)], self._faces, self._face
                )[0],
                lambda part, wish: decoder.read(clip.video, part=part, wish=wish),
                clip.part,
                self.options.wish,
            )
        except MediaError:  # the drive may have gone; what was found stands
            return face, media.notes
        finally:
            self._free.put((decoder, finder))


def _explained(
    seen: tuple[FaceResult, tuple[str, ...]],
    voice: VoiceResult,
    heard: tuple[Media, Speech | None],
) -> Extracted:
    (face, notes), (media, speech) = seen, heard
    if media.problem and face.reason == "decode_error":
        face = replace(face, problem=media.problem)
    elif media.problem and voice.reason == "decode_error":
        voice = replace(voice, problem=media.problem)
    return Extracted(
        face=face,
        voice=voice,
        notes=(*notes, *_on_the_sound(media, speech)),
        seconds=media.seconds,
        seconds_read=media.seconds_read,
    )


def _on_the_sound(media: Media, speech: Speech | None) -> list[str]:
    notes = []
    if media.clipped >= CLIPPED:
        notes.append(f"the sound is cut off where it is loud ({media.clipped:.0%} of it)")
    if speech is not None and speech.gain >= AMPLIFIED:
        decibel = 20 * np.log10(speech.gain)
        notes.append(f"the sound is very quiet: it was made louder by {decibel:.0f} dB")
    return notes
