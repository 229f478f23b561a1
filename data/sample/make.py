"""Short talking videos of people who do not exist, to try everything out on.

A person is a set of numbers: a drawn face (`mraf.data.sample.painting.look`) and a voice of
espeak-ng (`mraf.data.sample.voice`). Each recording has a room, light, camera and
microphone of its own, so that knowing somebody again in another recording
means something. Some clips hide the face, some have no sound.
"""

import csv
import signal
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mraf.data.sample.sentences import SENTENCES
from mraf.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mraf.data.sample.voice import Voice

Face = Literal["seen", "hand", "turned_away", "dark", "out_of_frame"]
Sound = Literal["speech", "none"]

HIDDEN: tuple[Face, ...] = ("hand", "turned_away", "dark", "out_of_frame")
FACELESS_IN, SILENT_IN = 10, 26  # one clip in so many
SHORTEST, LONGEST = 3.0, 4.0  # s, of a clip
BEFORE, AFTER = 0.2, 0.3  # s of quiet at either end


@dataclass(frozen=True)
class SampleOptions:
    """How many videos of whom; the same options give the same pictures and sounds."""

    speakers: int = 12
    seed: int = 0
    languages: tuple[str, ...] = ("English", "Urdu")
    recordings: tuple[int, ...] = (3, 2)  # for each language
    clips: int = 3  # in each recording
    width: int = 480  # pixels, even
    height: int = 360
    workers: int = 2  # processes


@dataclass(frozen=True)
class SampleClip:
    """One video: where it is below the sample's folder, and what is in it."""

    path: str  # <speaker>/<language>/<recording>/<clip>.mp4
    speaker: str
    language: str
    recording: str
    text: str
    face: Face
    sound: Sound


@dataclass(frozen=True)
class _Take:
    """One clip to make: its place in the plan and what hides in it."""

    speaker: int
    language: str
    recording: int
    clip: int
    face: Face = "seen"
    sound: Literal["speech", "muted", "no_stream"] = "speech"

    @property
    def path(self) -> str:
        return f"{self.speaker_name}/{self.language}/{self.recording_name}/{self.clip + 1:02d}.mp4"

    @property
    def speaker_name(self) -> str:
        return f"person{self.speaker + 1:02d}"

    @property
    def recording_name(self) -> str:
        return f"rec{self.recording + 1}"


def make_sample(
    folder: Path,
    options: SampleOptions = SampleOptions(),
    progress: Callable[[int, int], None] | None = None,
) -> list[SampleClip]:
    """Write the videos and `sample.csv` (a row for each) into the folder and list them.

    `progress` is called with (clips done, clips in all). Files that are there
    already are replaced, each only when its successor is whole. Raises
    UsageError for options out of range or a folder that is a file.
    """
    _check(options)
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder to write the sample videos into")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made ({error}); name another folder") from error
    recordings = _plan(options)
    total = sum(len(takes) for takes in recordings)
    clips: list[SampleClip] = []
    for made in _run(folder, options, recordings):
        clips += made
        if progress is not None:
            progress(len(clips), total)
    clips.sort(key=lambda clip: clip.path)
    _write_table(folder / "sample.csv", clips)
    return clips


def _check(options: SampleOptions) -> None:
    limits = {
        "speakers": (2, 999),
        "seed": (0, 2**31 - 1),
        "clips": (1, 99),
        "width": (160, 1920),
        "height": (120, 1080),
        "workers": (1, 64),
    }
    for name, (low, high) in limits.items():
        value = getattr(options, name)
        if not low <= value <= high:
            raise UsageError(f"{name} is {value}; choose a number from {low} to {high}")
    if options.width % 2 or options.height % 2:
        raise UsageError(f"the size is {options.width}x{options.height}; both must be even")
    known = ", ".join(SENTENCES)
    if not options.languages or len(set(options.languages)) != len(options.languages):
        raise UsageError(f"languages are {options.languages}; name each once, from {known}")
    for language in options.languages:
        if language not in SENTENCES:
            raise UsageError(f"there are no sentences in {language!r}; choose from {known}")
    if len(options.recordings) != len(options.languages):
        raise UsageError(
            f"recordings has {len(options.recordings)} numbers for "
            f"{len(options.languages)} languages; give one for each language"
        )
    if not all(1 <= count <= 99 for count in options.recordings):
        raise UsageError(f"recordings is {options.recordings}; choose numbers from 1 to 99")


def _plan(options: SampleOptions) -> list[list[_Take]]:
    """Return the clips of each recording, with those marked that lack a face or a sound."""
    recordings = []
    for language, count in zip(options.languages, options.recordings, strict=True):
        slots = options.speakers * count * options.clips
        faces = _marked(options.seed, f"face {language}", FACELESS_IN, slots)
        sounds = _marked(options.seed, f"sound {language}", SILENT_IN, slots)
        takes: list[_Take] = []
        for slot in range(slots):
            recording, clip = divmod(slot, options.clips)
            speaker, recording = divmod(recording, count)
            takes.append(_Take(speaker, language, recording, clip))
        if options.clips > 1:  # a recording never loses all of its faces or sounds
            takes = _hide(takes, faces, sounds)
        size = options.clips
        recordings += [takes[i : i + size] for i in range(0, slots, size)]
    return recordings


