"""The face and the voice of a person to look for: of a clip, or as a model knows them."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mraf.data.table.renames import plain
from mraf.errors import MediaError, MissingError, MrafError, UsageError
from mraf.extractors.encoders import choose
from mraf.extractors.extractor import ClipExtractor, ExtractOptions
from mraf.extractors.weights import Progress
from mraf.fingerprint import Fingerprint
from mraf.pipeline.fingerprints import check_fits, dims_of
from mraf.pipeline.inputs import clip_of
from mraf.pipeline.workspace import Workspace
from mraf.recognition.clusters import Looks

if TYPE_CHECKING:
    from mraf.prototypes.model import ClassMeans


def digest_of(path: Path) -> str:
    """Return the digest of a file's content. Raises MediaError where it cannot be read."""
    try:
        return clip_of(path).content_hash()
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}).") from None


def of_clip(
    path: Path,
    made: Fingerprint,
    *,
    weights_dir: Path | None,
    offline: bool,
    device: str,
    precision: str,
    on_download: Progress | None,
) -> Looks:
    """Return the face and the voice of a file.

    Raises:
        MissingError: the weights of the encoders that made the table's vectors are not there.
        UsageError: there are no such encoders, or of another version.
        MediaError: the file cannot be read.
    """
    from mraf.device import choose_device
    from mraf.pipeline.extraction.processes import available_cores

    clip, device = clip_of(path), choose_device(device)
    pair = choose(known=made, weights_dir=weights_dir, offline=offline, progress=on_download)
    options = ExtractOptions()
    if made.frames is not None and made.seconds is not None:
        options = ExtractOptions(frames=made.frames, max_seconds=made.seconds)
    check_fits(made, options.fingerprint(pair), what=f"those of {path.name} here", model="features")
    extractor = ClipExtractor(pair, options, device, threads=available_cores(), precision=precision)
    try:
        found = extractor(clip.video, clip.audio, clip.image, clip.start, clip.end)
    finally:
        extractor.close()
    face, voice = found.face, found.voice
    if face.vector is None and voice.vector is None:
        raise UsageError(
            f"{path}: there is neither a face nor a voice in it to look for (face: {face.reason}, voice: "
            f"{voice.reason})."
        )
    return _one(face.vector, voice.vector, dims_of(made))


def of_model(workspace: Workspace, name: str, made: Fingerprint) -> Looks | None:
    """Return the mean face and voice of a person whom the model trained last knows; None for nobody.

    Raises:
        UsageError: the model is of other encoders, or not one that compares with means.
        MrafError: a file of the model is damaged.
    """
    try:
        folder = workspace.model()
    except MissingError:
        return None
    from mraf import checkpoint
    from mraf.prototypes.model import PrototypeModel

    described = checkpoint.describe(folder)
    at = [i for i, each in enumerate(described.labels) if plain(each) == plain(name)]
    if not at:
        return None
    trained = Fingerprint.from_dict(described.meta.get("fingerprint"))
    check_fits(trained, made, what="the features here", model=folder.name)
    model = checkpoint.load(described, "cpu").model
    if not isinstance(model, PrototypeModel):
        raise UsageError(
            f"The model '{folder.name}' knows {name}, but keeps no face and voice to look for, as models of type "
            f"'prototypes' do. Extract clips of {name} here, or look for one of them."
        )
    parts = [mean_vector(part, at[0]) for part in (model.face, model.voice)]
    return _one(parts[0], parts[1], dims_of(made))


def mean_vector(part: "ClassMeans", speaker: int) -> np.ndarray | None:
    """Return the direction [D], unit, of a speaker's vectors as the encoder made them.

    The model keeps the mean m of l2((l2(x) - mean) W). Of the points mean + s m W^-1 that is the one, with s
    above 0, that has unit length as l2(x) has. None where the speaker has no such vector.
    """
    if not bool(part.known[speaker]):
        return None
    mean = part.mean.double().numpy()
    m = np.linalg.solve(part.whitening.double().numpy().T, part.means[speaker].double().numpy())
    a, b, c = m @ m, 2 * (mean @ m), mean @ mean - 1
    s = (-b + np.sqrt(max(b * b - 4 * a * c, 0.0))) / (2 * a)
    x = mean + s * m
    found: np.ndarray = (x / np.linalg.norm(x)).astype(np.float32)
    return found


def speakers_of_models(workspace: Workspace) -> set[str]:
    """Return the names of the people whom the model trained last knows; none where there is no model."""
    from mraf import checkpoint

    try:
        return set(checkpoint.describe(workspace.model()).labels)
    except MrafError:
        return set()


def _one(face: np.ndarray | None, voice: np.ndarray | None, dims: tuple[int, int]) -> Looks:
    def row(vector: np.ndarray | None, dim: int) -> np.ndarray:
        return np.zeros((1, dim), np.float32) if vector is None else vector[None].astype(np.float32)

    return Looks.of(
        row(face, dims[0]),
        np.array([face is not None]),
        row(voice, dims[1]),
        np.array([voice is not None]),
    )
