"""Open-set identification on the challenge's training features, without any test label.

In each draw some people are strangers. The others are known: models are trained on their recordings in
one language, but for one of each person who has two or more. Named are the recordings that were held
out, the clips in other languages, and the strangers' clips of the same language. A clip with face and voice gets the answer of `mraf identify`.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf.data.table.export import safe_cell
from mraf.errors import MrafError, UsageError
from mraf.pipeline.extraction.processes import Work, available_cores, one_by_one, run
from mraf.pipeline.polysim.draws import Clips, Draw
from mraf.pipeline.polysim.protocol import Spec
from mraf.pipeline.recognition.rates import decided, only, showing
from mraf.pipeline.workspace import Workspace, write_text
from mraf.types import Features

if TYPE_CHECKING:
    from mraf.inference.prediction import Model

DRAWS = 8
"""The number of draws. Among the 1 % of strangers that score best is a look-alike or two, so that the
figures of two draws differ by some hundredths."""

RATES = {"identified at 1 %": 0.01, "identified at 5 %": 0.05}
"""Detection and identification rates where the strangers' own scores set the threshold."""

DECIDED = ("right", "wrong", "unknown", "strangers named")
"""Shares at the model's own threshold."""

BASELINE = "plain prototypes, margin"
"""Cosines to class means, face + 0.6 voice; the score is the best one and its margin to the second."""

VOICE_WEIGHT = 0.6


@dataclass(frozen=True, kw_only=True)
class StrangersScore:
    """The figures of a model for one language and some modalities, over draws.

    `mean` and `deviation` are by the names in `RATES` and `DECIDED`, the latter only where the model
    has a threshold of its own.
    """

    name: str
    language: str
    modalities: str  # a key of `mraf.inference.prediction.MODALITIES`
    mean: dict[str, float]
    deviation: dict[str, float]  # over draws
    draws: int
    known_clips: int  # mean over draws
    stranger_clips: int  # likewise


@dataclass(frozen=True, kw_only=True)
class StrangersReport:
    """The experiment, its scores in the order of the specs after the baseline, and its file."""

    strangers: int
    known: int
    language: str  # that trains
    scores: tuple[StrangersScore, ...]
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Job:
    spec: Spec | None  # None: the baseline
    seed: int


