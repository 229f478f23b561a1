"""The decision whether the person of a clip is enrolled."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mraf.recognition.likeness import OFF, Likeness, for_number, log_odds, lowered
from mraf.recognition.priors import prior_of
from mraf.recognition.signals import SIGNALS, Scores, compare, signals


class Recogniser(nn.Module):
    """The probability that a clip's person is enrolled, and the threshold below which nobody is named.

    A logistic function of `mraf.recognition.signals`, one each for both modalities, voice alone and
    face alone, for clips of which half are of enrolled people. It is fitted after training, to clips of
    enrolled people and of strangers. Beside it a least likeness is asked (`mraf.recognition.likeness`).
    """

    weight: Tensor
    bias: Tensor
    threshold: Tensor
    level: Tensor
    recordings: Tensor
    trained: Tensor
    odds: Tensor
    least: Tensor
    fitted: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(3, len(SIGNALS)))
        self.register_buffer("bias", torch.zeros(3))
        self.register_buffer("threshold", torch.zeros(3))  # of the probability, 0 to 1
        self.register_buffer("level", prior_of(centred=False).level)  # of `signals`
        self.register_buffer("recordings", torch.zeros(classes))  # [C], in the gallery
        self.register_buffer("trained", torch.zeros(classes, dtype=torch.bool))  # [C]
        # Of the likeness that is asked: see `mraf.recognition.likeness`.
        self.register_buffer("odds", torch.zeros(7))
        self.register_buffer("least", torch.full((2, 3), OFF))
        self.register_buffer("fitted", torch.tensor(False))

    @property
    def newcomers(self) -> Tensor:
        """The number of people who came after training."""
        return (~self.trained & (self.recordings > 0)).sum()

    @torch.no_grad()
    def ask(self, likeness: Likeness, false_names: float) -> None:
        """Ask for a likeness to the person named beside the decision."""
        self.odds.copy_(likeness.odds)
        self.least.copy_(likeness.least(false_names))

    def forward(self, output: Scores) -> tuple[Tensor, Tensor]:
        """Return the probability [B] that the person is enrolled, and the threshold [B].

        Both are NaN where nothing was compared, and before the recogniser is fitted. They are float64:
        in single precision all sure clips would have the probability 1, and could not be ranked.
        """
        compared = compare(output)
        column = compared.column
        found = signals(compared.scores, column, self.level)
        logit = (found * self.weight[column]).sum(dim=-1) + self.bias[column]
        threshold = self.threshold[column].double()
        least = self.least[(~self.trained[compared.named]).long(), column]
        least = least + (~self.trained[compared.named]) * for_number(self.newcomers)
        room = log_odds(compared.scores, column, self.odds) - least
        logit = lowered(logit.double(), threshold.logit(), room.double())
        nothing = ~(output.face_used | output.voice_used) | ~self.fitted
        known = logit.sigmoid().masked_fill(nothing, torch.nan)
        return known, threshold.masked_fill(nothing, torch.nan)
