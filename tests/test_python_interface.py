"""`import mraf`: the public names, and the examples of docs/python.md and the README."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mraf

ROOT = Path(__file__).parents[1]


def blocks(page: str) -> list[str]:
    """The Python examples of a page."""
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_takes_milliseconds():
    """By what it imports, since a busy machine has no honest clock."""
    heavy = "{'torch', 'numpy', 'av', 'cv2', 'rich', 'typer', 'pyarrow', 'inspect', 'pathlib'}"
    code = f"import sys; before = set(sys.modules); import mraf; print(*sorted({heavy} & (set(sys.modules) - before)))"
    assert run(code) == ""
    assert (
        int(run("import sys; b = len(sys.modules); import mraf; print(len(sys.modules) - b)")) < 15
    )


@pytest.mark.parametrize("name", mraf.__all__)
def test_every_public_name_is_there(name):
    assert getattr(mraf, name) is not None
    assert name in dir(mraf)


def test_the_table_of_names_is_whole():
    assert set(mraf.__all__) == {"__version__", *mraf._HOME}
    with pytest.raises(AttributeError, match="no attribute 'extrakt'"):
        mraf.extrakt  # noqa: B018


def test_the_examples_are_typed_as_they_are_used(tmp_path):
    """A user's type checker sees the types, and no name that is not there."""
    examples = "\n".join(blocks("docs/python.md")).replace("import mraf\n", "")
    wrong = "mraf.extrakt('videos')"
    script = tmp_path / "script.py"
    script.write_text(f"import mraf\n{examples}\nmraf.train(languages='English')\n{wrong}\n")
    command = [sys.executable, "-m", "mypy", "--cache-dir", tmp_path / "cache", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    (error,) = [line for line in done.stdout.splitlines() if "script.py" in line]
    assert 'no attribute "extrakt"' in error


def test_the_examples_of_the_pages_run(sample_videos, tmp_path, monkeypatch, capsys):
    shutil.copytree(sample_videos, tmp_path / "videos")
    shutil.copy(tmp_path / "videos/person01/English/rec1/02.mp4", tmp_path / "clip.mp4")
    monkeypatch.chdir(tmp_path)
    found = blocks("docs/python.md")
    assert len(found) >= 6
    names: dict[str, object] = {}
    for block in found:
        exec(compile(block, "docs/python.md", "exec"), names)
    out = capsys.readouterr().out
    assert "32 clips" in out and "english 4 speakers" in out and "person01" in out
    assert "mraf extract" in out.splitlines()[-1]  # the remedy of the error
    (tmp_path / "ws").rename(tmp_path / "mraf-workspace")
    (readme,) = blocks("README.md")
    exec(compile(readme, "README.md", "exec"), {})
    assert capsys.readouterr().out == "person01\n"
