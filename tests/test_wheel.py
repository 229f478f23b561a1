"""The wheel installs one importable name, and works beside files that have the names of its folders."""

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOSTILE = {
    "data/__init__.py": "raise ImportError('the data/ of somebody else was imported')",
    "extractors/__init__.py": "raise ImportError('the extractors/ of somebody else were imported')",
    "pipeline.py": "raise ImportError('the pipeline.py of somebody else was imported')",
    "cli.py": "raise ImportError('the cli.py of somebody else was imported')",
    "tests.py": "raise ImportError('the tests.py of somebody else was imported')",
    "mraf_test.py": "raise ImportError('the mraf_test.py of somebody else was imported')",
}
SCRIPT = """
import json, sys
import mraf
from pathlib import Path

assert Path(mraf.__file__).is_relative_to(sys.prefix), mraf.__file__
videos, clip = sys.argv[1:]
report = mraf.extract(videos, workspace="ws", face="dlib", voice="campplus", workers=2)
mraf.train("ws", languages=("English",), holdout=0)
with mraf.Identifier("ws") as identify:
    print(json.dumps([report.clips, report.embedded, identify(clip).speaker]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel built from a copy of what the repository holds."""
    source = tmp_path_factory.mktemp("source") / "mraf"
    tops = (
        "cli.py",
        "data",
        "extractors",
        "mraf",
        "pipeline",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    )
    waste = shutil.ignore_patterns("__pycache__", "*.egg-info")
    source.mkdir()
    for name in tops:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=waste)
        else:
            shutil.copy(ROOT / name, source / name)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(out), str(source)], check=True)
    return next(out.glob("mraf-*.whl"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """The interpreter of an environment that has the wheel, and the packages of this environment."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    site = Path(
        _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    )
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps"]
    subprocess.run([*install, str(wheel)], check=True)
    # A .pth file adds the packages, but not the finder of an editable mraf, which another .pth starts.
    here = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (site / "others.pth").write_text("\n".join(here) + "\n")
    return python


def _run(*command: object, cwd: Path | None = None) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_holds_mraf_alone(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        tops = {name.split("/")[0] for name in names}
        listed = archive.read(next(n for n in names if n.endswith("top_level.txt"))).decode()
    assert listed.split() == ["mraf"]
    assert tops == {"mraf", f"{wheel.name.split('-py3')[0]}.dist-info"}
    page = [f"pipeline/timeline/outputs/page/page.{ending}" for ending in ("html", "css", "js")]
    card = "pipeline/training/model_card.md"
    for name in ("py.typed", "cli.py", "data/table/features.py", card, *page):
        assert f"mraf/{name}" in names


def test_nothing_else_can_be_imported(python, tmp_path):
    code = "from importlib.util import find_spec; print([n for n in ('data', 'pipeline', 'extractors', 'cli', 'tests', 'benchmarks') if find_spec(n)])"
    assert _run(python, "-c", code, cwd=tmp_path).strip() == "[]"


def test_it_works_from_a_folder_with_files_of_the_same_names(python, sample_videos, tmp_path):
    """Workers, the decoder's child process and the command import mraf, and none of those files."""
    for name, text in HOSTILE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "script.py").write_text(SCRIPT)
    clip = next(p for p in sorted(sample_videos.glob("person01/English/rec1/*.mp4")))
    out = _run(python, "script.py", sample_videos, clip, cwd=tmp_path)
    assert json.loads(out.splitlines()[-1]) == [32, 32, "person01"]
    for command in ([python, "-m", "mraf"], [python.with_name("mraf")]):
        shown = _run(*command, "identify", clip, "-w", "ws", "--json", cwd=tmp_path)
        assert json.loads(shown)["clips"][0]["speaker"] == "person01"
