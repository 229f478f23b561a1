"""Described scenes, as they are observed: who speaks when, who is seen when, whose lips move."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from mraf.extractors.streaming.parts import FaceTrack, Heard, Observed, Seen
from mraf.extractors.streaming.slices import LOOK, TICKS
from mraf.pipeline.timeline.linking.looks import Look, Named
from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from mraf.pipeline.timeline.people.assemble import together
from mraf.pipeline.timeline.people.assembled import Assembled
from mraf.pipeline.timeline.seen.seen import SeenFile, seen_in
from mraf.pipeline.timeline.turns.voices import Voices, VoiceTurn
from mraf.recognition.pairs import Pairs

PAIRS = Pairs.of("dlib", "campplus")
PART = 60.0
FACE_DIM, VOICE_DIM = 128, 192
PLACES = {0: (0.1, 0.2, 0.3, 0.6), 1: (0.6, 0.2, 0.8, 0.6), 2: (0.35, 0.2, 0.55, 0.6)}
"""Boxes of the first, second and third of those who are seen at once."""


def vector(
    kind: str,
    who: str,
    *,
    draw: object = None,
    noise: float | None = None,
    like: tuple[str, float] | None = None,
) -> np.ndarray:
    """A face or a voice of a person: cosines are about those of dlib and of CAM++.

    `like` is somebody else, and the mean cosine with them.
    """
    dim, common, spread = {"face": (FACE_DIM, 0.86, 0.025), "voice": (VOICE_DIM, 0.1, 0.3)}[kind]
    spread = spread if noise is None else noise
    own, theirs = 1 - common - spread, 0.0
    if like is not None:
        theirs = (like[1] - common) ** 2 / own
        own -= theirs
    parts = [(common, (kind,)), (own, (kind, who))]
    parts += [(theirs, (kind, like[0]))] if like is not None else []
    parts += [(spread, (kind, who, draw))] if draw is not None else []
    found = sum(np.sqrt(share) * _direction(dim, *key) for share, key in parts)
    return (found / np.linalg.norm(found)).astype(np.float32)


@cache
def _direction(dim: int, *key: object) -> np.ndarray:
    found = np.random.default_rng(list(map(ord, f"{key}"))).normal(size=dim)
    return found / np.linalg.norm(found)


@dataclass(frozen=True, kw_only=True)
class Said:
    """A stretch in which somebody is seen to speak, if seen; `heard` is who the voices take it for."""

    start: float
    stop: float
    who: str
    heard: str | None = None
    lips: Collection[str] = ()  # whose mouth moves with it though they say nothing


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A stretch between two cuts, and who is seen in it."""

    start: float
    stop: float
    seen: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A file."""

    said: Sequence[Said]
    shots: Sequence[Shot] = ()
    lips: bool = True  # LR-ASD is there
    drawn: Collection[str] = ()  # faces that are never seen speaking
    small: Collection[str] = ()  # faces whose lips cannot be looked at
    frozen: Sequence[tuple[float, float]] = ()  # times at which no lips move
    blank: Collection[str] = ()  # faces without a vector
    sounds_like: Mapping[str, str] = field(default_factory=dict)  # voices of the same sound
    voices_like: Mapping[str, tuple[str, float]] = field(default_factory=dict)  # and their cosine
    faces_like: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    noise: float | None = None  # of voices
    late: float = 0.0  # s by which the sound comes after the picture
    short: float = 0.0  # speech below which a turn is nobody's that can be told
    seed: int = 0

    @property
    def duration(self) -> float:
        return max(each.stop for each in (*self.said, *self.shots))

    def voices(self) -> Voices:
        """The turns that perfect ears hear, but for those of which something else is said."""
        names: list[str] = []
        turns = []
        for i, each in enumerate(self.said):
            seconds = each.stop - each.start
            heard = each.heard or each.who
            sound = vector(
                "voice",
                self.sounds_like.get(each.who, each.who),
                draw=(i, self.seed),
                noise=self.noise,
                like=self.voices_like.get(each.who),
            )
            if heard not in names and seconds >= self.short:
                names.append(heard)
            turns.append(
                VoiceTurn(
                    start=each.start + self.late,
                    stop=each.stop + self.late,
                    voice=names.index(heard) if seconds >= self.short else -1,
                    vector=sound if seconds >= 1 else None,
                    seconds=seconds,
                )
            )
        vectors = [
            np.sum(
                [t.vector * t.seconds for t in turns if t.voice == i and t.vector is not None],
                axis=0,
            )
            for i in range(len(names))
        ]
        means = np.array([v / np.linalg.norm(v) for v in vectors], np.float32)
        return Voices(
            turns=tuple(turns),
            vectors=means.reshape(len(names), VOICE_DIM),
            seconds=np.array(
                [sum(t.seconds for t in turns if t.voice == i) for i in range(len(names))]
            ),
        )

    def parts(self) -> list[Observed]:
        """The parts of the file."""
        starts = np.arange(0, self.duration, PART)
        ends = np.minimum(starts + PART, self.duration)
        return [
            self._near(s, e)._part(float(s), float(e)) for s, e in zip(starts, ends, strict=True)
        ]

    def seen(self) -> SeenFile:
        return seen_in(self.parts(), Lips() if self.lips else None, PAIRS.face, step_of)

    def assembled(
        self, enrolled: Collection[str] = (), count: SpeakerCount | None = None
    ) -> Assembled:
        """The timeline, named by a model that knows some people."""
        return together(
            "scene.mp4",
            self.voices(),
            self.seen(),
            naming=Known(enrolled) if enrolled else None,
            pairs=PAIRS,
            count=count,
            duration=self.duration,
            lips=self.lips,
        )

    def _near(self, start: float, stop: float) -> "Scene":
        """What of a long scene bears on a part of it."""
        said, shots = (
            [each for each in some if each.start < stop and each.stop > start]
            for some in (self.said, self.shots)
        )
        return replace(self, said=said, shots=shots or self.shots[:1])

    def _part(self, start: float, stop: float) -> Observed:
        tracks = []
        for shot in self.shots:
            begin, end = max(shot.start, start), min(shot.stop, stop)
            for place, who in enumerate(shot.seen):
                if end - begin >= 1 / LOOK:
                    tracks.append(self._track(begin, end, who, place))
        cuts = [s.start for s in self.shots if start <= s.start < stop and s.start > 0]
        rows = np.arange(round((stop - start) * 100))
        ticks = round(start * TICKS) + rows // 4
        mfcc = np.repeat((ticks - round(self.late * TICKS))[:, None], 13, axis=1)
        heard = Heard(
            starts=np.zeros(0),
            activity=np.zeros((0, 1, 3), np.uint8),
            vectors=np.zeros((0, 3, VOICE_DIM), np.float32),
            seconds=np.zeros((0, 3), np.float32),
            mfcc=mfcc.astype(np.float32),
        )
        seen = Seen(tracks=tuple(tracks), cuts=np.array(cuts), width=640, height=360)
        return Observed(start=start, stop=stop, heard=heard, seen=seen if self.shots else None)

    def _track(self, start: float, stop: float, who: str, place: int) -> FaceTrack:
        chance = np.random.default_rng([self.seed, place, round(start * 100)])
        times = np.arange(int(np.ceil(start * LOOK - 1e-9)), np.ceil(stop * LOOK - 1e-9)) / LOOK
        first, last = (int(np.ceil(t * TICKS - 1e-9)) for t in (start, stop))
        ticks = np.arange(first, last)
        like = self.faces_like.get(who)
        vectors = [vector("face", who, draw=(start, i), like=like) for i in range(3)]
        some = 0 if who in self.blank else 3
        return FaceTrack(
            times=times,
            boxes=np.tile(np.array(PLACES[place], np.float32), (len(times), 1))
            + chance.normal(0, 0.005, (len(times), 4)).astype(np.float32),
            probability=np.full(len(times), 0.99, np.float32),
            size=120.0,
            vectors=np.array(vectors[:some], np.float32).reshape(some, FACE_DIM),
            vector_times=np.linspace(start, stop - 0.2, 3)[:some],
            lips=self._lips(ticks, who, chance),
            first_tick=first,
            picture=f"jpeg of {who}".encode(),
        )

    def _lips(self, ticks: np.ndarray, who: str, chance: np.random.Generator) -> np.ndarray:
        """Lips that hold their score, and the tick."""
        if not self.lips:
            return np.zeros((0, 128), np.float16)
        lips = np.full((len(ticks), 128), np.nan, np.float16)
        if who in self.small:
            return lips
        times = ticks / TICKS
        score = chance.normal(-2.5, 1.0, len(ticks))
        for each in self.said:
            inside = (times >= each.start) & (times < each.stop)
            lips[inside] = 0
            moves = who == each.who and who not in self.drawn
            if (each.start, each.stop) not in self.frozen:
                score[inside] += 5.0 if moves else 3.3 if who in each.lips else 0.0
        heard = np.isfinite(lips[:, 0])
        lips[heard, 0] = score[heard]
        lips[heard, 1] = ticks[heard] % 1000
        return lips


def step_of(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """The step between sound and picture of a scene, of which lips and sound hold the ticks."""
    apart = np.concatenate([lips[:, 1] - mfcc[::4, 0] % 1000 for lips, mfcc in pairs])
    apart = (apart[np.isfinite(apart)] + 500) % 1000 - 500
    return float(np.median(apart)) / TICKS


class Lips:
    """A stand-in for LR-ASD: lips that speak do so for the sound of their own moment."""

    def score(self, lips: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
        apart = (mfcc[::4, 0] % 1000) - lips[:, 1]
        apart = np.abs((apart + 500) % 1000 - 500)
        score = np.where(apart > 2, lips[:, 0] - 2.0, lips[:, 0])
        return np.where(np.isfinite(lips[:, 0]), score, np.nan).astype(np.float32)


@dataclass(frozen=True)
class Known:
    """A stand-in for a model that knows some people by face and voice, or by one of them."""

    people: Collection[str]
    face: Collection[str] | None = None  # of whom it has a face; by default of all
    voice: Collection[str] | None = None
    doubt: float = 0.3  # probability that a voice is known which it does not recognise

    def __call__(self, looks: Sequence[Look]) -> list[Named]:
        return [self._named(look) for look in looks]

    def _named(self, look: Look) -> Named:
        face = self._best("face", look.face, 0.95, self.face)
        enough = look.voice is not None and look.seconds >= 2
        voice = self._best("voice", look.voice if enough else None, 0.6, self.voice)
        if face and voice and face[0] != voice[0]:
            note = f"face and voice disagree: {face[0]}, {voice[0]}"
            return replace(_named(voice, "voice"), notes=(note,))
        if face and voice:
            return _named(max(face, voice, key=lambda each: each[1]), "face and voice")
        if face or voice:
            found = _named(face or voice, "face" if face else "voice")
            half = any(
                some is not None and found.name not in some for some in (self.face, self.voice)
            )
            heard = (0.99 if voice else self.doubt) if enough else None
            return replace(found, voice_known=heard, half=half)
        return Named(
            known=0.01 if look.voice is None else self.doubt, asked=look.face is not None or enough
        )

    def _best(
        self, kind: str, found: np.ndarray | None, least: float, some: Collection[str] | None
    ) -> tuple[str, float] | None:
        people = self.people if some is None else some
        if found is None or not people:
            return None
        likeness = {who: float(found @ vector(kind, who)) for who in people}
        best = max(likeness, key=lambda who: likeness[who])
        return (best, likeness[best]) if likeness[best] >= least else None


def _named(found: tuple[str, float], by: str) -> Named:
    return Named(name=found[0], probability=found[1], known=0.99, by=by, asked=True)


def turns(*each: tuple[float, float, str]) -> list[Said]:
    """Return stretches of speech from start, stop and name."""
    return [Said(start=start, stop=stop, who=who) for start, stop, who in each]


def dialogue(people: Sequence[str], count: int, seconds: float = 4.0) -> list[Said]:
    """Return people who speak in turn, `count` times in all."""
    return [
        Said(start=i * seconds, stop=(i + 1) * seconds - 0.4, who=people[i % len(people)])
        for i in range(count)
    ]


def shots_of(said: Sequence[Said], seen: Mapping[str, Sequence[str]] | None = None) -> list[Shot]:
    """Return a shot for each stretch, of whoever speaks in it, or of others that are said."""
    stops = [*(each.start for each in said[1:]), said[-1].stop]
    return [
        Shot(start=each.start, stop=stop, seen=(seen or {}).get(each.who, [each.who]))
        for each, stop in zip(said, stops, strict=True)
    ]


@dataclass(frozen=True, kw_only=True)
class Right:
    """Shares of the time in which one speaks."""

    speaker: float  # the person is the same wherever they speak, and nobody else
    face: float  # the right face, or none where the speaker is not seen


def checked(scene: Scene, found: Assembled) -> Right:
    """Return how much of a timeline is right: people are those whom most of their time is of."""
    timeline, times = found.timeline, np.arange(0.05, scene.duration, 0.1)
    truth = [[each.who for each in scene.said if each.start <= t < each.stop] for t in times]
    shots = [next((s.seen for s in scene.shots if s.start <= t < s.stop), ()) for t in times]
    heard = times + scene.late
    told = [[turn for turn in timeline.turns if turn.start <= t < turn.end] for t in heard]
    common: dict[tuple[str, str], int] = {}
    for who, each in zip(truth, told, strict=True):
        for pair in ((w, turn.speaker) for w in who for turn in each):
            common[pair] = common.get(pair, 0) + 1
    mapping: dict[str, str] = {}
    for (who, name), _ in sorted(common.items(), key=lambda each: -each[1]):
        if name not in mapping and who not in mapping.values():
            mapping[name] = who
    speaker, face, number = 0, 0, 0
    for t, who, each, seen in zip(times, truth, told, shots, strict=True):
        if len(who) != 1:
            continue
        number += 1
        speaker += [mapping.get(turn.speaker) for turn in each] == who
        faces = [_seen_at(scene, timeline, turn, t) for turn in each]
        face += faces == [who[0] if who[0] in seen else None]
    return Right(speaker=speaker / max(1, number), face=face / max(1, number))


def _seen_at(scene: Scene, timeline, turn, t: float) -> str | None:
    """The true name of the face of the speaker that is shown as speaking."""
    if turn.track is None:
        return None
    for track in timeline.tracks:
        if track.speaker == turn.speaker and track.times[0] <= t < track.times[-1] + 0.2:
            shot = next(s for s in scene.shots if s.start <= t < s.stop)
            middle = np.mean([track.boxes[0][0], track.boxes[0][2]])
            place = min(range(len(shot.seen)), key=lambda p: abs(PLACES[p][0] + 0.1 - middle))
            return shot.seen[place]
    return None
