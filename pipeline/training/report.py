"""The report of a training run."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class TrainReport:
    """The result of a training run."""

    model: str
    folder: Path
    speakers: int
    samples: int  # clips that train
    heldout: int
    epoch: int | None  # the epoch whose weights were kept; None where there are no epochs
    seconds: float
    dev: dict[str, float]  # accuracies and loss on the held-out clips; empty where there is none
    calibration: dict[str, float]  # calibration error there, before and after the temperature
    notes: tuple[str, ...]
