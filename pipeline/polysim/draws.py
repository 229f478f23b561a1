"""Draws of known people and strangers among the speakers of the challenge's training features."""

from dataclasses import dataclass, replace

import numpy as np

from mraf.errors import UsageError
from mraf.pipeline.fingerprints import dims_of, fingerprint_of
from mraf.pipeline.training.split import match_languages, recordings_of, to_features, trainable
from mraf.pipeline.workspace import Workspace
from mraf.types import Features


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One draw: the clips that train, and those to name by language: of known people, of strangers."""

    train: Features
    classes: int
    tests: dict[str, tuple[Features, Features]]
    encoders: tuple[str | None, str | None]  # names, of faces and voices


@dataclass(frozen=True, kw_only=True)
class Clips:
    """The labelled clips of the people who speak the training language."""

    features: Features  # [N]
    speaker: np.ndarray  # [N], names
    language: np.ndarray  # [N]
    recording: np.ndarray  # [N], names
    training: np.ndarray  # [N] bool, in the training language
    people: np.ndarray  # [P], the names of all people, in order
    encoders: tuple[str | None, str | None]

    @classmethod
    def of(cls, workspace: Workspace, language: str) -> "Clips":
        """Return those of a workspace. Raises MissingError, and UsageError for an unknown language."""
        labels = workspace.table.labels()
        wanted = list(match_languages(labels, [language]) or ())
        rows = np.flatnonzero(trainable(labels))
        names = recordings_of(labels)
        known = [names[i] or ("", "", "") for i in rows]
        speaker, spoken, recording = np.array(known, object).reshape(-1, 3).T.astype(str)
        people = np.unique(speaker[np.isin(spoken, wanted)])
        kept = np.isin(speaker, people)
        fingerprint = fingerprint_of(labels)
        dims = dims_of(fingerprint)
        return cls(
            features=to_features(labels, people.tolist(), dims, rows[kept]),
            speaker=speaker[kept],
            language=spoken[kept],
            recording=recording[kept],
            training=np.isin(spoken[kept], wanted),
            people=people,
            encoders=(fingerprint.face, fingerprint.voice),
        )

    def check(self, strangers: int) -> None:
        """Raise UsageError for a number of strangers that leaves too few people, or none."""
        most = len(self.people) - 2
        if not 1 <= strangers <= most:
            raise UsageError(
                f"There are {len(self.people)} people: from 1 to {most} of them can be strangers, not "
                f"{strangers}, so that two or more are known."
                if most >= 1
                else f"There are {len(self.people)} people, and strangers besides known people need three."
            )

    def draw(self, strangers: int, seed: int) -> Draw:
        """Draw the strangers, and one recording of each known person who has several."""
        random = np.random.default_rng(seed)
        order = random.permutation(self.people)
        known = np.sort(order[: len(order) - strangers])
        held, train = np.zeros((2, len(self.speaker)), bool)
        for person in known:
            own = np.flatnonzero(self.training & (self.speaker == person))
            recordings = np.unique(self.recording[own])
            out = self.recording[own] == (random.choice(recordings) if len(recordings) > 1 else "")
            held[own[out]], train[own[~out]] = True, True
        is_known = np.isin(self.speaker, known)
        label = np.where(is_known, np.searchsorted(known, self.speaker), -1)
        features = replace(self.features, label=label.astype(np.int64))
        tests = {}
        for name in sorted(set(self.language)):
            there = self.language == name
            own = there & is_known & (held | ~self.training)
            tests[str(name)] = features.take(own), features.take(there & ~is_known)
        return Draw(
            train=features.take(train), classes=len(known), tests=tests, encoders=self.encoders
        )
