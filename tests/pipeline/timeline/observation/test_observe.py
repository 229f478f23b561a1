import json
import threading

import numpy as np
import pytest

from mraf.errors import BusyError, MediaError, MrafError, UsageError
from mraf.pipeline.timeline.observation.observe import observe
from mraf.pipeline.timeline.observation.serial import to_bytes
from tests.helpers.media_files import tone, write_media
from tests.helpers.observers import Ears, Eyes, watching
from tests.helpers.timed_files import pieces, shade, write_timed


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """150 s: three parts, the last one short. A picture every half second."""
    rng = np.random.default_rng(0)
    wave = rng.normal(0, 0.1, 150 * 16_000).astype(np.float32)
    pictures = [(k / 2, shade(40 + k % 150, 16, 16)) for k in range(300)]
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    return write_timed(path, pictures, pieces(wave, size=16_000))


def seen(path, workspace, made_by="networks", **options):
    ears, eyes = Ears(), Eyes()
    found = observe(
        path, workspace=workspace, observers=watching(ears, eyes), made_by=made_by, **options
    )
    return found, ears, eyes


def contents(found) -> list[bytes]:
    return [to_bytes(each) for each in found]


@pytest.fixture(scope="module")
def first(film, tmp_path_factory):
    return seen(film, tmp_path_factory.mktemp("workspace"))


def test_a_file_is_observed_part_by_part(first):
    found, ears, eyes = first
    assert [(each.start, each.stop) for each in found] == [(0, 60), (60, 120), (120, 150)]
    assert ears.calls == [(0, 60, 70), (60, 120, 70), (120, 150, 30)]
    assert eyes.slices == [2.0 * k for k in range(75)]
    assert found.duration == 150 and len(found) == 3 and not found.problems
    parts = list(found)
    assert [len(each.heard.starts) for each in parts] == [60, 60, 30]
    assert [len(each.seen.tracks[0].times) for each in parts] == [300, 300, 150]
    assert parts[1].seen.tracks[0].first_tick == 1500


def test_a_second_run_reads_nothing_again(film, first):
    workspace = first[0].folder.parents[1]
    told = []
    again, ears, eyes = seen(film, workspace, on_progress=told.append)
    assert not ears.calls and not eyes.slices and not told
    assert contents(again) == contents(first[0]) and again.reused == 150
    assert (again.duration, again.count) == (150, 3)


def test_other_networks_observe_anew(film, tmp_path):
    path = write_media(tmp_path / "talk.wav", wave=tone(3.0), audio_codec="pcm_s16le")
    one, _, _ = seen(path, tmp_path)
    other, ears, _ = seen(path, tmp_path, made_by="better networks")
    assert ears.calls and one.folder != other.folder


def test_progress_is_told(film, tmp_path):
    told = []
    seen(film, tmp_path, on_progress=told.append)
    assert [each.done for each in told] == [2.0 * k for k in range(1, 76)]
    assert told[-1].duration == 150 and told[-1].left == 0 and told[-1].speed > 0


class Stops(Eyes):
    """Is interrupted at a time."""

    def __init__(self, at, error=KeyboardInterrupt):
        super().__init__()
        self.at, self.error, self.finished = at, error, 0

    def add(self, slice_, faces, speech):
        super().add(slice_, faces, speech)
        if slice_.start >= self.at:
            raise self.error

    def finish(self):
        self.finished += 1
        return super().finish()


@pytest.mark.parametrize("at, kept", [(10.0, 0), (100.0, 1), (148.0, 2)])
def test_an_interrupted_run_goes_on(film, first, tmp_path, at, kept):
    eyes = Stops(at)
    with pytest.raises(KeyboardInterrupt):
        observe(film, workspace=tmp_path, observers=watching(None, eyes), made_by="networks")
    assert eyes.finished == kept + 1  # what was begun does not lie on into the next file
    told = []
    again, ears, eyes = seen(film, tmp_path, on_progress=told.append)
    assert eyes.slices[0] == 60.0 * kept and ears.calls[0][0] == 60.0 * kept
    assert again.reused == told[0].reused == 60.0 * kept
    assert told[0].done == 60.0 * kept + 2 and told[-1].done == 150
    assert contents(again) == contents(first[0])


@pytest.mark.parametrize("damage", ["cut", "gone", "other"])
def test_a_damaged_part_is_made_anew(film, first, tmp_path, damage):
    one, _, _ = seen(film, tmp_path)
    wanted = contents(one)
    part = one.folder / "part-00001.npz"
    if damage == "gone":
        part.unlink()
    elif damage == "cut":
        part.write_bytes(part.read_bytes()[:-100])
    else:
        part.write_bytes((one.folder / "part-00000.npz").read_bytes())
    with pytest.raises(MrafError, match="part-00001"):
        list(one)
    again, ears, eyes = seen(film, tmp_path)
    assert ears.calls == [(60, 120, 70)]
    assert eyes.slices == [60.0 + 2 * k for k in range(30)]
    assert contents(again) == wanted and again.reused == 90


def test_what_is_known_of_the_whole_may_be_lost(film, tmp_path):
    one, _, _ = seen(film, tmp_path)
    (one.folder / "meta.json").write_text("{")
    again, ears, _ = seen(film, tmp_path)
    assert not ears.calls and again.duration == 150
    about = json.loads((one.folder / "meta.json").read_text())
    assert about["parts"] == 3 and about["file"] == "film.mkv"


