"""Strangers named where few people trained and others came later: what the least likeness is worth.

    python benchmarks/newcomers.py WORKSPACE [--draws 4] [--trained 5 50] [--begun 5 50]

WORKSPACE holds the features of POLY-SIM v1. Of its 70 people some train on English, ten of the other
twenty are enrolled from two clips of two videos, and ten are strangers. The table says, by what was asked
of the encoders' own vectors (`mraf.recognition.likeness`): the share of strangers' clips that is named, of
all and as a newcomer, and the shares of the newcomers' and of the trained people's other clips that are
named right. `--begun` has models that begin with so many enrolments, and all twenty others as strangers: what is
asked of plain vectors is their whole decision. Clips of trained people in English have trained; those in Urdu have not.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from common import head, machine, row

from mraf.fit import fit
from mraf.inference.prediction import predict
from mraf.pipeline.workspace import Workspace
from mraf.prototypes.enrolment import blank, enrolled
from mraf.prototypes.model import PrototypeModel
from mraf.recognition.likeness import OFF
from mraf.types import Features

MODALITIES = {
    "face + voice": lambda clips: clips,
    "voice": Features.without_face,
    "face": Features.without_voice,
}
STRANGERS = 20
"""People who do not train; half of them are enrolled."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--trained", type=int, nargs="*", default=[5, 50])
    parser.add_argument("--begun", type=int, nargs="*", default=[])
    arguments = parser.parse_args()
    print(machine())
    clips = Clips(arguments.workspace)
    print(
        head(
            "trained", "language", "modality", "asked", "strangers named", "as newcomers",
            "newcomers right", "trained right",
        )
    )  # fmt: skip
    runs = [(number, None) for number in arguments.trained]
    for trained, begun in [*runs, *((0, number) for number in arguments.begun)]:
        found = defaultdict(list)
        for seed in range(arguments.draws):
            for key, shares in clips.draw(seed, trained, begun):
                found[key].append(shares)
        for key, shares in found.items():
            print(
                row(
                    f"0, {begun} enrolled" if begun else trained,
                    *key,
                    *("-" if np.isnan(s) else f"{100 * s:.1f} %" for s in np.mean(shares, axis=0)),
                )
            )


class Clips:
    """The training clips of POLY-SIM v1."""

    def __init__(self, workspace: Path) -> None:
        rows = Workspace.at(workspace).table.arrays()
        kept = np.array([clip.startswith("polysim/v1/train") for clip in rows.clip])
        self.face, self.voice = rows.face[kept], rows.voice[kept]
        self.speaker = np.array(rows.speaker, str)[kept]
        self.language = np.array(rows.language, str)[kept]
        names = np.char.add(self.speaker, np.array(rows.recording, str)[kept])
        self.recording = np.unique(names, return_inverse=True)[1].astype(np.int64)

    def features(self, index: np.ndarray, people: list[str]) -> Features:
        """Return clips with the labels of `people`, -1 for others."""
        place = {name: k for k, name in enumerate(people)}
        return Features(
            face=self.face[index],
            face_present=np.ones(len(index), bool),
            voice=self.voice[index],
            voice_present=np.ones(len(index), bool),
            label=np.array([place.get(name, -1) for name in self.speaker[index]], np.int64),
            recording=self.recording[index],
        )

    def draw(self, seed: int, trained: int, begun: int | None = None):
        """Yield language, modality and what was asked, with the four shares, of one draw of people."""
        random = np.random.default_rng(seed)
        order = random.permutation(np.unique(self.speaker))
        known, others = np.sort(order[:trained]), order[-STRANGERS:]
        newcomers, strangers = others[: STRANGERS // 2], others[STRANGERS // 2 :]
        if begun:
            newcomers, strangers = order[:begun], others
        english = self.language == "English"
        train = self.features(np.flatnonzero(english & np.isin(self.speaker, known)), list(known))
        if begun:
            dims = self.face.shape[1], self.voice.shape[1]
            model = blank(*dims, face="facenet", voice="ecapa")
        else:
            model = fit(train, trained, encoders=("facenet", "ecapa")).model
        people, used = list(known), []
        for name in newcomers:
            own = np.flatnonzero(english & (self.speaker == name))
            videos = random.permutation(np.unique(self.recording[own]))[:2]
            chosen = [random.choice(own[self.recording[own] == video]) for video in videos]
            model = enrolled(model, self.features(np.array(chosen), [name]), None if people else 0)
            people.append(name)
            used += chosen
        for asked in ("likeness",) if begun else ("nothing", "likeness"):
            if asked == "nothing":
                least = model.recogniser.least.clone()
                model.recogniser.least.fill_(OFF)
            elif not begun:
                model.recogniser.least.copy_(least)
            for language in ("English", "Urdu"):
                spoken = self.language == language
                spoken[used] = False
                for name, shown in MODALITIES.items():
                    yield (
                        (language, name, asked),
                        [
                            *self._named(model, strangers, people, spoken, shown, trained),
                            *(
                                self._right(model, who, people, spoken, shown)
                                for who in (newcomers, known)
                            ),
                        ],
                    )

    def _named(self, model: PrototypeModel, who, people, spoken, shown, trained):
        clips = self.features(np.flatnonzero(spoken & np.isin(self.speaker, who)), people)
        answer = predict(model, shown(clips))
        late = answer.probability.argmax(axis=1) >= trained
        return answer.is_known.mean(), (answer.is_known & late).mean()

    def _right(self, model: PrototypeModel, who, people, spoken, shown):
        clips = self.features(np.flatnonzero(spoken & np.isin(self.speaker, who)), people)
        if not len(clips):
            return np.nan
        answer = predict(model, shown(clips))
        return (answer.is_known & (answer.probability.argmax(axis=1) == clips.label)).mean()


if __name__ == "__main__":
    main()
