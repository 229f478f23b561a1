import csv
import json
from itertools import chain

import pytest

from mraf.checkpoint import describe, load_trained
from mraf.data.sample.plan import SampleOptions, plan_takes
from mraf.pipeline.demo import clips, commands, run
from mraf.pipeline.training.train import train
from mraf.pipeline.workspace import Workspace
from tests.helpers.workspaces import filled


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A model that was trained on the English recordings of three people."""
    labels = [(s, language, "rec1") for s in "abc" for language in ("English", "Urdu")]
    folder = filled(tmp_path_factory.mktemp("demo") / "w", labels)
    train(folder, languages="English", preset="cosine")
    return folder


def test_commands_come_in_order_and_a_failure_ends_them(tmp_path):
    lines: list[str] = []
    ran: list[list[str]] = []

    def command(arguments):
        ran.append(arguments)
        if arguments[0] == "sample":
            listed(tmp_path / "videos", "a English seen speech", "b English seen speech")
        return 3 if arguments[0] == "train" else 0

    code, _ = run(tmp_path, speakers=12, command=command, announce=lines.append)
    assert code == 3 and [each[0] for each in ran] == ["sample", "extract", "train"]
    talk = tmp_path / "conversation.mp4"
    assert lines[0] == f"mraf sample {tmp_path / 'videos'} --speakers 12 --conversation {talk}"


def test_as_json_nothing_else_is_printed(tmp_path, capsys):
    def command(arguments):
        assert arguments[-1] == "--json"
        if arguments[0] == "sample":
            listed(tmp_path / "videos", "a English seen speech", "b English seen speech")
        print(json.dumps({"did": arguments[0]}))
        return int(arguments[0] == "extract")

    code, steps = run(tmp_path, speakers=12, command=command)
    assert code == 1
    assert [step["result"] for step in steps] == [{"did": "sample"}, {"did": "extract"}]
    assert capsys.readouterr().out == ""


def listed(folder, *clips: str):
    """A folder with a `sample.csv` of these clips, each "speaker language face sound"."""
    folder.mkdir()
    with (folder / "sample.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow("path speaker language recording face sound".split())
        for number, clip in enumerate(clips):
            speaker, language, face, sound = clip.split()
            writer.writerow([f"{number}.mp4", speaker, language, "rec1", face, sound])
    return folder


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        # One of each kind, of three people: the one silent clip decides first.
        (
            ["a Urdu seen speech", "a Urdu hand speech", "a Urdu seen none", "b Urdu dark speech",
             "b Urdu seen speech", "c Urdu seen speech"],
            [5, 3, 2],
        ),
        # English has trained.
        (
            ["a English seen speech", "a English hand speech", "a English seen none",
             "a Urdu seen speech", "b Urdu hand speech"],
            [3, 4],
        ),
        # A person may be shown twice where nobody else has such a clip.
        (["a Urdu seen speech", "a Urdu hand speech", "a Urdu seen none"], [0, 1, 2]),
        # A clip with neither face nor sound is no example of either.
        (["a Urdu hand none", "b Urdu seen speech"], [1]),
    ],
)  # fmt: skip
def test_a_clip_of_each_kind_is_named(workspace, tmp_path, rows, chosen):
    videos = listed(tmp_path / "videos", *rows)
    assert clips(videos, workspace) == [str(videos / f"{number}.mp4") for number in chosen]


def test_people_who_did_not_train_are_no_example(workspace, tmp_path):
    videos = listed(tmp_path / "videos", "z Urdu seen speech", "a Urdu seen speech")
    assert clips(videos, workspace) == [str(videos / "1.mp4")]


def test_two_people_are_kept_out_and_one_of_them_enrolled(workspace, tmp_path):
    """The command `sample` has run already; what the others do does not matter here."""
    spoken = [f"{s} {x} {k} speech" for s in "abcde" for x in ("English", "Urdu") for k in ("hand", "seen", "seen")]  # fmt: skip
    videos = listed(tmp_path / "videos", *spoken)
    _, extract, train_, again, evaluate, known, enrol, later, timeline = commands(
        videos, workspace, 5
    )
    assert extract[:6] == ["extract", str(videos), "--exclude", "d", "--exclude", "e"]
    assert train_[:1] == ["train"] and evaluate[:1] == ["evaluate"] and len(known) > 4
    assert again == ["extract", str(videos), "-w", str(workspace)]
    assert enrol[:4] == ["enrol", "d", str(videos / "19.mp4"), str(videos / "20.mp4")]
    assert later[:3] == ["identify", str(videos / "22.mp4"), str(videos / "28.mp4")]
    assert timeline[:2] == ["timeline", str(tmp_path / "conversation.mp4")]
    assert timeline[2:4] == ["--out", str(tmp_path / "timelines")]


def test_the_sample_has_a_clip_of_each_kind_in_another_language():
    for speakers in (4, 12):  # the fewest that `mraf demo` takes, and its default
        takes = chain.from_iterable(plan_takes(SampleOptions(speakers=speakers)))
        kinds = {
            (take.face == "seen", take.sound == "speech")
            for take in takes
            if take.language == "Urdu"
        }
        assert kinds == {(True, True), (False, True), (True, False)}


def test_clips_to_identify_did_not_train(trained, sample_videos):
    names = load_trained(describe(Workspace.at(trained).model())).recordings
    table = csv.DictReader((sample_videos / "sample.csv").open(encoding="utf-8"))
    rows = {row["path"]: row for row in table}
    chosen = [
        rows[clip.removeprefix(f"{sample_videos}/")] for clip in clips(sample_videos, trained)
    ]
    assert all((r["speaker"], r["language"], r["recording"]) not in names for r in chosen)
    assert {r["language"] for r in chosen} == {"Urdu"}
    assert [r["face"] == "seen" for r in chosen] == [True, False]  # this sample has no silent one
    assert len({r["speaker"] for r in chosen}) == 2
