"""Short talking videos of people who do not exist, to try everything out on.

A person is a set of numbers: a drawn face (`mraf.data.sample.painting.look`) and a voice of espeak-ng
(`mraf.data.sample.voice`). Each recording has its own room, light, camera and microphone, so that it
takes more than these to recognise a person in another recording. Some clips hide the face, some have
no sound (`mraf.data.sample.plan`).
"""

import csv
import multiprocessing
import signal
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from mraf.data.sample.acoustics import draw_acoustics, record
from mraf.data.sample.film import FPS, write_film
from mraf.data.sample.painting.clothes import draw_clothes
from mraf.data.sample.painting.look import draw_look, is_female
from mraf.data.sample.painting.puppet import Puppet, draw_motion
from mraf.data.sample.painting.room import draw_scene
from mraf.data.sample.plan import Face, SampleOptions, Take, check_options, plan_takes
from mraf.data.sample.sentences import SENTENCES
from mraf.data.sample.voice import SAMPLE_RATE, Voice, draw_voice, envelope, speak
from mraf.errors import UsageError

SHORTEST, LONGEST = 3.0, 4.0  # s, of a clip
BEFORE, AFTER = 0.2, 0.3  # s of silence at either end


@dataclass(frozen=True, kw_only=True)
class DemoClip:
    """One video: its path below the folder of the sample, its labels and its content."""

    path: str  # <speaker>/<language>/<recording>/<clip>.mp4
    speaker: str
    language: str
    recording: str
    text: str
    face: Face
    sound: Literal["speech", "none"]


def make_sample(
    folder: Path,
    options: SampleOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[DemoClip]:
    """Write the videos, and `sample.csv` with a row for each, into the folder; return the rows.

    `progress` is called with (clips done, clips in all). An existing file is replaced once its
    successor is complete.

    Raises UsageError for options out of range, or a folder that is a file or cannot be made.
    """
    options = options or SampleOptions()
    check_options(options)
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder to write the sample videos into")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made ({error}); name another folder") from error
    recordings = plan_takes(options)
    total = sum(len(takes) for takes in recordings)
    clips: list[DemoClip] = []
    for made in _run(folder, options, recordings):
        clips += made
        if progress is not None:
            progress(len(clips), total)
    clips.sort(key=lambda clip: clip.path)
    _write_table(folder / "sample.csv", clips)
    return clips


def _run(
    folder: Path, options: SampleOptions, recordings: list[list[Take]]
) -> Iterator[list[DemoClip]]:
    workers = min(options.workers, len(recordings))
    if workers == 1:
        yield from (_make_recording(folder, options, takes) for takes in recordings)
        return
    # Spawned, not forked: espeak-ng keeps global state, and OpenCV its threads.
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
    # The main process alone handles Ctrl-C; recordings in progress are finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make_recording(folder: Path, options: SampleOptions, takes: list[Take]) -> list[DemoClip]:
    """Make all clips of one recording, which share clothes, room, light and microphone."""
    cv2.setNumThreads(1)
    first = takes[0]
    rng = _rng(options.seed, first, None)
    scene, clothes, acoustics = draw_scene(rng), draw_clothes(rng), draw_acoustics(rng)
    look = draw_look(options.seed, first.speaker)
    voice = draw_voice(options.seed, first.speaker, is_female(options.seed, first.speaker))
    puppets: dict[str, Puppet] = {}
    made = []
    for take in takes:
        rng = _rng(options.seed, take, take.clip)
        text, dry = say_something(take.language, voice, rng)
        count = int(np.clip(round(len(dry) / SAMPLE_RATE * FPS), SHORTEST * FPS, LONGEST * FPS))
        motion = draw_motion(envelope(dry, count, FPS), FPS, rng)
        dry = np.pad(dry, (0, max(0, count * SAMPLE_RATE // FPS - len(dry))))
        wave: npt.NDArray[np.float32] | None = record(dry, acoustics, rng)[
            : count * SAMPLE_RATE // FPS
        ]
        if take.sound == "no_stream":
            wave = None
        elif take.sound == "muted":
            wave = np.zeros_like(wave)
        if take.face not in puppets:
            size = (options.width, options.height)
            puppets[take.face] = Puppet(
                look=look, clothes=clothes, scene=scene, size=size, face=take.face
            )
        path = folder / take.path
        path.parent.mkdir(parents=True, exist_ok=True)
        write_film(path, puppets[take.face].frames(motion, rng), wave, SAMPLE_RATE)
        made.append(
            DemoClip(
                path=take.path,
                speaker=take.speaker_name,
                language=take.language,
                recording=take.recording_name,
                text=text,
                face=take.face,
                sound="speech" if take.sound == "speech" else "none",
            )
        )
    return made


def _rng(seed: int, take: Take, clip: int | None) -> np.random.Generator:
    """Return the random generator of a clip, or of its recording where `clip` is None."""
    language = zlib.crc32(take.language.encode())
    key = [seed, 11, take.speaker, language, take.recording]
    return np.random.default_rng(key if clip is None else [*key, 1, clip])


def say_something(
    language: str, voice: Voice, rng: np.random.Generator
) -> tuple[str, npt.NDArray[np.float32]]:
    """Return a sentence that fits into a clip, and its sound [N] with silence around it."""
    longest = int((LONGEST - BEFORE - AFTER) * SAMPLE_RATE)
    for index in rng.permutation(len(SENTENCES[language])):
        text = SENTENCES[language][index]
        wave = speak(text, language, voice)
        if len(wave) <= longest:
            break
    silence = (int(BEFORE * SAMPLE_RATE), int(AFTER * SAMPLE_RATE))
    return text, np.pad(wave[:longest], silence)


def _write_table(path: Path, clips: list[DemoClip]) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(DemoClip)])
            writer.writeheader()
            writer.writerows(asdict(clip) for clip in clips)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