def _marked(seed: int, what: str, one_in: int, slots: int) -> list[int]:
    """Return one place in every `one_in`, at least four apart; more slots change none before."""
    import numpy as np

    places = []
    for lap in range(0, slots, one_in):
        rng = np.random.default_rng([seed, zlib.crc32(what.encode()), lap])
        places.append(lap + int(rng.integers(one_in - 4)))
    return [place for place in places if place < slots]


def _hide(takes: list[_Take], faces: list[int], sounds: list[int]) -> list[_Take]:
    from dataclasses import replace

    for turn, place in enumerate(faces):
        shift = zlib.crc32(takes[0].language.encode())  # languages start with different kinds
        takes[place] = replace(takes[place], face=HIDDEN[(turn + shift) % len(HIDDEN)])
    for turn, place in enumerate(sounds):
        # Never both in one clip; the next one has its face, as hidden ones lie apart.
        place += place in faces
        if place < len(takes):
            takes[place] = replace(takes[place], sound=("no_stream", "muted")[turn % 2])
    return takes


def _run(
    folder: Path, options: SampleOptions, recordings: list[list[_Take]]
) -> Iterator[list[SampleClip]]:
    workers = min(options.workers, len(recordings))
    if workers == 1:
        yield from (_make_recording(folder, options, takes) for takes in recordings)
        return
    import multiprocessing

    # Spawned, not forked: espeak-ng and OpenCV keep state and threads of their own.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_ignore_interrupt) as pool:
        jobs = [pool.submit(_make_recording, folder, options, takes) for takes in recordings]
        try:
            for job in as_completed(jobs):
                yield job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _ignore_interrupt() -> None:
    # Ctrl-C is for the main process, which lets the recordings in hand be finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make_recording(folder: Path, options: SampleOptions, takes: list[_Take]) -> list[SampleClip]:
    """Make all clips of one recording: they share clothes, room, light and microphone."""
    import cv2
    import numpy as np

    from mraf.data.sample.film import FPS, write_film
    from mraf.data.sample.painting.body import sample_clothes
    from mraf.data.sample.painting.look import is_female, sample_look
    from mraf.data.sample.painting.puppet import Puppet, sample_motion
    from mraf.data.sample.painting.room import sample_scene
    from mraf.data.sample.voice import SAMPLE_RATE, envelope, record, sample_room, sample_voice

    cv2.setNumThreads(1)
    first = takes[0]
    rng = _rng(options.seed, first, None)
    scene, clothes, room = sample_scene(rng), sample_clothes(rng), sample_room(rng)
    look = sample_look(options.seed, first.speaker)
    voice = sample_voice(options.seed, first.speaker, is_female(options.seed, first.speaker))
    puppets: dict[str, Puppet] = {}
    made = []
    for take in takes:
        rng = _rng(options.seed, take, take.clip)
        text, dry = _speak(take.language, voice, rng)
        count = int(np.clip(round(len(dry) / SAMPLE_RATE * FPS), SHORTEST * FPS, LONGEST * FPS))
        motion = sample_motion(envelope(dry, count, FPS), FPS, rng)
        dry = np.pad(dry, (0, max(0, count * SAMPLE_RATE // FPS - len(dry))))
        wave: npt.NDArray[np.float32] | None = record(dry, room, rng)[: count * SAMPLE_RATE // FPS]
        if take.sound == "no_stream":
            wave = None
        elif take.sound == "muted":
            wave = np.zeros_like(wave)
        if take.face not in puppets:
            size = (options.width, options.height)
            puppets[take.face] = Puppet(look, clothes, scene, size, take.face)
        path = folder / take.path
        path.parent.mkdir(parents=True, exist_ok=True)
        write_film(path, puppets[take.face].frames(motion, rng), wave, SAMPLE_RATE)
        made.append(_describe(take, text))
    return made


def _rng(seed: int, take: _Take, clip: int | None) -> "np.random.Generator":
    """Return the randomness of a clip or, without one, of its recording."""
    import numpy as np

    language = zlib.crc32(take.language.encode())
    key = [seed, 11, take.speaker, language, take.recording]
    return np.random.default_rng(key if clip is None else [*key, 1, clip])


def _speak(
    language: str, voice: "Voice", rng: "np.random.Generator"
) -> tuple[str, "npt.NDArray[np.float32]"]:
    """Return a sentence that fits into a clip, and its sound with quiet around it."""
    import numpy as np

    from mraf.data.sample.voice import SAMPLE_RATE, speak

    longest = int((LONGEST - BEFORE - AFTER) * SAMPLE_RATE)
    for index in rng.permutation(len(SENTENCES[language])):
        text = SENTENCES[language][index]
        wave = speak(text, language, voice)
        if len(wave) <= longest:
            break
    quiet = (int(BEFORE * SAMPLE_RATE), int(AFTER * SAMPLE_RATE))
    return text, np.pad(wave[:longest], quiet)


def _describe(take: _Take, text: str) -> SampleClip:
    return SampleClip(
        path=take.path,
        speaker=take.speaker_name,
        language=take.language,
        recording=take.recording_name,
        text=text,
        face=take.face,
        sound="speech" if take.sound == "speech" else "none",
    )


def _write_table(path: Path, clips: list[SampleClip]) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(SampleClip)])
            writer.writeheader()
            writer.writerows(asdict(clip) for clip in clips)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
