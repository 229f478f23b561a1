"""A training step against a plain one of the same model, which passes through the network three times.

    python benchmarks/train.py                   # shares of what is hidden as in TrainOptions()
    python benchmarks/train.py --hide-voice 0    # as in the paper

Both start from the same weights and get the same made-up batch: clips that have face and voice, of
which some are shown without their face and some without their voice. The plain step passes what is
shown (for eqs. 15 and 17), the complete input (the teacher of eq. 16) and the voice alone (the
student) through the whole network, and is built of torch's own layers and Adam as they come. Steps of
both kinds alternate. Prints medians of the processor's time, which other processes hardly touch, for
the losses with their gradients and for Adam; the ratio; and how far the parts of the loss and the
gradients are apart with dropout 0.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mraf.network.batches import Samples
from mraf.network.losses import CenterLoss, cross_entropy, distillation
from mraf.network.model import MRAF, MRAFConfig
from mraf.network.objective import training_loss
from mraf.network.options import TrainOptions

OPTIONS = TrainOptions()
TOLERANCE = 1e-5
Hidden = tuple[Tensor, Tensor]
Parts = dict[str, Tensor]


def main() -> None:
    """Time both steps, compare their losses, and print it all."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    samples, hidden = made_up(arguments)
    shape = {"dim": arguments.dim, "tokens": arguments.tokens, "ffn": arguments.ffn}
    config = MRAFConfig(512, 192, arguments.speakers, **shape, dropout=arguments.dropout)
    model = MRAF(config)
    ours = Step(model, our, samples, hidden, fused=True)
    plain = Step(of_torch(model), simple, samples, hidden, fused=None)
    alternate([ours, plain], arguments.steps)
    print(
        f"model    dim {config.dim}, {config.tokens} tokens, FFN {config.ffn}, batch {len(samples)}"
    )
    print(f"ours     {ours}")
    print(f"plain    {plain}")
    pairs = [b / a for a, b in zip(ours.totals, plain.totals, strict=True)]
    shortest = min(plain.totals) / min(ours.totals)
    print(f"ratio    {statistics.median(pairs):.2f} (of the shortest steps {shortest:.2f})")
    compare(MRAF(MRAFConfig(512, 192, arguments.speakers, **shape, dropout=0.0)), samples, hidden)


def of_torch(model: MRAF) -> MRAF:
    """A copy whose layers are torch's own."""
    model, c = copy.deepcopy(model), model.config
    for encoder in (model.face, model.voice):
        for i, layer in enumerate(encoder.layers):
            encoder.layers[i] = nn.TransformerEncoderLayer(
                c.dim, c.heads, c.ffn, c.dropout, "relu", batch_first=True
            )
            encoder.layers[i].load_state_dict(layer.state_dict())
    model.fusion.dropout = nn.Dropout(c.dropout)
    return model


