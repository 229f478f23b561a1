"""Whose voice each span is: a chain of spans, in which the speaker may change from one to the next.

Variational Bayes for a hidden Markov model whose states are voices (the idea of Landini et al., 2022): voices that
add nothing lose their spans to others, so that their number comes out of the sound.
"""

from dataclasses import dataclass

import numpy as np

EVIDENCE = 50.0
"""Independent numbers that a vector is worth."""
CAUTION, MORE_SECONDS = 8.0, 300.0
"""Spans that count as one where voices are learned: those of running speech overlap, and are of one mood and one
place. Twice as many in more speech than this twice over: the more there is, the more often one voice would
make two."""
ROUNDS = 20
"""Rounds at most."""
STILL = 1e-3
"""Change of a share at which it is over."""
PIECE, MARGIN = 256, 128
"""Spans of the pieces in which a long chain is gone through side by side, and of those before and after each
that are gone through once more, as what is said of one span tells less and less of others."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Chain:
    """J spans in the order of time."""

    voices: (
        np.ndarray
    )  # [J, D] float64: vectors at the length at which the voice itself has length 1
    precision: np.ndarray  # [J]: how much more voice than chance; 0 where there is no vector
    switch: np.ndarray  # [J]: probability that the speaker may be another than in the span before
    seconds: float  # of speech

    @property
    def caution(self) -> float:
        """Spans that count as one."""
        return CAUTION * float(np.clip(self.seconds / MORE_SECONDS, 1, 2))

    def shares(self, start: np.ndarray, *, keep: bool = False) -> np.ndarray:
        """Return the probabilities `[J, K]` of voices.

        Args:
            start: `[J, K]`, a guess.
            keep: leave every voice as likely beforehand, so that none is given up.
        """
        shares, prior = start, np.full(start.shape[1], 1 / start.shape[1])
        for _ in range(ROUNDS):
            before, fit = shares, self._fit(shares)
            shares, entered = _smoothed(fit, self.switch, prior)
            if not keep:
                prior = np.maximum(entered, 1e-9) / np.maximum(entered, 1e-9).sum()
            if np.abs(shares - before).max() < STILL:
                break
        return shares

    def _fit(self, shares: np.ndarray) -> np.ndarray:
        """Return `[J, K]`: log likelihood of spans in voices learned by `shares`, up to a number a span."""
        weight = shares * self.precision[:, None] / self.caution
        certain = 1 + weight.sum(axis=0)
        mean = weight.T @ self.voices / certain[:, None]
        distance = (mean**2).sum(axis=1) + 1 / certain - 2 * self.voices @ mean.T
        return -EVIDENCE / 2 * self.precision[:, None] * distance


def _smoothed(
    fit: np.ndarray, switch: np.ndarray, prior: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities `[J, K]` of states, and `[K]` how often each is entered.

    A state stays, or with probability `switch` is drawn anew.
    """
    likely = np.exp(fit - fit.max(axis=1, keepdims=True))
    forward = _forward(likely, switch, prior)
    shares = forward * _backward(likely, switch, prior)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
    drawn = switch[1:, None] * prior
    stayed = (1 - switch[1:, None]) * forward[:-1]
    entered = shares[0] + (shares[1:] * drawn / np.maximum(drawn + stayed, 1e-300)).sum(axis=0)
    return shares, entered


def _forward(likely: np.ndarray, switch: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return the probabilities `[J, K]` of states by the spans up to each."""
    count = len(likely)
    first = np.arange(0, count, PIECE)
    at, found = np.tile(prior, (len(first), 1)), np.empty_like(likely)
    for j in range(-MARGIN if len(first) > 1 else 0, min(PIECE, count)):
        some = (first + j >= 0) & (first + j < count)
        now = first[some] + j
        drawn = switch[now, None]
        step = ((1 - drawn) * at[some] + drawn * prior) * likely[now]
        at[some] = step / np.maximum(step.sum(axis=1, keepdims=True), 1e-300)
        if j >= 0:
            found[now] = at[some]
    return found


def _backward(likely: np.ndarray, switch: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return what the spans after each say of states, `[J, K]`, up to a number a span."""
    count = len(likely)
    first = np.arange(0, count, PIECE)
    at, found = np.ones((len(first), likely.shape[1])), np.ones_like(likely)
    for j in range(min(PIECE + MARGIN, count) - 2, -1, -1):
        some = first + j < count - 1
        now = first[some] + j
        after = likely[now + 1] * at[some]
        drawn = switch[now + 1, None]
        step = (1 - drawn) * after + drawn * (after @ prior)[:, None]
        at[some] = step / np.maximum(step.max(axis=1, keepdims=True), 1e-300)
        if j < PIECE:
            found[now] = at[some]
    return found
