import json
import os
import threading

import numpy as np
import pytest

from mraf.data.clips.clip import Clip
from mraf.errors import BusyError, MediaError, MrafError, UsageError
from mraf.extractors.streaming.decoding.problems import Problem
from mraf.extractors.streaming.lost import Lost
from mraf.extractors.streaming.stream import Slices
from mraf.pipeline.timeline.observation import observe as module
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
    assert eyes.finished == kept and eyes.begun[-1] is None  # nothing lies on into the next file
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
    assert json.loads((one.folder / "meta.json").read_text())["parts"] == 3
    about = json.loads((one.folder / "about.json").read_text())
    assert about["file"] == str(film.resolve())


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
    told = []

    def waits(line):
        told.append(line)
        free.set()

    other, ears, _ = seen(film, tmp_path, patience=600.0, on_wait=waits)
    one.join()
    assert found[0].count == other.count == 3 and not ears.calls
    assert [f"another `mraf timeline` (process {os.getpid()})" in line for line in told] == [True]


class Fails(Stops):
    """Fails at a time, and then at everything, as a network that has lost its memory."""

    def finish(self):
        raise OSError("finish fails too")


def test_the_first_error_is_the_one_that_is_raised(film, tmp_path):
    eyes = Fails(10.0, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        observe(film, workspace=tmp_path, observers=watching(None, eyes), made_by="networks")
    assert eyes.begun == [None, None] and not eyes._part


def test_the_picture_of_the_part_before_is_handed_on(film, tmp_path):
    one, _, _ = seen(film, tmp_path)
    (one.folder / "part-00001.npz").unlink()
    _, _, eyes = seen(film, tmp_path)
    before, after = eyes.begun
    assert before.tracks[0].first_tick == 0 and after is None


@pytest.fixture
def lossy(monkeypatch):
    """Have the slices at some times be passed over."""
    plain = Slices.__next__

    def lose(*times, again):
        def lossy(self):
            found = plain(self)
            if found.start not in times:
                return found
            lost = Lost()
            lost.grow(found.start, "fails", again=again)
            (empty,) = lost.slices(found.stop, has_sound=found.wave is not None)
            return empty

        monkeypatch.setattr(Slices, "__next__", lossy)

    return lose


class Counts(Eyes):
    """Counts the ticks that it was given."""

    ticks = 0

    def add(self, slice_, faces, speech):
        super().add(slice_, faces, speech)
        self.ticks += len(slice_.shown)


def test_ticks_are_counted_where_pictures_are_lacking(film, tmp_path, lossy):
    lossy(4.0, again=False)
    eyes = Counts()
    found = observe(film, workspace=tmp_path, observers=watching(None, eyes), made_by="x")
    assert eyes.ticks == 150 * 25 and eyes.slices[:4] == [0.0, 2.0, 4.0, 6.0]
    assert found.problems == ("file: passed over at 4.0 s (the decoder fails)",)


def test_damage_in_several_parts_is_told_once(film, tmp_path, lossy):
    wanted = ("file: passed over in 3 places, first at 4.0 s (the decoder fails)",)
    lossy(4.0, 8.0, 130.0, again=False)
    eyes = Stops(100.0)
    with pytest.raises(KeyboardInterrupt):
        observe(film, workspace=tmp_path, observers=watching(None, eyes), made_by="networks")
    resumed, _, _ = seen(film, tmp_path)
    assert resumed.reused == 60 and resumed.problems == wanted
    again, ears, _ = seen(film, tmp_path)
    assert not ears.calls and again.problems == wanted


def test_what_a_limit_has_cost_is_made_again(film, tmp_path, first, lossy):
    lossy(70.0, again=True)
    lost, _, _ = seen(film, tmp_path)
    assert lost.problems == ("file: passed over at 70.0 s (the decoder fails)",)
    lossy(again=True)
    found, ears, _ = seen(film, tmp_path)
    assert ears.calls == [(60, 120, 70)] and not found.problems
    assert contents(found) == contents(first[0])


def test_what_is_lost_twice_is_lost_for_good(film, tmp_path, lossy):
    lossy(130.0, again=True)
    seen(film, tmp_path)
    found, ears, _ = seen(film, tmp_path)
    assert ears.calls == [(120, 150, 30)] and len(found.problems) == 1
    found, ears, _ = seen(film, tmp_path)
    assert not ears.calls and len(found.problems) == 1 and found.reused == 150


def test_an_end_that_was_not_read_is_read_by_a_later_run(film, tmp_path, first, monkeypatch):
    plain = Slices.__next__

    def ends(self):
        if self.position < 130.0:
            return plain(self)
        self.last_problems = (Problem(kind="rest", text="too slow", first=130.0, again=True),)
        raise StopIteration

    with monkeypatch.context() as context:
        context.setattr(Slices, "__next__", ends)
        lost, _, _ = seen(film, tmp_path)
    assert lost.duration == 130 and "from 130.0 s on it is not read" in lost.problems[0]
    found, ears, _ = seen(film, tmp_path)
    assert ears.calls == [(120, 150, 30)] and not found.problems and found.duration == 150
    assert contents(found) == contents(first[0])


def test_a_retry_that_loses_more_does_not_replace_what_is_there(film, tmp_path, lossy):
    lossy(70.0, again=True)
    lost, _, _ = seen(film, tmp_path)
    before = contents(lost)
    lossy(*range(60, 100, 2), again=True)
    worse, ears, _ = seen(film, tmp_path)
    assert ears.calls == [(60, 120, 70)] and worse.problems == lost.problems
    parts = zip(worse, lost, strict=True)
    assert all(np.array_equal(a.heard.vectors, b.heard.vectors) for a, b in parts)
    assert (contents(worse)[0], contents(worse)[2]) == (before[0], before[2])
    lossy(again=True)
    _, ears, _ = seen(film, tmp_path)
    assert not ears.calls  # it was tried


@pytest.fixture
def ends(monkeypatch):
    """Have reading end at a time."""
    plain = Slices.__next__

    def at(time):
        def ends(self):
            if self.position < time:
                return plain(self)
            self.last_problems = (Problem(kind="rest", text="too slow", first=time, again=True),)
            raise StopIteration

        monkeypatch.setattr(Slices, "__next__", plain if time is None else ends)

    return at


@pytest.mark.parametrize("lost, end", [(70.0, 100.0), (130.0, 124.0), (130.0, 120.0)])
def test_a_retry_that_ends_earlier_does_not_shorten_the_file(
    film, tmp_path, lossy, ends, lost, end
):
    lossy(lost, again=True)
    one, _, _ = seen(film, tmp_path)
    ends(end)
    found, _, _ = seen(film, tmp_path)
    assert (found.count, found.duration, found.problems) == (3, 150, one.problems)
    assert [each.stop for each in found] == [60, 120, 150]
    _, ears, _ = seen(film, tmp_path)
    assert not ears.calls  # it was tried


def test_an_end_that_is_pushed_on_is_pushed_on_by_later_runs(film, tmp_path, first, ends):
    ends(64.0)
    assert seen(film, tmp_path)[0].duration == 64
    ends(130.0)
    assert seen(film, tmp_path)[0].duration == 130
    found, ears, _ = seen(film, tmp_path)
    assert ears.calls == [(120, 130, 10)]  # no further than before: for good
    ends(None)
    found, ears, _ = seen(film, tmp_path)
    assert not ears.calls and found.duration == 130 and "from 130.0 s on" in found.problems[0]


@pytest.fixture
def unreadable(monkeypatch):
    """Have the file not be opened from some time on."""
    plain = Slices.__init__

    def at(time, error):
        def fails(self, path, *, start=0.0, **options):
            if start >= time:
                raise error
            plain(self, path, start=start, **options)

        monkeypatch.setattr(Slices, "__init__", fails)

    yield at


def test_a_retry_that_fails_is_not_repeated(film, tmp_path, lossy, unreadable):
    lossy(70.0, again=True)
    lost, _, _ = seen(film, tmp_path)
    unreadable(60.0, MediaError("film.mkv: nothing from 60 s on"))
    ears = Ears()
    loaded = []

    def observers():
        loaded.append(1)
        return watching(ears)()

    found = observe(film, workspace=tmp_path, observers=observers, made_by="networks")
    assert (found.count, found.duration, found.problems) == (3, 150, lost.problems)
    assert found.reused == 150 and not loaded
    unreadable(0.0, AssertionError("opened once more"))
    found, _, _ = seen(film, tmp_path)
    assert found.problems == lost.problems and not found.notes


def test_a_retry_for_which_the_file_is_busy_is_told_and_repeated(film, tmp_path, lossy, unreadable):
    lossy(70.0, again=True)
    lost, _, _ = seen(film, tmp_path)
    unreadable(60.0, BusyError("film.mkv: the decoder took longer than 300 s"))
    found, _, _ = seen(film, tmp_path)
    assert found.duration == 150 and found.problems == lost.problems
    assert found.notes == (
        "what was lost from 60 s on cannot be looked for again now "
        "(film.mkv: the decoder took longer than 300 s); the next run does",
    )
    lossy(again=True)
    unreadable(1000.0, None)
    found, ears, _ = seen(film, tmp_path)
    assert ears.calls == [(60, 120, 70)] and not found.problems and not found.notes


@pytest.mark.parametrize("retried", [True, False])
def test_parts_that_are_gone_and_cannot_be_made_anew_are_an_error(
    film, tmp_path, lossy, unreadable, ends, retried
):
    if retried:
        lossy(70.0, again=True)
    one, _, _ = seen(film, tmp_path)
    meta = (one.folder / "meta.json").read_bytes()
    (one.folder / "part-00002.npz").unlink()
    unreadable(60.0, MediaError("film.mkv: nothing from there on"))
    with pytest.raises(MediaError, match="nothing from there on"):
        seen(film, tmp_path)
    unreadable(1000.0, None)
    ends(124.0)
    with pytest.raises(BusyError, match="cannot be read again from 120 s on .too slow."):
        seen(film, tmp_path)
    assert (one.folder / "meta.json").read_bytes() == meta
    ends(None)
    found, _, _ = seen(film, tmp_path)
    assert (found.count, found.duration, found.problems) == (3, 150, ())


def test_what_is_passed_over_is_told_in_each_part(film, tmp_path, monkeypatch):
    """A stretch over the border of two parts is looked for again in both."""
    plain = Slices.__next__

    def lossy(self):
        found = plain(self)
        if found.start != 118.0:
            return found
        lost = Lost()
        for _ in range(2):  # 2 s, then 4 s
            lost.grow(118.0, "fails", again=True)
        behind = plain(self)
        self._ready.extendleft(reversed(lost.slices(behind.stop, has_sound=True)))
        return self._ready.popleft()

    with monkeypatch.context() as context:
        context.setattr(Slices, "__next__", lossy)
        lost, _, _ = seen(film, tmp_path)
    assert lost.problems == ("file: passed over at 118.0 s (the decoder fails)",)
    found, ears, _ = seen(film, tmp_path)
    assert ears.calls == [(60, 120, 70), (120, 150, 30)] and not found.problems


def test_it_is_told_that_the_decoder_gives_nothing(film, tmp_path, monkeypatch):
    plain, told = Slices.__next__, []

    def quiet(self):
        if self.position == 4.0:
            self._on_wait()
        return plain(self)

    monkeypatch.setattr(Slices, "__next__", quiet)
    seen(film, tmp_path, on_progress=told.append)
    (at,) = [i for i, each in enumerate(told) if each.is_waiting]
    assert told[at].done <= 4.0 and told[at].duration == 150 and len(told) == 76


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


def test_a_file_that_is_written_to_while_it_is_hashed(tmp_path, monkeypatch):
    path = write_media(tmp_path / "live.wav", wave=tone(3.0), audio_codec="pcm_s16le")
    plain = Clip.content_hash

    def grows(clip, **options):
        found = plain(clip, **options)
        with path.open("ab") as file:
            file.write(b"\0\0" * 16_000)
        return found

    with monkeypatch.context() as context:
        context.setattr(Clip, "content_hash", grows)
        found, _, _ = seen(path, tmp_path)
    assert any("written to while it was read" in note for note in found.notes)

    def replaced(clip, **options):
        found = plain(clip, **options)
        write_media(path, wave=tone(2.0), audio_codec="pcm_s16le")
        return found

    monkeypatch.setattr(Clip, "content_hash", replaced)
    with pytest.raises(BusyError, match=r"live\.wav: was changed while"):
        seen(path, tmp_path)


def test_the_digest_is_of_the_bytes_that_are_told(tmp_path, monkeypatch):
    """The file grows between the look at its size and the end of its digest."""
    path = write_media(tmp_path / "live.wav", wave=tone(3.0), audio_codec="pcm_s16le")
    size, plain = path.stat().st_size, Clip.content_hash

    def grows(clip, **options):
        with path.open("ab") as file:
            file.write(b"\0\0" * 16_000)
        return plain(clip, **options)

    with monkeypatch.context() as context:
        context.setattr(Clip, "content_hash", grows)
        found, _, _ = seen(path, tmp_path)
    assert found.size == size
    assert found.content == Clip("file", path).content_hash(beginning=size)


class Overwrites(Ears):
    """Has a file overwritten in place, with as many bytes of another content."""

    def __init__(self, path, error=None):
        super().__init__()
        self.path, self.error = path, error

    def observe(self, wave, start, stop):
        found = super().observe(wave, start, stop)
        if start == 60:
            with self.path.open("r+b") as file:
                file.seek(1000)
                file.write(b"\1\2\3" * 1000)
            os.utime(self.path, ns=(1, 1))
            if self.error is not None:
                raise self.error
        return found


@pytest.mark.parametrize("error, wanted", [(None, BusyError), (KeyboardInterrupt(), None)])
def test_parts_of_two_contents_are_not_kept(tmp_path, error, wanted):
    path = write_media(tmp_path / "talk.wav", wave=tone(121.0), audio_codec="pcm_s16le")
    with pytest.raises(wanted or KeyboardInterrupt, match="overwritten" if wanted else None):
        ears = Overwrites(path, error)
        observe(path, workspace=tmp_path, observers=watching(ears), made_by="x")
    assert not list((tmp_path / "timelines").iterdir())
    _, ears, _ = seen(path, tmp_path, made_by="x")
    assert ears.calls[0][0] == 0


def test_a_file_that_vanishes_is_told_calmly(tmp_path, monkeypatch):
    path = write_media(tmp_path / "gone.wav", wave=tone(3.0), audio_codec="pcm_s16le")

    class Removes(Ears):
        def observe(self, wave, start, stop):
            path.unlink()
            return super().observe(wave, start, stop)

    found = observe(path, workspace=tmp_path, observers=watching(Removes()), made_by="x")
    assert any("written to" in note for note in found.notes)
    write_media(path, wave=tone(4.0), audio_codec="pcm_s16le")
    plain = Clip.content_hash
    monkeypatch.setattr(
        Clip, "content_hash", lambda clip, **how: (plain(clip, **how), path.unlink())[0]
    )
    with pytest.raises(BusyError, match=r"gone\.wav: has gone"):
        seen(path, tmp_path)
    assert list((tmp_path / "timelines").iterdir()) == [found.folder]


def test_of_a_large_file_the_time_of_its_change_counts(tmp_path, monkeypatch):
    path = write_media(tmp_path / "large.wav", wave=tone(3.0), audio_codec="pcm_s16le")
    os.utime(path, ns=(1, 1))
    seen(path, tmp_path)
    os.utime(path, ns=(2, 2))
    _, ears, _ = seen(path, tmp_path)
    assert not ears.calls
    monkeypatch.setattr(module, "HASHED_WHOLE", 1000)
    one, _, _ = seen(path, tmp_path)
    os.utime(path, ns=(3, 3))
    other, ears, _ = seen(path, tmp_path)
    assert ears.calls and one.folder != other.folder


def test_parts_of_what_was_in_a_file_before_are_removed(tmp_path):
    path = write_media(tmp_path / "live.wav", wave=tone(3.0), audio_codec="pcm_s16le")
    copy = write_media(tmp_path / "copy.wav", wave=tone(3.5), audio_codec="pcm_s16le")
    before, _, _ = seen(path, tmp_path)
    others, _, _ = seen(copy, tmp_path)
    write_media(path, wave=tone(4.0), audio_codec="pcm_s16le")
    after, _, _ = seen(path, tmp_path)
    assert not before.folder.exists() and after.folder.exists() and others.folder.exists()


def test_parts_of_older_networks_do_not_pile_up(tmp_path):
    path = write_media(tmp_path / "talk.wav", wave=tone(3.0), audio_codec="pcm_s16le")
    folders = []
    for number in range(4):
        folders.append(seen(path, tmp_path, made_by=f"networks {number}")[0].folder)
        os.utime(folders[-1] / "about.json", ns=(number, number))
    assert [each.exists() for each in folders] == [False, True, True, True]


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(BusyError, match="no such file"):
        seen(tmp_path / "nothing.mp4", tmp_path)
    (tmp_path / "text.mp4").write_text("not a film")
    with pytest.raises(MediaError, match=r"text\.mp4"):
        seen(tmp_path / "text.mp4", tmp_path)
    with pytest.raises(MediaError, match="a folder"):
        seen(tmp_path, tmp_path)
    assert not list((tmp_path / "timelines").iterdir())  # nothing is left of them


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
