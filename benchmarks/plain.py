"""The baseline of `extract.py`: the code of the READMEs of facenet-pytorch and SpeechBrain."""

import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import campplus, networks
from vectors import keep, unit

FRAMES = 8


def plain(clips: list[Path], folder: Path) -> dict[str, Any]:
    """Run the loop of the READMEs; return its figures, and keep its vectors in `plain.npz`."""
    from mraf.extractors import compat

    started = time.monotonic()
    compat.prepare()
    import torch
    import torchaudio
    from facenet_pytorch import MTCNN
    from PIL import Image
    from speechbrain.lobes.features import Fbank
    from speechbrain.processing.features import InputNormalization

    mtcnn, fbank = MTCNN(), Fbank(n_mels=80)
    normalise = InputNormalization(norm_type="sentence", std_norm=False)
    facenet, ecapa = networks()
    facenet.load_state_dict(torch.load(folder / "facenet.pt", weights_only=True))
    ecapa.load_state_dict(torch.load(folder / "ecapa.pt", weights_only=True))
    loaded = time.monotonic()
    faces, voices, inputs = [], [], []
    with torch.no_grad():
        for clip in clips:
            frames, wave, rate = decoded(clip)
            index = np.linspace(0, len(frames) - 1, FRAMES).astype(int)
            images = [Image.fromarray(frames[i]) for i in index]
            crops = [crop for image in images if (crop := mtcnn(image)) is not None]
            vectors = [facenet(crop[None])[0] for crop in crops]
            faces.append(unit(torch.stack(vectors).mean(0).numpy()) if vectors else None)
            sound = torchaudio.functional.resample(torch.from_numpy(wave), rate, 16_000)[None]
            features = normalise(fbank(sound), torch.ones(1))
            voices.append(unit(ecapa(features)[0, 0].numpy()))
            inputs.append((images, sound[0].numpy()))
    seconds = time.monotonic() - loaded
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    trained = Trained(mtcnn)
    keep(
        folder / "plain.npz",
        {
            "face": faces,
            "voice": voices,
            "face_trained": [trained.face(images) for images, _ in inputs],
            "voice_trained": [trained.voice(sound) for _, sound in inputs],
        },
    )
    return {"speed": len(clips) / seconds, "loading": loaded - started, "peaks": [peak / 1024]}


def decoded(clip: Path) -> tuple[list[np.ndarray], np.ndarray, int]:
    """Return all frames, the sound and its sampling rate."""
    import av

    with av.open(str(clip)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(clip)) as container:
        if not container.streams.audio:
            return frames, np.zeros(16_000, np.float32), 16_000
        rate = container.streams.audio[0].rate
        sound = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return frames, np.concatenate(sound, axis=1).mean(axis=0, dtype=np.float32), rate


class Trained:
    """The encoders whose weights are real, for the same faces and sound (not timed).

    CAM++ runs as a torch module on the whole sound. An encoder that is not here gives None.
    """

    def __init__(self, mtcnn: Any) -> None:
        from mraf.extractors.encoders import EncoderSpec, build

        spec = campplus()
        self._mtcnn = mtcnn
        self._voice = build(spec, "cpu:0") if spec else None
        self._face = None
        if has_dlib():
            self._face = build(EncoderSpec(name="dlib"))

    def face(self, images: list[Any]) -> np.ndarray | None:
        """Return the mean vector of the first face in each picture."""
        if self._face is None:
            return None
        found = [(np.asarray(image), self._mtcnn.detect(image)[0]) for image in images]
        cropped = [(frame, boxes[0]) for frame, boxes in found if boxes is not None]
        if not cropped:
            return None
        frames, boxes = zip(*cropped, strict=True)
        return unit(self._face.embed(frames, np.stack(boxes)).mean(axis=0))

    def voice(self, sound: np.ndarray) -> np.ndarray | None:
        """Return the vector of the whole sound `[N]`."""
        return self._voice.embed([sound])[0] if self._voice else None


def has_dlib() -> bool:
    """Return True where dlib and its weights are installed."""
    from importlib.util import find_spec

    return bool(find_spec("dlib") and find_spec("face_recognition_models"))
