import os
import shutil
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from mraf import cli
from mraf.data.polysim.submission import SPLITS
from mraf.extractors import names
from mraf.extractors.encoders import FACE, VOICE
from mraf.extractors.processor import PRECISIONS
from mraf.extractors.weights import PUBLISHED
from mraf.model_types import MODEL_TYPES, PRESETS
from mraf.pipeline.commands import polysim, polysim_verify
from mraf.pipeline.commands.terminal import options
from mraf.pipeline.modes import MODES
from mraf.pipeline.polysim.ablation import TITLES
from mraf.pipeline.polysim.agreement import VERDICTS


@pytest.mark.parametrize(
    ("choice", "known"),
    [
        (options.ModelType, MODEL_TYPES),
        (options.Preset, PRESETS),
        (options.Mode, MODES),
        (options.Precision, PRECISIONS),
        (names.Face, ("auto", *FACE)),
        (names.Voice, ("auto", *VOICE)),
        (names.WeightsName, [file.spoken for file in PUBLISHED.values()]),
        (polysim.Split, SPLITS),
        (polysim.AblationName, TITLES),
    ],
)
def test_the_choices_are_those_of_the_pipeline(choice: type[StrEnum], known):
    assert [each.value for each in choice] == list(known)


def test_each_verdict_has_its_words():
    assert tuple(polysim_verify.VERDICTS) == VERDICTS


def completed(line: str, **environment: str) -> list[str]:
    """Return what bash is offered for the last word of a command line."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-m", "mraf"], capture_output=True, text=True, check=True,
        env=os.environ | {
            "PYTHONPATH": str(Path(cli.__file__).parents[1]), "_MRAF_COMPLETE": "complete_bash",
            "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), **environment,
        },
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("mraf po", ["polysim"]),
        ("mraf extract --face ", ["auto", "facenet", "dlib"]),
        ("mraf extract --engine r", ["ray"]),
        ("mraf identify x --device c", ["cpu", "cuda"]),
        ("mraf evaluate --mode s", ["single", "setting"]),
        ("mraf weights get ", ["facenet", "ecapa", "campplus", "segmentation", "lr-asd"]),
        ("mraf polysim ablate f", ["fusion"]),
        ("mraf train --model-type ", ["prototypes", "mraf", "fop"]),
        ("mraf train --preset p", ["paper"]),
        ("mraf polysim dev --model-type ", ["prototypes", "mraf", "fop"]),
    ],
)
def test_the_shell_completes_choices(line, offered):
    assert completed(line) == offered


def test_the_shell_completes_names_of_models(trained, tmp_path):
    workspace = shutil.copytree(trained, tmp_path / "workspace")
    shutil.copytree(workspace / "models" / "prototypes", workspace / "models" / "other")
    assert completed(f"mraf evaluate -w {workspace} --model ") == ["other", "prototypes"]
    assert completed("mraf identify x --model o", MRAF_WORKSPACE=str(workspace)) == ["other"]
    assert completed("mraf evaluate -w nowhere --model ") == []


@pytest.mark.parametrize(
    ("name", "choice"), [("model_type", options.ModelType), ("preset", options.Preset)]
)
def test_the_choices_shown_for_several_are_all_of_them(name, choice):
    """Their metavars are written by hand."""
    _, option = get_args(get_type_hints(polysim.dev, include_extras=True)[name])
    assert option.metavar == f"<{'|'.join(choice)}>"