def test_an_error_of_a_network_is_raised(film, tmp_path):
    with pytest.raises(ZeroDivisionError):
        observe(
            film,
            workspace=tmp_path,
            observers=watching(None, Stops(70.0, ZeroDivisionError)),
            made_by="networks",
        )

    class Deaf(Ears):
        def observe(self, wave, start, stop):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        observe(film, workspace=tmp_path, observers=watching(Deaf()), made_by="others")


def test_two_runs_at_once_do_not_spoil_each_other(film, tmp_path):
    begun, free = threading.Event(), threading.Event()

    class Slow(Ears):
        def observe(self, wave, start, stop):
            begun.set()
            free.wait()
            return super().observe(wave, start, stop)

    found = []
    one = threading.Thread(
        target=lambda: found.append(
            observe(film, workspace=tmp_path, observers=watching(Slow()), made_by="networks")
        )
    )
    one.start()
    begun.wait()
    with pytest.raises(UsageError, match="another `mraf timeline`"):
        seen(film, tmp_path)
    free.set()
    one.join()
    assert found[0].count == 3


def test_sound_alone_and_a_picture_alone(tmp_path):
    path = write_media(tmp_path / "podcast.wav", wave=tone(61.0), audio_codec="pcm_s16le")
    found, _, eyes = seen(path, tmp_path)
    parts = list(found)
    assert [each.stop for each in parts] == [60, 61] and not eyes.slices
    assert all(each.seen is None and each.heard is not None for each in parts)
    path = write_timed(tmp_path / "mute.mkv", [(k / 5, shade(70)) for k in range(20)])
    found, ears, eyes = seen(path, tmp_path)
    assert not ears.calls and eyes.slices == [0.0, 2.0]
    assert [each.heard for each in found] == [None]


def test_a_file_of_exactly_one_part(tmp_path):
    path = write_media(tmp_path / "minute.wav", wave=tone(60.0), audio_codec="pcm_s16le")
    one, ears, _ = seen(path, tmp_path)
    assert one.count == 1 and one.duration == 60 and len(ears.calls) == 1
    (one.folder / "meta.json").unlink()
    again, ears, _ = seen(path, tmp_path)
    assert again.count == 1 and not ears.calls


def test_lips_are_looked_at_where_speech_is(film, tmp_path):
    eyes = Eyes()

    def speech(wave):  # at 3 s only, whatever comes before and after is listened to as well
        lengths.append(len(wave) / 16_000)
        return np.ones(len(wave) // 512)

    lengths = []
    observe(film, workspace=tmp_path, observers=watching(None, eyes, speech), made_by="x")
    assert all(each.all() and len(each) == 50 for each in eyes.speech)
    assert sorted(set(lengths)) == [3.0, 4.0]


def test_a_file_that_grows_is_told_and_is_another_file(tmp_path):
    path = write_media(tmp_path / "live.wav", wave=tone(3.0), audio_codec="pcm_s16le")

    class Writes(Ears):
        def observe(self, wave, start, stop):
            with path.open("ab") as file:
                file.write(b"\0\0" * 16_000)
            return super().observe(wave, start, stop)

    found = observe(path, workspace=tmp_path, observers=watching(Writes()), made_by="x")
    assert any("written to while it was read" in note for note in found.notes)
    again, ears, _ = seen(path, tmp_path, made_by="x")
    assert ears.calls and again.folder != found.folder


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(BusyError, match="no such file"):
        seen(tmp_path / "nothing.mp4", tmp_path)
    (tmp_path / "text.mp4").write_text("not a film")
    with pytest.raises(MediaError, match=r"text\.mp4"):
        seen(tmp_path / "text.mp4", tmp_path)
    with pytest.raises(MediaError, match="a folder"):
        seen(tmp_path, tmp_path)


def test_what_is_kept_in_memory_does_not_grow(tmp_path, monkeypatch):
    """Twenty minutes: the sound that is held never exceeds a part and what belongs to it."""
    from mraf.pipeline.timeline.observation import a_pass

    path = write_media(tmp_path / "long.wav", wave=tone(1200.0), audio_codec="pcm_s16le")
    most = []
    add = a_pass._Waves.add

    def counted(self, slice_):
        add(self, slice_)
        most.append(sum(0 if wave is None else len(wave) for _, wave in self._pieces) / 16_000)

    monkeypatch.setattr(a_pass._Waves, "add", counted)
    found, _, _ = seen(path, tmp_path)
    assert found.count == 20 and len(most) == 600
    assert max(most) < 90 and max(most[300:]) <= max(most[:300])


def test_it_is_told_of_what_tracks_of_what_content_it_is(film, first, tmp_path):
    found = first[0]
    assert found.content == found.folder.name.split("-")[0]
    assert (found.size, found.tracks) == (film.stat().st_size, (1, 1))
    sound = write_media(tmp_path / "talk.wav", wave=tone(3.0), audio_codec="pcm_s16le")
    one, _, _ = seen(sound, tmp_path)
    assert one.tracks == (1, None)
    meta = one.folder / "meta.json"
    kept = json.loads(meta.read_text("utf-8"))
    del kept["tracks"]  # as runs wrote it before they were kept
    meta.write_text(json.dumps(kept))
    again, ears, _ = seen(sound, tmp_path)
    assert again.tracks == (1, None) and not ears.calls
    assert json.loads(meta.read_text("utf-8"))["tracks"] == [1, None]