def measure_strangers(
    specs: Sequence[Spec],
    workspace: Workspace | Path | str | None = None,
    *,
    strangers: int = 20,
    draws: int = DRAWS,
    first: int = 0,
    language: str = "English",
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> StrangersReport:
    """Measure how well specs tell strangers, and plain prototypes beside them.

    The report goes to `reports/strangers-<number>.csv` of the workspace too.

    Args:
        specs: what to measure; the seed, device and threads of their options are set here.
        workspace: with the features, as `mraf polysim import` makes it.
        strangers: the number of people who are not enrolled.
        draws: the number of draws.
        first: the seed of the first draw; the others follow.
        language: the training language.
        workers: processes, each with one thread; by default one for each core. 0 works in this
            process.
        progress: called with the number of fits done and of all.

    Raises:
        MissingError: there are no features.
        UsageError: a language is unknown, a number is out of range, or the file cannot be written.
    """
    workspace = Workspace.at(workspace)
    if draws < 1:
        raise UsageError(f"At least 1 draw is needed, not {draws}.")
    # Told before any process starts.
    clips = Clips.of(workspace, language)
    clips.check(strangers)
    specs = list({spec.name: spec for spec in specs}.values())
    seeds = range(first, first + draws)
    jobs = [_Job(spec=spec, seed=seed) for seed in seeds for spec in (None, *specs)]
    workers = min(available_cores(), len(jobs)) if workers is None else workers
    work = run(iter(range(len(jobs))), workers, _setup, workspace.root, language, strangers, jobs)
    found = _collected(work, jobs, progress)
    scores: list[StrangersScore] = []
    for spec in (None, *specs):
        figures = [found[_Job(spec=spec, seed=seed)] for seed in seeds]
        scores += _pooled(spec.name if spec else BASELINE, figures)
    known = len(clips.people) - strangers
    report = StrangersReport(
        strangers=strangers, known=known, language=language, scores=tuple(scores)
    )
    return _written(report, workspace.reports / f"strangers-{strangers}.csv")


def _collected(
    work: Iterable[tuple[int, Any]],
    jobs: Sequence[_Job],
    progress: Callable[[int, int], None] | None,
) -> dict[_Job, dict[str, Any]]:
    """Return the figures of each job, or raise the first error of one."""
    found: dict[_Job, dict[str, Any]] = {}
    if progress is not None:
        progress(0, len(jobs))
    for number, result in work:
        if isinstance(result, Exception):
            raise result
        found[jobs[number]] = result
        if progress is not None:
            progress(len(found), len(jobs))
    return found


def _written(report: StrangersReport, file: Path) -> StrangersReport:
    """Write the report to a file, which it names then. Raises UsageError where that cannot be."""
    try:
        write_text(file, csv_of(report))
    except OSError as error:
        raise UsageError(f"{file}: cannot be written ({error.strerror}).") from None
    return replace(report, files=(file,))


def figures_of(draw: Draw, spec: Spec | None, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return figures of a spec, or of the baseline, by language and modalities.

    They are named as in `StrangersScore`, and "known clips" and "stranger clips". Modalities that no
    known clip or no stranger's has are left out.
    """
    from mraf.inference.prediction import MODALITIES

    scored = _baseline(draw) if spec is None else _trained(draw, spec, seed)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for language, tests in draw.tests.items():
        found[language] = {}
        for name in MODALITIES:
            known, strange = (only(clips.take(showing(clips, name)), name) for clips in tests)
            if len(known) and len(strange):
                found[language][name] = _figures(scored, known, strange)
    return found


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The answers to N clips."""

    score: np.ndarray  # [N], that tells known people from strangers
    best: np.ndarray  # [N], the speaker's index
    accepted: np.ndarray | None  # [N] bool, by a threshold of the model's own


def _figures(
    scored: Callable[[Features], Scored], known: Features, strange: Features
) -> dict[str, float]:
    from mraf.recognition.curve import curve, known_rates, stranger_rates

    of_known, of_strange = scored(known), scored(strange)
    right = of_known.best == known.label
    rising = curve(of_known.score, right, of_strange.score)
    found = {name: rising.at(rate) for name, rate in RATES.items()}
    found |= {"known clips": len(known), "stranger clips": len(strange)}
    if of_known.accepted is not None and of_strange.accepted is not None:
        rates, named = known_rates(of_known.accepted, right), stranger_rates(of_strange.accepted)
        assert rates is not None and named is not None
        shares = (rates.right, rates.wrong, rates.unknown, named.named)
        found |= dict(zip(DECIDED, shares, strict=True))
    return found


def _trained(draw: Draw, spec: Spec, seed: int) -> Callable[[Features], Scored]:
    """Train a model as `mraf train` does; its score is the probability that a person is enrolled."""
    from mraf.fit import fit

    options = replace(spec.options, seed=seed, device="cpu", threads=1)
    model = fit(draw.train, draw.classes, options, encoders=draw.encoders).model

    def scored(clips: Features) -> Scored:
        given = decided(model, clips)
        # A model without the decision: the best probability tells known people as well as it can.
        has = bool(given.possible.any())
        score = given.score if has else given.probability
        return Scored(score=score, best=given.best, accepted=given.accepted if has else None)

    return scored


def _baseline(draw: Draw) -> Callable[[Features], Scored]:
    from mraf.prototypes.fit import fit_uncalibrated
    from mraf.prototypes.options import PrototypeOptions

    model = fit_uncalibrated(draw.train, draw.classes, PrototypeOptions.cosine())
    return lambda clips: _with_margin(model, clips)


def _with_margin(model: "Model", clips: Features) -> Scored:
    import torch

    from mraf.network.batches import Batch

    samples = Batch.of(clips, "cpu")
    with torch.no_grad():
        output = model(samples.face, samples.voice, samples.face_present, samples.voice_present)
    face = output.face_logits * samples.face_present[:, None]
    voice = output.voice_logits * samples.voice_present[:, None]
    both = samples.face_present[:, None] & samples.voice_present[:, None]
    total = face + voice * torch.where(both, VOICE_WEIGHT, 1.0)
    top = total.topk(2, dim=-1)
    first, second = top.values.unbind(dim=-1)
    score = (first + (first - second)).numpy()
    return Scored(score=score, best=top.indices[:, 0].numpy(), accepted=None)


def _setup(root: Path, language: str, strangers: int, jobs: list[_Job]) -> Work:
    clips = Clips.of(Workspace(root), language)
    return one_by_one(lambda number: _attempt(clips, strangers, jobs[number]))


def _attempt(clips: Clips, strangers: int, job: _Job) -> dict[str, Any] | MrafError:
    """Return the figures of a job, or its error: raised, it would count as a crash of the worker."""
    try:
        return figures_of(clips.draw(strangers, job.seed), job.spec, job.seed)
    except MrafError as error:
        return type(error)(f"{job.spec.name if job.spec else BASELINE}: {error}")


def _pooled(name: str, draws: list[dict[str, Any]]) -> Iterator[StrangersScore]:
    """Yield the scores of a model by language and modalities, from its figures in each draw."""
    kinds = dict.fromkeys((lang, some) for each in draws for lang in each for some in each[lang])
    for language, modalities in kinds:
        found = [each[language][modalities] for each in draws if modalities in each[language]]
        columns = {key: [each[key] for each in found] for key in found[0]}
        shown = {key: columns[key] for key in (*RATES, *DECIDED) if key in columns}
        yield StrangersScore(
            name=name,
            language=language,
            modalities=modalities,
            mean={key: float(np.mean(each)) for key, each in shown.items()},
            deviation={key: float(np.std(each)) for key, each in shown.items()},
            draws=len(found),
            known_clips=round(float(np.mean(columns["known clips"]))),
            stranger_clips=round(float(np.mean(columns["stranger clips"]))),
        )


def csv_of(report: StrangersReport) -> str:
    """Return a line for each figure: its mean over draws and its deviation."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        "name known strangers trained_on language modalities draws figure mean deviation".split()
    )
    for each in report.scores:
        for key, mean in each.mean.items():
            cells = [safe_cell(each.name), report.known, report.strangers, report.language]
            cells += [safe_cell(each.language), each.modalities, each.draws, key]
            writer.writerow([*cells, f"{mean:.4f}", f"{each.deviation[key]:.4f}"])
    return out.getvalue()
