"""Time of a training step of the paper's network, compared with one that encodes for every pass.

    python benchmarks/train.py
    python benchmarks/train.py --batch 32 --threads 2
    python benchmarks/train.py --device cpu cuda --threads 8

A step of training encodes the clips once and fuses them three times: as shown, complete (the teacher
of eq. 16) and by the voice alone (the student). The plain step passes through the whole network three
times instead; its losses are the same, as tests/mraf/network/test_losses.py checks. Both start from
the same weights and get the same made-up batch, of which a share of p_a is shown without the face.
Steps of both kinds, and on all devices, alternate. Prints medians of the processor's time, which other
processes hardly touch, and their ratio; with a GPU among the devices, of the time on the clock.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import torch
from common import head, machine, row
from torch import Tensor

from mraf.network.batches import Batch
from mraf.network.losses import CenterLoss, cross_entropy, distillation, training_losses
from mraf.network.model import MRAF, MRAFConfig
from mraf.network.options import TrainOptions

OPTIONS = TrainOptions()


def main() -> None:
    """Time both kinds of step and print the medians."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    config = MRAFConfig(face_dim=512, voice_dim=192, classes=arguments.speakers)
    model = MRAF(config)
    made = made_up(arguments.batch, arguments.speakers)
    on_cpu = all(torch.device(each).type == "cpu" for each in arguments.device)
    clock = time.process_time if on_cpu else time.perf_counter
    steps = {
        (device, name): Step(copy.deepcopy(model), loss, made, device=device, clock=clock)
        for device in arguments.device
        for name, loss in (("training", training), ("plain", plain))
    }
    for turn in range(arguments.steps + 2):
        for step in steps.values():
            step()
            if turn < 2:  # the first steps allocate memory
                step.times.clear()
    size = f"dim {config.dim}, {config.tokens} tokens, FFN {config.ffn}, batch {arguments.batch}"
    print(f"{machine(arguments.device[-1])}; {size}, {arguments.threads} threads\n")
    first = arguments.device[0]
    print(head("ms a step", "training", "plain", "ratio", f"training, {first} to this"))
    for device in arguments.device:
        ours, theirs = steps[device, "training"].median, steps[device, "plain"].median
        gain = steps[first, "training"].median / ours
        print(row(device, f"{ours:.1f}", f"{theirs:.1f}", f"{theirs / ours:.2f}", f"{gain:.2f}"))


def parse() -> argparse.Namespace:
    """Return the arguments; the defaults are the batch and the speakers of the paper."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    numbers = {"batch": OPTIONS.batch_size, "speakers": 70, "steps": 20, "threads": 1}
    for name, value in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--device", nargs="+", default=["cpu"])
    return parser.parse_args()


def made_up(clips: int, speakers: int) -> tuple[Batch, Tensor, Tensor]:
    """Return a batch of complete clips, and masks of the faces and voices that are shown."""
    yes = torch.ones(clips, dtype=torch.bool)
    batch = Batch(
        face=torch.randn(clips, 512),
        face_present=yes,
        voice=250 * torch.randn(clips, 192),
        voice_present=yes,
        label=torch.randint(speakers, (clips,)),
    )
    return batch, torch.arange(clips) >= OPTIONS.p_a * clips, yes


def training(model: MRAF, batch: Batch, face: Tensor, voice: Tensor, centers: CenterLoss) -> Tensor:
    """Return the loss of a step of training."""
    return training_losses(model, batch, face, voice, centers=centers, options=OPTIONS)["total"]


def plain(model: MRAF, batch: Batch, face: Tensor, voice: Tensor, centers: CenterLoss) -> Tensor:
    """Return the same loss by three passes through the whole network."""
    shown = model(batch.face, batch.voice, face, voice)
    teacher = model(batch.face, batch.voice, batch.face_present, batch.voice_present)
    student = model(batch.face, batch.voice, face & False, batch.voice_present)
    return (
        cross_entropy(shown.face_logits, batch.label, face)
        + cross_entropy(shown.voice_logits, batch.label, voice)
        + cross_entropy(shown.fusion_logits, batch.label, face | voice)
        + OPTIONS.lambda_kd
        * distillation(teacher.fusion_logits, student.fusion_logits, OPTIONS.temperature)
        + OPTIONS.lambda_center * centers(shown.e_c, batch.label)
    )


class Step:
    """A training step (loss, gradients, Adam) on a device that keeps its times in ms."""

    def __init__(
        self,
        model: MRAF,
        loss: Callable[..., Tensor],
        made: tuple[Batch, Tensor, Tensor],
        *,
        device: str,
        clock: Callable[[], float],
    ) -> None:
        batch, face, voice = made
        there = Batch(**{name: each.to(device) for name, each in vars(batch).items()})
        self.inputs = there, face.to(device), voice.to(device)
        self.model, self.loss, self.clock = model.to(device), loss, clock
        self.on_gpu = torch.device(device).type == "cuda"
        self.centers = CenterLoss(model.config.classes, model.config.dim).to(device)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=OPTIONS.lr, fused=True)
        self.times: list[float] = []

    def __call__(self) -> None:
        """Do one step and keep its time."""
        started = self.clock()
        self.optimizer.zero_grad()
        self.loss(self.model, *self.inputs, self.centers).backward()
        self.optimizer.step()
        if self.on_gpu:  # which works on while Python goes ahead
            torch.cuda.synchronize()
        self.times.append(1e3 * (self.clock() - started))

    @property
    def median(self) -> float:
        """The median time in ms."""
        return statistics.median(self.times)


if __name__ == "__main__":
    main()
