"""Compose videos of which is known who speaks when, who is seen, and which face speaks.

    python benchmarks/compose.py VIDEOS OUT [--kind mixed] [--seed 0] [--seconds 50] [--repeat 1]

VIDEOS holds clips `<speaker>/<language>/<recording>/<clip>.mp4` of people who are seen and speak. OUT gets
`<kind>-<seed>.mp4`, its truth as `.json` and `.rttm`, and `clips.json` with what was found in the clips: their
speech by silero, their faces by MTCNN. A clip is used once at most, for enrolment or for the video.

Kinds, each of which but `mixed` has one kind of shot after the other:
- turns: people in turn, one to three clips each, with cuts;
- sides: two people side by side; one is heard, the other moves the lips without a sound;
- still: the same, but the other one is a still picture;
- outside: a voice with a moving pattern, or with somebody else who is seen and not heard;
- overlap: two people side by side, the second is heard too for the last second and a half;
- mixed: all of these, music alone and under speech, a silence, and a line of text over people.

The people and their order are drawn by the seed. Some are strangers, whom nobody enrols. Further options put
sound and picture out of step (positive: the sound comes late), let the sound begin late, or leave out pictures
at random, so that the picture's rate varies. `--all` composes the videos of the table in docs/timeline.md.

    python benchmarks/compose.py VIDEOS OUT --all
    python -m mraf.cli sample PEOPLE --speakers 20 && python benchmarks/compose.py PEOPLE OUT --crowd
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from timelines.clips import Looker, Take, clips_of, sound
from timelines.film import painted, repeat, write
from timelines.shots import LEFT, RIGHT, Pane, Shot, Voice, sound_of, truth_of
from timelines.truth import Truth

KINDS = ("turns", "sides", "still", "outside", "overlap", "mixed")
ROUND = (
    "turns",
    "sides",
    "stranger",
    "outside",
    "turns",
    "music",
    "still",
    "stranger",
    "overlap",
    "listener",
    "silence",
    "turns",
    "under music",
    "line",
)
"""Kinds of shots of a mixed video, in an order that the seed draws; then once more."""
ALL = {
    "mixed-0": [],
    "mixed-1": ["--seed", "1"],
    "turns-0": ["--kind", "turns"],
    "sides-0": ["--kind", "sides"],
    "still-0": ["--kind", "still"],
    "outside-0": ["--kind", "outside"],
    "overlap-0": ["--kind", "overlap"],
    "out-of-step-2": ["--seed", "2", "--step", "0.2"],
    "out-of-step-3": ["--seed", "3", "--step", "-0.2"],
    "late-sound-4": ["--kind", "turns", "--seed", "4", "--late", "1.5"],
    "variable-rate-5": ["--kind", "turns", "--seed", "5", "--vfr"],
}
"""Videos of the table, and their options."""
CROWD = ["--kind", "turns", "--known", "14", "--strangers", "6", "--enrol", "2", "--seconds", "200"]
"""Options of the video with twenty people."""
OVERLAP = 1.5
"""Seconds for which two are heard at once."""


class Cast:
    """The people of a video, and their clips that nobody has used yet."""

    def __init__(
        self, videos: Path, looker: Looker, seed: int, *, known: int, strangers: int, enrol: int
    ) -> None:
        self._looker = looker
        self._rng = np.random.default_rng([seed, 1])
        clips = dict(clips_of(videos))
        enough = [name for name in clips if len(clips[name]) >= enrol + 3]
        drawn = list(self._rng.permutation(enough))[:known]
        others = [name for name in self._rng.permutation(list(clips)) if name not in drawn]
        self.known, self.strangers = [str(x) for x in drawn], [str(x) for x in others[:strangers]]
        self._left = {
            name: [clips[name][i] for i in self._rng.permutation(len(clips[name]))]
            for name in [*self.known, *self.strangers]
        }
        self.enrolled = {
            name: tuple(str(self._left[name].pop()) for _ in range(enrol)) for name in self.known
        }

    def take(self, *, stranger: bool = False, but: str | None = None) -> Take | None:
        """Return a clip with a face and speech of somebody; None where all are used."""
        names = self.strangers if stranger else self.known
        for name in self._rng.permutation(names):
            take = self.of(str(name)) if name != but else None
            if take:
                return take
        return None

    def of(self, name: str) -> Take | None:
        """Return a clip of a person that was not used yet; None where there is none."""
        while self._left[name]:
            take = self._looker.look(self._left[name].pop(), name)
            if (
                sum(stop - start for start, stop in take.speech) >= 1
                and np.isfinite(take.boxes).all(axis=1).mean() > 0.5
            ):
                return take
        return None


def shots_of(kind: str, cast: Cast, seconds: float, seed: int) -> list[Shot]:
    """Return the shots of a video of some kind, until it is long enough or no clip is left."""
    shots: list[Shot] = []
    last: str | None = None
    failed = 0
    for each in _kinds(kind, seed):
        made = _shots(each, cast, np.random.default_rng([seed, 2, len(shots)]), last)
        shots += made
        speakers = [voice.take.speaker for shot in made for voice in shot.voices]
        last = speakers[-1] if speakers else last
        failed = 0 if speakers else failed + 1
        if failed > len(ROUND) or sum(shot.seconds for shot in shots) >= seconds:
            break
    return shots


def _kinds(kind: str, seed: int) -> Iterator[str]:
    rng = np.random.default_rng([seed, 4])
    while True:
        if kind == "mixed":
            yield from (ROUND[i] for i in rng.permutation(len(ROUND)))
        elif kind == "outside":
            yield from ("turns", "outside", "turns", "listener")
        elif kind in ("sides", "still", "overlap"):
            yield from ("turns", kind, kind)
        else:
            yield from ("turns", "turns", "stranger")


def _shots(kind: str, cast: Cast, rng: np.random.Generator, last: str | None) -> list[Shot]:
    """Return a shot of a kind, or more; none where clips are lacking."""
    if kind == "music":
        return [Shot(kind=kind, seconds=3.0, music=0.3)]
    if kind == "silence":
        return [Shot(kind=kind, seconds=2.0)]
    one = cast.take(stranger=kind == "stranger" and bool(cast.strangers), but=last)
    if one is None:
        return []
    voice = Voice(take=one, gain=float(rng.uniform(0.7, 1.2)))
    if kind == "outside":
        return [Shot(kind=kind, seconds=one.seconds, voices=(voice,))]
    if kind in ("sides", "still", "overlap", "listener"):
        return _with_other(kind, cast, rng, voice)
    return _alone(kind, cast, rng, voice)


def _with_other(kind: str, cast: Cast, rng: np.random.Generator, voice: Voice) -> list[Shot]:
    """Return a shot in which somebody else is seen beside the one who is heard, or in his place."""
    other = cast.take(stranger=rng.random() < 0.3 and bool(cast.strangers), but=voice.take.speaker)
    if other is None:
        return []
    seconds = min(voice.take.seconds, other.seconds)
    if kind == "listener":
        return [Shot(kind=kind, seconds=seconds, panes=(Pane(take=other),), voices=(voice,))]
    cells = (LEFT, RIGHT) if rng.random() < 0.5 else (RIGHT, LEFT)
    panes = (
        Pane(take=voice.take, cell=cells[0]),
        Pane(take=other, cell=cells[1], still=kind == "still"),
    )
    also = (Voice(take=other, since=seconds - OVERLAP),) if kind == "overlap" else ()
    return [Shot(kind=kind, seconds=seconds, panes=panes, voices=(voice, *also))]


def _alone(kind: str, cast: Cast, rng: np.random.Generator, voice: Voice) -> list[Shot]:
    """Return shots of one person, one to three of them."""
    shots = []
    take: Take | None = voice.take
    for _ in range(1 + (kind == "turns") * int(rng.integers(0, 2))):
        if take is None:
            break
        shots.append(
            Shot(
                kind=kind,
                seconds=take.seconds,
                panes=(Pane(take=take),),
                voices=(Voice(take=take, gain=voice.gain),),
                music=0.03 if kind == "under music" else 0.0,
                line=kind == "line",
            )
        )
        take = cast.of(take.speaker)
    return shots


def compose(videos: Path, out: Path, options: argparse.Namespace) -> tuple[Path, Truth]:
    """Write a video and its truth; return both."""
    out.mkdir(parents=True, exist_ok=True)
    seed = options.seed
    cast = Cast(
        videos,
        Looker(out / "clips.json"),
        seed,
        known=options.known,
        strangers=options.strangers,
        enrol=options.enrol,
    )
    shots = shots_of(options.kind, cast, options.seconds, seed)
    if not shots:
        raise SystemExit("There are too few clips of people who are seen and speak.")
    paths = {str(voice.take.path) for shot in shots for voice in shot.voices}
    wave = sound_of(shots, {path: sound(Path(path)) for path in paths}, seed, options.step)
    truth = truth_of(
        shots,
        enrol=cast.enrolled,
        strangers=tuple(cast.strangers),
        step=options.step,
        late=options.late,
    )
    path = out / f"{options.name or f'{options.kind}-{seed}'}.mp4"
    variable = seed if options.vfr else None
    write(path, painted(shots, seed), wave, late=options.late, variable=variable)
    if options.repeat > 1:
        once = path.rename(path.with_suffix(".once.mp4"))
        repeat(once, path, options.repeat, truth.duration)
        once.unlink()
        truth = truth.repeated(options.repeat)
    truth.write(path)
    return path, truth


def parser() -> argparse.ArgumentParser:
    """Return the options of a composed video."""
    found = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found.add_argument("videos", type=Path)
    found.add_argument("out", type=Path)
    found.add_argument("--kind", choices=KINDS, default="mixed")
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--seconds", type=float, default=50.0, help="least length, clips permitting")
    found.add_argument("--known", type=int, default=4, help="people to enrol")
    found.add_argument("--strangers", type=int, default=2)
    found.add_argument("--enrol", type=int, default=2, help="clips to enrol each from")
    found.add_argument("--step", type=float, default=0.0, help="s by which the sound comes late")
    found.add_argument("--late", type=float, default=0.0, help="s at which the sound begins")
    found.add_argument("--vfr", action="store_true", help="let the rate of the picture vary")
    found.add_argument("--repeat", type=int, default=1, help="show all of it so many times")
    found.add_argument("--name", help="of the file, without its ending")
    found.add_argument("--all", action="store_true", help="the videos of the table")
    found.add_argument("--crowd", action="store_true", help="twenty people")
    return found


def main() -> None:
    """Compose one video, or those of the table."""
    options = parser().parse_args()
    folders = [str(options.videos), str(options.out)]
    sets = ALL if options.all else {"twenty-people-0": CROWD} if options.crowd else {}
    if not sets:
        told(*compose(options.videos, options.out, options))
    for name, each in sets.items():
        own = parser().parse_args([*folders, "--name", name, *each])
        told(*compose(own.videos, own.out, own))


def told(path: Path, truth: Truth) -> None:
    """Print what a video holds."""
    print(f"{path}: {truth.duration:.1f} s, {len(truth.said)} stretches of speech", flush=True)
    for scene in truth.scenes[:40]:
        heard = {each.speaker for each in truth.said if scene.start <= each.start < scene.stop}
        print(f"  {scene.start:7.1f} {scene.stop:7.1f}  {scene.kind:12} {', '.join(sorted(heard))}")


if __name__ == "__main__":
    main()
