"""Random held-out scores, shared by the tests of the reliability head."""

import torch

from mraf.prototypes.fit import calibrate
from mraf.prototypes.head_training import train_head
from mraf.prototypes.held_out import HeldOutScores
from mraf.prototypes.model import PrototypeConfig, PrototypeModel
from mraf.prototypes.options import PrototypeOptions

C = 12  # speakers


def made_scores(n=400, impostor_faces=0.0, seed=0) -> HeldOutScores:
    """Return good scores by face and poorer ones by voice; some faces are another speaker's."""
    random = torch.Generator().manual_seed(seed)

    def draw(label, height):
        return 0.12 * torch.randn(n, C, generator=random) + height * torch.eye(C)[label]

    label = torch.randint(C, (n,), generator=random)
    swapped = torch.rand(n, generator=random) < impostor_faces
    shown = torch.where(swapped, (label + 1) % C, label)
    present = torch.ones(n, dtype=torch.bool)
    # An impostor's face is near no prototype: its best score is low.
    face = draw(shown, 0.8) * torch.where(swapped, 0.6, 1.0)[:, None]
    voice = draw(label, 0.5)
    return HeldOutScores(
        face=face, voice=voice, face_present=present, voice_present=present, label=label
    )


def made_model(options: PrototypeOptions) -> PrototypeModel:
    """Return a model of C speakers with an untrained head."""
    torch.manual_seed(0)
    config = PrototypeConfig(
        face_dim=2,
        voice_dim=2,
        classes=C,
        candidates=options.candidates,
        attention=options.attention,
        learn_reliability=options.learn_reliability,
        missing_token=options.missing_token,
        limit=options.head_limit,
    )
    return PrototypeModel(config)


def trained_model(scores: HeldOutScores, options: PrototypeOptions) -> PrototypeModel:
    """Return a calibrated model whose head is trained on `scores`."""
    model = made_model(options)
    calibrate(model, scores)
    train_head(model, scores, options)
    return model


def fuse(model: PrototypeModel, s: HeldOutScores):
    """Return the model's fused scores [N, C] and reliabilities r_f and r_a [N]."""
    with torch.no_grad():
        return model.fuse(s.face, s.voice, s.face_present, s.voice_present)
