"""Find the speech in a clip's sound and embed it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mraf.extractors import compat
from mraf.extractors import openvino as graphs
from mraf.extractors.media.container import SAMPLE_RATE
from mraf.extractors.weights import Weights, fill

PAUSE = 0.5
"""Gaps of up to so many seconds between stretches of speech, each 0.2 s wider than heard, stay in."""
PIECE_SECONDS = 20.0
"""Longer speech goes through ECAPA-TDNN in pieces: its memory grows by 18 MB a second."""
GPU_SECONDS = 16 * PIECE_SECONDS
"""Speech that goes through it at once on a GPU."""
MIN_SECONDS = 1.0
"""Less speech than this is not embedded: such vectors are not worth trusting."""
WINDOW = 512
"""Samples in a window of the speech detector, 32 ms."""
QUIET_MARGIN = 3
"""Windows beside speech that do not count as noise."""
MIN_QUIET_SECONDS = 0.3
SNR_RANGE = (-10.0, 60.0)  # dB; beyond, the figure says nothing more


@dataclass(frozen=True)
class VoiceResult:
    """The voice of a clip. `vector` is None where none was found; then `reason` says why."""

    vector: np.ndarray | None  # [D] float32
    reason: str | None = None  # no_audio, no_speech, speech_too_short, decode_error
    quality: float | None = None  # mean probability of speech in what was embedded, 0 to 1
    seconds: float = 0.0  # speech found
    snr: float | None = None  # dB, see `signal_to_noise`; None where nothing is heard but speech
    problem: str | None = None  # why the sound could not be decoded, in words


@dataclass(frozen=True, eq=False)
class Speech:
    """The speech in a clip."""

    wave: np.ndarray  # [N] float32 at 16 kHz; empty where there is none
    probability: float  # of speech, mean over the wave, or the highest where it is empty
    snr: float | None = None  # dB
    seconds: float = 0.0  # of speech, pauses within the wave left out


class VoiceEncoder(Protocol):
    """Turns speech into an embedding."""

    name: str
    dim: int

    def embed(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        """Embed B waves `[N]` float32 at 16 kHz, at least a second each: `[B, D]` float32."""
        ...


class SpeechFinder:
    """Silero VAD, whose model lies in its package.

    Pauses of up to 0.9 s stay in, and so do 0.7 s before and after the speech: running speech is
    embedded as it is, which is what the encoders were trained on. Longer ones are cut to 0.2 s at
    either side.
    """

    def __init__(self) -> None:
        compat.prepare("torchaudio")
        with compat.torch_threads():
            import silero_vad as silero

        self._model = silero.load_silero_vad(sequence=True)
        self._segments = silero.get_speech_timestamps_from_probs

    def find(self, wave: np.ndarray) -> Speech:
        """Cut `[N]` samples at 16 kHz to the speech in them."""
        probability = np.asarray(self._model.audio_forward(wave)).reshape(-1)
        segments = self._segments(
            probability.tolist(),
            sampling_rate=SAMPLE_RATE,
            min_silence_duration_ms=500,
            speech_pad_ms=200,
            audio_length_samples=len(wave),
        )
        if not segments:
            return Speech(np.zeros(0, np.float32), float(probability.max(initial=0.0)))
        spans = [(segment["start"], segment["end"]) for segment in segments]
        parts = [slice(*span) for span in _bridged(spans, len(wave))]
        windows = np.concatenate(
            [probability[p.start // WINDOW : -(-p.stop // WINDOW)] for p in parts]
        )
        speech = np.concatenate([wave[part] for part in parts])
        seconds = sum(end - start for start, end in spans) / SAMPLE_RATE
        return Speech(speech, float(windows.mean()), signal_to_noise(wave, probability), seconds)


def _bridged(spans: list[tuple[int, int]], samples: int) -> list[tuple[int, int]]:
    """Spans of speech with the short pauses between them, and before and after them, filled."""
    reach = round(PAUSE * SAMPLE_RATE)
    bridged = [(0, 0)]
    for start, end in [*spans, (samples, samples)]:
        if start - bridged[-1][1] <= reach:
            bridged[-1] = (bridged[-1][0], end)
        else:
            bridged.append((start, end))
    return [(start, end) for start, end in bridged if end > start]


def embed_voices(
    clips: Sequence[tuple[Speech | None, str | None]], encoder: VoiceEncoder
) -> list[VoiceResult]:
    """Embed the speech of each clip, where there is enough of it.

    Args:
        clips: of each what a `SpeechFinder` found, or None, and why there is no sound.
        encoder: the network that embeds.
    """
    lacks = [_lack(speech, reason) for speech, reason in clips]
    pairs = zip(clips, lacks, strict=True)
    waves = [speech.wave for (speech, _), lack in pairs if speech is not None and lack is None]
    vectors = iter(encoder.embed(waves) if waves else ())
    results = []
    for (speech, _), lack in zip(clips, lacks, strict=True):
        vector = None if lack else next(vectors)
        heard = (speech.probability, speech.seconds, speech.snr) if speech else ()
        results.append(VoiceResult(vector, lack, *heard))
    return results


def _lack(speech: Speech | None, reason: str | None) -> str | None:
    """Why there is no speech to embed; None where there is."""
    if speech is None:
        return reason or "no_audio"
    if not len(speech.wave):
        return "no_speech"
    return "speech_too_short" if speech.seconds < MIN_SECONDS else None


def signal_to_noise(wave: np.ndarray, probability: np.ndarray) -> float | None:
    """Power of the speech over that of what is heard between it, in dB, -10 to 60.

    The noise is what sounds in windows that hold no speech and have none beside them (what dies
    away there is echo); its power is taken off that of the windows that hold speech. None where
    less than 0.3 s of either is left.

    Args:
        wave: `[N]` samples.
        probability: `[M]` of speech, in windows of 512 samples.
    """
    whole = min(len(wave) // WINDOW, len(probability))
    if whole * WINDOW < 2 * MIN_QUIET_SECONDS * SAMPLE_RATE:
        return None
    windows = wave[: whole * WINDOW].reshape(whole, WINDOW)
    power = np.square(windows, dtype=np.float64).mean(axis=1)
    likely = probability[:whole]
    near = np.convolve(likely > 0.1, np.ones(2 * QUIET_MARGIN + 1), "same") > 0.5
    speech, noise = power[likely > 0.5], power[~near]
    if min(len(speech), len(noise)) * WINDOW < MIN_QUIET_SECONDS * SAMPLE_RATE:
        return None
    ratio = (speech.mean() - noise.mean()) / max(noise.mean(), 1e-12)
    return float(np.clip(10 * np.log10(max(ratio, 1e-9)), *SNR_RANGE))


class Ecapa:
    """SpeechBrain's ECAPA-TDNN, trained on VoxCeleb (Desplanques et al., 2020; 192-d)."""

    name, dim = "ecapa", 192

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        def build() -> tuple[Any, tuple[Any, ...]]:
            import torch

            return _ecapa(weights.load()), (torch.zeros(1, 2 * SAMPLE_RATE),)

        source = f"{weights.sha256} speechbrain {version('speechbrain')}"
        self._net = graphs.load(self.name, source, build, device, threads)
        self._seconds = PIECE_SECONDS if device == "cpu" else GPU_SECONDS

    def embed(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        """`[B, 192]` vectors; their length is the network's own, about 250.

        Long speech is embedded in equal pieces, and their vectors averaged: at 120 s in one piece
        the network takes two gigabytes. Pieces of the same length go through together; others do
        not, since the network would see the silence that fills them up.
        """
        pieces = [piece for wave in waves for piece in _pieces(wave)]
        vectors = np.empty((len(pieces), self.dim), np.float32)
        for some in _of_one_length(pieces, round(self._seconds * SAMPLE_RATE)):
            vectors[some] = self._net(np.stack([pieces[i] for i in some]))[0]
        ends = np.cumsum([len(_pieces(wave)) for wave in waves])
        return np.stack([each.mean(axis=0) for each in np.split(vectors, ends[:-1])])


class GE2E:
    """Resemblyzer's LSTM, trained with the GE2E loss (Wan et al., 2018; 256-d)."""

    name, dim = "ge2e", 256

    def __init__(self) -> None:
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
        """`[B, 256]` unit vectors: means over windows of 1.6 s that overlap by half."""
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


def _ecapa(state: dict[str, Any]) -> Any:
    """The network behind waves `[B, N]`, with SpeechBrain's mel filters before it.

    Its Fourier transform is a convolution here, which a graph runs faster than it would the
    transform.
    """
    compat.prepare()
    import torch
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
    from speechbrain.processing.features import STFT, Filterbank

    window = STFT(SAMPLE_RATE).window
    size = len(window)
    angle = torch.outer(torch.arange(size // 2 + 1.0), torch.arange(float(size))) * (
        2 * np.pi / size
    )
    basis = torch.cat([angle.cos(), angle.sin()]) * window  # [402, 400]
    filters = Filterbank(n_mels=80, log_mel=False)

    class FromWave(torch.nn.Module):
        basis: torch.Tensor
        mels: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("basis", basis[:, None])
            self.register_buffer("mels", filters(torch.eye(size // 2 + 1)[None])[0])
            self.net = ECAPA_TDNN(
                80,
                channels=[1024, 1024, 1024, 1024, 3072],
                kernel_sizes=[5, 3, 3, 3, 1],
                dilations=[1, 2, 3, 4, 1],
                attention_channels=128,
                lin_neurons=192,
            )

        def forward(self, wave: Any) -> Any:
            with torch.autocast(wave.device.type, enabled=False):  # half precision loses the quiet
                features = self.features(wave)
            return self.net(features)[:, 0]

        def features(self, wave: Any) -> Any:
            padded = torch.nn.functional.pad(wave[:, None], (size // 2, size // 2))
            spectrum = torch.nn.functional.conv1d(padded, self.basis, stride=160)
            real, imaginary = spectrum.square().chunk(2, dim=1)
            mels = (real + imaginary).transpose(1, 2) @ self.mels  # [B, frames, 80]
            decibel = 10 * torch.log10(torch.clamp(mels, min=filters.amin))
            floor = decibel.amax(dim=(1, 2), keepdim=True) - filters.top_db
            limited = torch.maximum(decibel, floor)
            return limited - limited.mean(dim=1, keepdim=True)

    module = FromWave().eval()
    fill(module.net, state)
    return module


def _pieces(wave: np.ndarray) -> list[np.ndarray]:
    return np.array_split(wave, -(-len(wave) // round(PIECE_SECONDS * SAMPLE_RATE)))


def _of_one_length(pieces: list[np.ndarray], samples: int) -> Iterator[list[int]]:
    """Positions of pieces of the same length, together so long that they hold so many samples."""
    for length in dict.fromkeys(map(len, pieces)):
        same = [i for i, piece in enumerate(pieces) if len(piece) == length]
        step = max(1, samples // length)
        yield from (same[start : start + step] for start in range(0, len(same), step))


def _windows(samples: int) -> tuple[list[int], int]:
    """First frames (10 ms each) of windows of 160 frames, and the samples they reach over.

    A last window that would hold less than three quarters of sound is left out, unless it is the
    only one.
    """
    frames, size, step = -(-(samples + 1) // 160), 160, 77  # 1.3 windows a second
    starts = list(range(0, max(1, frames - size + step + 1), step))
    covered = (samples - starts[-1] * 160) / (size * 160)
    if covered < 0.75 and len(starts) > 1:
        starts.pop()
    return starts, (starts[-1] + size) * 160


def _at_least(wave: np.ndarray, decibel: float) -> np.ndarray:
    """Raise a quiet wave to an RMS level in dBFS; a louder one stays as it is."""
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
