"""Fitting the decision to clips of enrolled people and of strangers, by leaving speakers out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from mraf.errors import UsageError
from mraf.inference.prediction import MODALITIES, Model
from mraf.recognition.likeness import log_odds, lowered
from mraf.recognition.priors import Prior
from mraf.recognition.rates import Decided, report
from mraf.recognition.recogniser import Recogniser
from mraf.recognition.signals import ANY, COHORT, SIGNALS, signals
from mraf.recognition.trials import Trials, groups_of, leave_out, safe_quantile, trials_of
from mraf.types import Features

FALSE_NAMES = 0.01
"""The share of strangers' clips that may be named."""

PRECISION = 0.2
"""How much the prior's weights count: 1 / variance. Loose weights follow one language's clips too far."""

PRECISION_OF_BIAS = 0.002

SPEAKERS_OF_PRIOR = 5.0
"""The number of strangers whose clips count as much for the threshold as the prior does."""

STANDARD = 1.5
"""The weight of a signal in units of its standard deviation, where scores have no scale of their own."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One of the three decisions: of both modalities, the voice alone or the face alone."""

    weight: NDArray[np.float64]  # [S]
    bias: float
    threshold: float  # a logit

    def logit(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logits [M] of signals [M, S]."""
        return x @ self.weight + self.bias


def check_false_names(share: float) -> None:
    """Raise UsageError where the share of strangers' clips that may be named is out of range."""
    if not 0 < share < 1:
        raise UsageError(
            f"The share of strangers' clips that may be named (false names) is {share:g}; it must be above "
            "0 and below 1, such as 0.01 for 1 in 100."
        )


def recognise_with(
    model: Model,
    train: Features,
    classes: int,
    *,
    fold: NDArray[np.int64],
    seed: int,
    fit: Callable[[Features], Model],
    prior: Prior,
    false_names: float = FALSE_NAMES,
) -> dict[str, Any]:
    """Fit the recogniser of a model, with a model of the rest for each group that is left out.

    Returns the measured rates, see `mraf.recognition.rates.report`.
    """
    parts = []
    for group, rest, held, stranger in leave_out(train, fold, seed):
        if not rest.any():
            continue
        part = fit(train.take(rest))
        part.temperature.value.copy_(model.temperature.value)
        enrolled = np.bincount(train.label[rest], minlength=classes) > 0
        for mask in (held, stranger):
            numbers = np.full(int(mask.sum()), group)
            found = trials_of(part, train.take(mask), group=numbers, enrolled=enrolled)
            parts += [found] if found is not None else []
    trials = Trials.joined(parts)
    return fit_recogniser(model, train, trials, prior, false_names, by="speakers left out")


class HiddenTrials:
    """Strangers made of held-out clips, by taking their speaker out of the scores.

    Their speaker has trained the model: a weaker likeness of strangers than speakers who were left out.
    """

    def __init__(self, train: Features, classes: int, seed: int) -> None:
        self.train, self.classes = train, classes
        self.group = groups_of(train, seed)
        self.parts: list[Trials] = []

    def add(self, model: Model, index: NDArray[np.int64]) -> None:
        """Add the clips at `index`, which the model did not train on."""
        clips, others = self.train.take(index), np.delete(self.train.label, index)
        enrolled = np.bincount(others, minlength=self.classes) > 0
        for hidden in (False, True):
            found = trials_of(
                model, clips, group=self.group[index], enrolled=enrolled, hidden=hidden
            )
            self.parts += [found] if found is not None else []

    def fit(self, model: Model, false_names: float) -> dict[str, Any]:
        """Fit the recogniser of the model of all clips; returns the measured rates."""
        trials = Trials.joined(self.parts)
        return fit_recogniser(
            model, self.train, trials, None, false_names, by="speakers taken out of the scores"
        )


def fit_recogniser(
    model: Model,
    train: Features,
    trials: Trials | None,
    prior: Prior | None,
    false_names: float = FALSE_NAMES,
    *,
    by: str,
) -> dict[str, Any]:
    """Fit the recogniser of a model to trials; returns the measured rates.

    Without trials the prior is all there is; without a prior too the recogniser stays unfitted. Modalities that
    lack both, where others have one, name nobody.

    Args:
        model: of which the recogniser is set.
        train: the clips that trained it.
        trials: of held-out clips.
        prior: None where the scores of the model have no known scale.
        false_names: share of strangers' clips that may be named.
        by: of what the strangers were made, for people to read.
    """
    recogniser: Recogniser = model.recogniser
    recogniser.recordings.copy_(recordings_of(train, len(recogniser.recordings)))
    recogniser.trained.copy_(recogniser.recordings > 0)
    if prior is not None:
        recogniser.ask(prior.likeness, false_names)
    level = _level(trials, prior)
    decisions, measured = [], []
    for column in range(len(MODALITIES)):
        here = trials.take(trials.column == column) if trials is not None else None
        decision = _fitted(here, column, prior, level, false_names)
        decisions.append(decision)
        if here is not None and decision is not None:
            measured.append(_cross_validated(here, column, prior, level, false_names))
        else:
            measured.append(None)
    if all(decision is None for decision in decisions):
        return {}
    known = [decision or _nobody() for decision in decisions]
    recogniser.weight.copy_(torch.from_numpy(np.stack([each.weight for each in known])))
    recogniser.bias.copy_(torch.tensor([each.bias for each in known]))
    threshold = torch.tensor([each.threshold for each in known], dtype=torch.float64)
    recogniser.threshold.copy_(threshold.sigmoid())
    recogniser.level.copy_(level)
    recogniser.fitted.fill_(True)
    return report(measured, recogniser, false_names=false_names, by=by)


def recordings_of(train: Features, classes: int) -> Tensor:
    """Return the number of recordings [C] of each speaker."""
    pairs = np.unique(np.stack([train.label, train.recording]), axis=1)
    return torch.from_numpy(np.bincount(pairs[0], minlength=classes)).float()


def _fitted(
    trials: Trials | None, column: int, prior: Prior | None, level: Tensor, false_names: float
) -> Decision | None:
    """Return the decision of one combination of modalities; None without trials and prior."""
    some = trials is not None and len(trials) > 0
    if not some:
        return None if prior is None else _prior(prior, column, false_names)
    assert trials is not None
    x = _signals(trials, level)
    start = _prior(prior, column, false_names) if prior is not None else _standard(x, trials.known)
    decision = start
    if 0 < trials.known.sum() < len(trials):
        decision = _logistic(x, trials, start, scaled=prior is not None)
    elif prior is None:
        return None
    return _with_threshold(decision, x, trials, start, prior is not None, false_names)


def _with_threshold(
    decision: Decision,
    x: NDArray[np.float64],
    trials: Trials,
    start: Decision,
    has_prior: bool,
    false_names: float,
) -> Decision:
    """Set the threshold to what strangers show, drawn to the prior's where they are few."""
    strangers = ~trials.known
    if not strangers.any():
        return decision
    speaker = trials.speaker[strangers]
    seen = safe_quantile(decision.logit(x[strangers]), speaker, false_names)
    number = len(np.unique(speaker))
    weight = SPEAKERS_OF_PRIOR if has_prior else 0.0
    # One look-alike is no evidence that strangers score low.
    low = max(seen, start.threshold) if has_prior and number <= SPEAKERS_OF_PRIOR else seen
    value = (number * low + weight * start.threshold) / (number + weight)
    return Decision(weight=decision.weight, bias=decision.bias, threshold=value)


def _logistic(x: NDArray[np.float64], trials: Trials, start: Decision, *, scaled: bool) -> Decision:
    """Return the most probable logistic function; clips count as `balanced` says.

    `scaled` says that the weights have the scale of a prior; others are held in units of their start.
    """
    w, y = balanced(trials), trials.known.astype(np.float64)
    z = np.column_stack([x, np.ones(len(x))])
    first = np.append(start.weight, start.bias)
    precision = np.append(np.full(len(start.weight), PRECISION), PRECISION_OF_BIAS)
    if not scaled:
        precision[:-1] = PRECISION / np.maximum(start.weight, 1e-9) ** 2

    def loss(v: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        t = z @ v
        p = 1 / (1 + np.exp(-np.clip(t, -500, 500)))
        off = v - first
        value = (w * (np.logaddexp(0, t) - y * t)).sum() + 0.5 * (precision * off**2).sum()
        return float(value), z.T @ (w * (p - y)) + precision * off

    v = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return Decision(weight=v[:-1], bias=float(v[-1]), threshold=start.threshold)


def balanced(trials: Trials) -> NDArray[np.float64]:
    """Return the weights [M] of trials: known people and strangers alike, as much as there are speakers.

    A speaker of many clips counts more than one of few, by the square root: clips of one go together.
    """
    weight = np.zeros(len(trials))
    speakers = len(np.unique(trials.speaker))
    for known in (False, True):
        here = trials.known == known
        if here.any():
            _, who, count = np.unique(trials.speaker[here], return_inverse=True, return_counts=True)
            each = 1 / np.sqrt(count[who])
            weight[here] = each / each.sum() * speakers
    return weight


def _cross_validated(
    trials: Trials, column: int, prior: Prior | None, level: Tensor, false_names: float
) -> Decided | None:
    """Return the answers to trials by decisions that were fitted to other groups of speakers."""
    parts = []
    x = _signals(trials, level)
    for group in np.unique(trials.group):
        here = trials.group == group
        decision = _fitted(trials.take(~here), column, prior, level, false_names)
        if decision is None:
            continue
        logit = _asked(decision, trials.take(here), x[here], prior, false_names)
        parts.append((trials.take(here), logit, logit > decision.threshold))
    if not parts:
        return None
    joined = Trials.joined([part[0] for part in parts])
    assert joined is not None
    return Decided(
        known=joined.known,
        right=joined.right,
        speaker=joined.speaker,
        logit=np.concatenate([part[1] for part in parts]),
        accepted=np.concatenate([part[2] for part in parts]),
    )


def _asked(
    decision: Decision,
    trials: Trials,
    x: NDArray[np.float64],
    prior: Prior | None,
    false_names: float,
) -> NDArray[np.float64]:
    """Return the logits [M] of a decision with the likeness that is asked beside it."""
    logit = decision.logit(x)
    if prior is None:
        return logit
    scores, column = torch.from_numpy(trials.scores), torch.from_numpy(trials.column)
    room = log_odds(scores, column, prior.likeness.odds.double())
    room = room - prior.likeness.least(false_names)[0, column]
    threshold = torch.full_like(room, decision.threshold)
    return lowered(torch.from_numpy(logit), threshold, room).numpy()


def _signals(trials: Trials, level: Tensor) -> NDArray[np.float64]:
    scores, column = torch.from_numpy(trials.scores), torch.from_numpy(trials.column)
    return signals(scores, column, level.double()).numpy()


def _level(trials: Trials | None, prior: Prior | None) -> Tensor:
    """Return the least scores [2] of a cohort that count: half a deviation under what strangers' have.

    Galleries of up to `COHORT` others show only how few they are: then the prior's.
    """
    level = prior.level.clone() if prior is not None else torch.full((2,), ANY)
    if trials is None or len(np.unique(trials.speaker)) < 2 * COHORT or prior is None:
        return level
    strangers = trials.take(~trials.known)
    for index, (column, cohort) in enumerate(((2, 1), (1, 3))):
        found = strangers.scores[strangers.column == column, cohort]
        found = found[np.isfinite(found)]
        if len(found):
            level[index] = float(found.mean() - found.std() / 2)
    return level


def _prior(prior: Prior, column: int, false_names: float) -> Decision:
    return Decision(
        weight=prior.weight[column].double().numpy(),
        bias=float(prior.bias[column]),
        threshold=float(prior.threshold(false_names)[column]),
    )


def _standard(x: NDArray[np.float64], known: NDArray[np.bool_]) -> Decision:
    """Return the decision that signals [M, S] of any scale start from: all count alike."""
    spread = x.std(axis=0)
    weight = np.where(spread > 0, STANDARD / np.maximum(spread, 1e-12), 0.0)
    kinds = [x[known == kind].mean(axis=0) for kind in (False, True) if (known == kind).any()]
    middle = np.mean(kinds, axis=0)
    return Decision(weight=weight, bias=-float(weight @ middle), threshold=0.0)


def _nobody() -> Decision:
    """Return the decision where nothing says how known people and strangers score: it names nobody."""
    return Decision(weight=np.zeros(len(SIGNALS)), bias=0.0, threshold=np.inf)