def parse() -> argparse.Namespace:
    """The command line; the default is the model and the batch of the paper."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = {"dim": 512, "tokens": 6, "ffn": 1024, "batch": 64, "speakers": 70}
    for name, value in {**sizes, "steps": 20, "threads": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--hide-face", type=float, default=OPTIONS.p_a)
    parser.add_argument("--hide-voice", type=float, default=OPTIONS.p_f)
    return parser.parse_args()


def made_up(arguments: argparse.Namespace) -> tuple[Samples, Hidden]:
    """A batch of complete clips, and which faces and voices of it are hidden."""
    n = arguments.batch
    yes = torch.ones(n, dtype=torch.bool)
    label = torch.randint(arguments.speakers, (n,))
    samples = Samples(torch.randn(n, 512), yes, 250 * torch.randn(n, 192), yes, label)
    faces, voices = round(arguments.hide_face * n), round(arguments.hide_voice * n)
    turn = torch.arange(n)
    return samples, (turn < faces, (turn >= faces) & (turn < faces + voices))


def our(model: MRAF, centers: CenterLoss, batch: Samples, hidden: Hidden) -> Parts:
    """The loss and its parts as in training."""
    losses = training_loss(model, centers, batch, hidden, OPTIONS)
    return {"total": losses.total, **losses.parts}


def simple(model: MRAF, centers: CenterLoss, batch: Samples, hidden: Hidden) -> Parts:
    """The same by three plain passes."""
    face, voice = batch.face_present & ~hidden[0], batch.voice_present & ~hidden[1]
    shown = forward(model, batch, face, voice)
    teacher = forward(model, batch, batch.face_present, batch.voice_present)
    student = forward(model, batch, batch.face_present & False, batch.voice_present)
    pairs = batch.face_present & batch.voice_present & ~hidden[1]
    parts = {
        "face": cross_entropy(shown["z_f"], batch.label, face),
        "voice": cross_entropy(shown["z_a"], batch.label, voice),
        "fusion": cross_entropy(shown["z_c"], batch.label, face | voice),
        "kd": distillation(teacher["z_c"][pairs], student["z_c"][pairs], OPTIONS.temperature),
        "center": centers(shown["e_c"], batch.label),
    }
    total = parts["face"] + parts["voice"] + parts["fusion"]
    total = total + OPTIONS.lambda_kd * parts["kd"] + OPTIONS.lambda_center * parts["center"]
    return {"total": total, **parts}


def forward(model: MRAF, batch: Samples, face_present: Tensor, voice_present: Tensor) -> Parts:
    """Equations 2 to 14 line by line, with the modules of `model`."""
    face = model.face(batch.face, face_present, batch.voice, voice_present)
    voice = model.voice(batch.voice, voice_present, batch.face, face_present)
    m = model.fusion
    r_f = torch.sigmoid(m.face_score(face.embedding)).squeeze(-1) * face_present
    r_a = torch.sigmoid(m.voice_score(voice.embedding)).squeeze(-1) * voice_present
    total = r_f + r_a + m.eps
    H_f = (r_f / total)[:, None, None] * face.tokens
    H_a = (r_a / total)[:, None, None] * voice.tokens
    C_f, _ = m.face_attention(H_f, H_a, H_a, need_weights=False)
    C_a, _ = m.voice_attention(H_a, H_f, H_f, need_weights=False)
    C_f = m.face_norm(face.tokens + m.dropout(C_f))
    C_a = m.voice_norm(voice.tokens + m.dropout(C_a))
    e_c = m.norm((C_f.mean(dim=1) + C_a.mean(dim=1)) / 2)
    return {
        "z_f": model.name_face(face),
        "z_a": model.name_voice(voice),
        "z_c": model.fusion_head(e_c),
        "e_c": e_c,
    }


class Step:
    """Steps of training and their times in ms."""

    def __init__(
        self,
        model: MRAF,
        parts: Callable[..., Parts],
        samples: Samples,
        hidden: Hidden,
        fused: bool | None,
    ) -> None:
        self.model, self.parts, self.samples, self.hidden = model, parts, samples, hidden
        self.centers = CenterLoss(model.config.classes, model.config.dim)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=OPTIONS.lr, fused=fused)
        self.times: list[tuple[float, float]] = []

    def __call__(self) -> None:
        """One step: the loss and its gradients, then Adam."""
        started = time.process_time()
        total = self.parts(self.model, self.centers, self.samples, self.hidden)["total"]
        self.optimizer.zero_grad()
        total.backward()
        middle = time.process_time()
        self.optimizer.step()
        self.times.append((1e3 * (middle - started), 1e3 * (time.process_time() - middle)))

    @property
    def losses(self) -> float:
        """Median time of losses and gradients."""
        return statistics.median(losses for losses, _ in self.times)

    @property
    def totals(self) -> list[float]:
        """Times of whole steps."""
        return [sum(each) for each in self.times]

    def __str__(self) -> str:
        """The medians of this step."""
        adam = statistics.median(adam for _, adam in self.times)
        total = statistics.median(self.totals)
        return f"{total:7.1f} ms a step: losses and gradients {self.losses:.1f}, Adam {adam:.1f}"


def alternate(steps: list[Step], rounds: int) -> None:
    """Run steps in turn; two rounds at the start do not count."""
    for turn in range(rounds + 2):
        for step in steps:
            step()
            if turn < 2:
                step.times.clear()


def compare(model: MRAF, samples: Samples, hidden: Hidden) -> None:
    """Print how far apart losses and gradients are; fail where the losses are not the same."""
    found = []
    for network, parts in ((model, our), (of_torch(model), simple)):
        centers = CenterLoss(model.config.classes, model.config.dim)
        losses = parts(network, centers, samples, hidden)
        wanted = list(network.parameters())
        gradients = torch.autograd.grad(losses["total"], wanted, allow_unused=True)
        found.append(({name: float(part.detach()) for name, part in losses.items()}, gradients))
    (ours, mine), (plain, theirs) = found
    worst = 0.0
    for name, value in plain.items():
        off = abs(ours[name] - value)
        worst = max(worst, off)
        print(f"{name:8} {ours[name]:.6f}, plain {value:.6f}, difference {off:.1e}")
    off = max(
        float((a - b).abs().max()) if a is not None else float(b.abs().max())
        for a, b in zip(mine, theirs, strict=True)
        if b is not None
    )
    print(f"largest difference of a loss {worst:.1e}, of a gradient {off:.1e}")
    if worst > TOLERANCE:
        raise SystemExit(f"the losses are not the same to {TOLERANCE}")


if __name__ == "__main__":
    main()
