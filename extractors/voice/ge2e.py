"""GE2E: speech to 256 numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mraf.extractors import compat
from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.weights import PACKAGED, Weights


class GE2E:
    """Resemblyzer's LSTM, trained with the GE2E loss (Wan et al., 2018; 256-d).

    Its weights lie in the package Resemblyzer. It runs on the CPU.
    """

    name, dim = "ge2e", 256

    def __init__(
        self,
        weights: Weights = PACKAGED,
        device: str = "cpu",
        threads: int = 1,
        precision: str = "single",
    ) -> None:
        import torch

        compat.prepare("torchaudio")
        from torchaudio.functional import melscale_fbanks

        # The package itself needs parts of setuptools that are gone; its weights do not.
        state = torch.load(_resemblyzer_file(), map_location="cpu", weights_only=True)[
            "model_state"
        ]
        self._lstm = torch.nn.LSTM(40, 256, num_layers=3, batch_first=True)
        self._linear = torch.nn.Linear(256, 256)
        self._lstm.load_state_dict(_part(state, "lstm."))
        self._linear.load_state_dict(_part(state, "linear."))
        self._window = torch.hann_window(400)
        self._mels = melscale_fbanks(
            201, 0.0, SAMPLE_RATE / 2, 40, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
        )

    def embed(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        """Return `[B, 256]` unit vectors: means over windows of 1.6 s that overlap by half."""
        return np.stack([self._embed(wave) for wave in waves])

    def _embed(self, wave: np.ndarray) -> np.ndarray:
        import torch

        starts, length = _windows(len(wave))
        padded = np.pad(_at_least(wave, -30.0), (0, max(0, length - len(wave))))
        with torch.inference_mode():
            spectrum = torch.stft(
                torch.from_numpy(padded),
                400,
                160,
                window=self._window,
                pad_mode="constant",
                return_complex=True,
            )
            mels = spectrum.abs().square().T @ self._mels  # [frames, 40]
            batch = torch.stack([mels[start : start + 160] for start in starts])
            _, (hidden, _) = self._lstm(batch)
            vectors = torch.relu(self._linear(hidden[-1]))
            vectors = torch.nn.functional.normalize(vectors, dim=1)
            return torch.nn.functional.normalize(vectors.mean(0), dim=0).numpy()


def _windows(samples: int) -> tuple[list[int], int]:
    """Return the first frames (10 ms each) of windows of 160 frames, and the samples they span.

    The last window is left out if less than three quarters of it is sound, unless it is the only
    one.
    """
    frames, size, step = -(-(samples + 1) // 160), 160, 77  # 1.3 windows a second
    starts = list(range(0, max(1, frames - size + step + 1), step))
    covered = (samples - starts[-1] * 160) / (size * 160)
    if covered < 0.75 and len(starts) > 1:
        starts.pop()
    return starts, (starts[-1] + size) * 160


def _at_least(wave: np.ndarray, decibel: float) -> np.ndarray:
    """Raise a quiet wave to an RMS level in dBFS; leave a louder one as it is."""
    rms = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
    gain = 10 ** (decibel / 20) / rms if rms > 0 else 1.0
    return wave * np.float32(max(gain, 1.0))


def _part(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _resemblyzer_file() -> Path:
    from importlib.metadata import files

    for file in files("Resemblyzer") or []:
        if file.name == "pretrained.pt":
            return Path(str(file.locate()))
    raise FileNotFoundError("the package Resemblyzer holds no pretrained.pt")
