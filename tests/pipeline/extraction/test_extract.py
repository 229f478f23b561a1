import os
import shutil
from dataclasses import replace

import av
import numpy as np
import pytest

from mraf import Workspace
from mraf.data.clips.clip import Clip
from mraf.data.clips.folders import find_clips
from mraf.data.clips.manifest import read_manifest
from mraf.data.table.features import FeatureRow
from mraf.errors import BusyError, UsageError
from mraf.extractors.extractor import ExtractOptions
from mraf.fingerprint import Fingerprint
from mraf.pipeline.extraction.extract import choose_encoders, extract_clips
from mraf.pipeline.extraction.run import Missing
from tests.helpers import seeded
from tests.helpers.media_files import tone, write_media


@pytest.fixture
def videos(sample_videos, tmp_path):
    """Three clips of one person, to be changed."""
    folder = tmp_path / "videos" / "ann"
    folder.mkdir(parents=True)
    for number in (1, 2):
        shutil.copy(sample_videos / f"person01/Urdu/rec1/0{number}.mp4", folder / f"{number}.mp4")
    return folder.parent


def run(videos, workspace, **options):
    return extract_clips(
        find_clips([videos]), workspace=workspace, encoders=seeded.pair(), worker_count=0, **options
    )


def rows(workspace):
    return {row.clip: row for row in Workspace.at(workspace).table.rows()}


def test_dates_and_names_do_not_matter_but_content_and_options_do(videos, tmp_path):
    assert run(videos, tmp_path / "w").embedded == 2
    os.utime(videos / "ann" / "1.mp4", (0, 0))
    assert run(videos, tmp_path / "w").reused == 2
    write_media(videos / "ann" / "1.mp4", wave=tone(1.5))
    report = run(videos, tmp_path / "w")
    assert (report.reused, report.embedded) == (1, 1)
    assert rows(tmp_path / "w")["ann/1.mp4"].face_reason == "no_video"
    report = run(videos, tmp_path / "w", options=ExtractOptions(frames=3))
    assert report.embedded == 2
    assert Fingerprint.from_json(rows(tmp_path / "w")["ann/2.mp4"].extractor).frames == 3


def test_a_renamed_speaker_takes_the_vectors_along_and_leaves_nothing_behind(videos, tmp_path):
    run(videos, tmp_path / "w")
    before = rows(tmp_path / "w")["ann/1.mp4"]
    (videos / "ann").rename(videos / "anna")
    report = run(videos, tmp_path / "w")
    after = rows(tmp_path / "w")
    assert (report.reused, report.embedded) == (2, 0)
    assert set(after) == {"anna/1.mp4", "anna/2.mp4"}
    assert after["anna/1.mp4"].speaker == "anna"
    assert np.array_equal(after["anna/1.mp4"].voice, before.voice)


def test_a_copy_under_another_name_is_a_clip_of_its_own(videos, tmp_path):
    run(videos, tmp_path / "w")
    shutil.copy(videos / "ann" / "1.mp4", videos / "ann" / "3.mp4")
    assert run(videos, tmp_path / "w").reused == 3
    assert set(rows(tmp_path / "w")) == {"ann/1.mp4", "ann/2.mp4", "ann/3.mp4"}


def test_rows_say_how_good_face_and_voice_are(extracted):
    seen = [row for row in Workspace.at(extracted).table.rows() if row.face is not None]
    assert all(row.faces_seen >= 1 and row.face_sharpness > 0 for row in seen)
    assert all(0.9 < row.face_steadiness <= 1 for row in seen if row.face_frames > 1)
    heard = [row.voice_snr for row in Workspace.at(extracted).table.rows() if row.voice is not None]
    assert all(snr is None or -10 <= snr <= 60 for snr in heard) and any(heard)


def test_vectors_do_not_depend_on_the_number_of_workers(videos, tmp_path):
    run(videos, tmp_path / "one")
    extract_clips(
        find_clips([videos]), workspace=tmp_path / "two", encoders=seeded.pair(), worker_count=2
    )
    one, two = rows(tmp_path / "one"), rows(tmp_path / "two")
    assert one.keys() == two.keys()
    for clip in one:
        assert np.allclose(one[clip].voice, two[clip].voice, atol=1e-5)


def test_manifest_of_sound_and_picture_pairs(sample_videos, tmp_path):
    import cv2

    from mraf.extractors.media.read import read_video

    media = read_video(sample_videos / "person02/English/rec1/02.mp4")
    cv2.imwrite(str(tmp_path / "face.png"), media.frames[3][:, :, ::-1])
    write_media(tmp_path / "voice.wav", wave=media.wave, audio_codec="pcm_s16le")
    text = "key,identity,audio_path,face_path\na,ann,voice.wav,face.png\nb,ann,voice.wav,\n"
    text += "c,ann,,face.png\nd,ann,gone.wav,\ne,ann,voice.wav,broken.png\n"
    (tmp_path / "m.csv").write_text(text)
    (tmp_path / "broken.png").write_text("no picture")
    report = extract_clips(
        read_manifest(tmp_path / "m.csv"),
        workspace=tmp_path / "w",
        encoders=seeded.pair(),
        worker_count=0,
    )
    found = rows(tmp_path / "w")
    assert found["a"].face is not None and found["a"].voice is not None
    assert (found["b"].face_reason, found["c"].voice_reason) == ("no_video", "no_audio")
    assert [failure.clip for failure in report.failed] == ["d"]
    assert "gone.wav" in report.failed[0].error
    said = "broken.png: not a picture that can be decoded"
    assert (found["e"].face_reason, found["e"].error, found["e"].note) == (
        "decode_error",
        None,
        said,
    )
    again = extract_clips(
        read_manifest(tmp_path / "m.csv"),
        workspace=tmp_path / "w",
        encoders=seeded.pair(),
        worker_count=0,
    )
    assert again.reused == 4
    for each in (report, again):
        lacking = [replace(lost, seconds=None) for lost in each.missing]
        assert lacking == [
            Missing(clip=clip, face=face, voice=voice, detail=detail)
            for clip, face, voice, detail in (
                ("b", "no_video", None, None),
                ("c", None, "no_audio", None),
                ("d", "decode_error", "decode_error", report.failed[0].error),
                ("e", "decode_error", None, said),
            )
        ]


def test_notes_of_clips_that_lack_nothing_are_reported(sample_videos, tmp_path):
    path = tmp_path / "clip.mkv"
    with (
        av.open(str(sample_videos / "person01/English/rec1/02.mp4")) as old,
        av.open(str(path), "w") as new,
    ):
        picture, sound = old.streams.video[0], old.streams.audio[0]
        video, *tracks = (new.add_stream_from_template(s) for s in (picture, sound, sound))
        for packet in old.demux():
            if packet.dts is None:
                continue
            copies = [video] if packet.stream is picture else tracks
            for stream in copies:
                copy = av.Packet(bytes(packet))
                copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                copy.is_keyframe, copy.stream = packet.is_keyframe, stream
                new.mux(copy)
    for _ in range(2):  # extracted, and re-used
        report = run(path, tmp_path / "w")
        assert [(each.clip, each.note) for each in report.noted] == [
            ("clip.mkv", "sound: track 1 of 2")
        ]


def test_progress_counts_every_clip(videos, tmp_path):
    seen = []
    run(videos, tmp_path / "w", on_progress=seen.append)
    assert [progress.done for progress in seen] == [1, 2]
    assert all(progress.clips == 2 and progress.all_found for progress in seen)


def test_an_interrupted_run_keeps_what_was_embedded(videos, tmp_path):
    def stop(progress):
        if progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(videos, tmp_path / "w", on_progress=stop)
    assert len(rows(tmp_path / "w")) == 1
    report = run(videos, tmp_path / "w")
    assert (report.reused, report.embedded) == (1, 1)


def test_auto_keeps_to_the_encoders_of_the_workspace(videos, tmp_path, monkeypatch):
    run(videos, tmp_path / "w")
    monkeypatch.setattr("mraf.extractors.weights.get", lambda file, **_: tmp_path / file.filename)
    pair = choose_encoders(tmp_path / "w")
    assert (pair.face.name, pair.voice.name, pair.note) == ("dlib", "campplus", None)


@pytest.mark.parametrize("voice", ["auto", "campplus"])
def test_a_workspace_of_an_encoder_that_is_gone_says_so(videos, tmp_path, monkeypatch, voice):
    made = replace(seeded.pair().fingerprint, voice="ge2e", voice_weights="0.1.4").to_json()
    vector = np.ones(3, np.float32)
    row = FeatureRow("a", "a.mp4", "digest", made, face=vector, voice=vector)
    with Workspace.at(tmp_path / "w").table.writer() as writer:
        writer.add(row)
    monkeypatch.setattr("mraf.extractors.weights.get", lambda *_, **__: pytest.fail("asked"))
    said = r"voice=ge2e@0.1.4, and GE2E was an encoder of earlier .* into another workspace \(-w\)"
    with pytest.raises(UsageError, match=said):
        choose_encoders(tmp_path / "w", voice=voice)
    with pytest.raises(UsageError, match=said):
        run(videos, tmp_path / "w")


def test_a_workspace_that_is_a_file(videos, tmp_path):
    (tmp_path / "w").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        run(videos, tmp_path / "w")


def test_two_people_in_view_give_the_vector_of_the_larger_one(sample_videos, tmp_path):
    """A large and a small face side by side: the clip counts as the large one's."""
    import cv2

    from mraf.extractors.extractor import ClipExtractor
    from mraf.extractors.media.read import read_video

    big = read_video(sample_videos / "person01/English/rec1/02.mp4").frames
    small = read_video(sample_videos / "person02/English/rec1/02.mp4").frames
    height, width = big.shape[1:3]
    count = min(len(big), len(small))
    both = np.full((count, height, width + width // 2, 3), 90, np.uint8)
    for t in range(count):
        both[t, :, :width] = big[t]
        reduced = cv2.resize(small[t], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        both[t, : height // 2, width : width + width // 2] = reduced
    path = write_media(tmp_path / "both.mp4", both, fps=2)
    extractor = ClipExtractor(seeded.pair())
    face = extractor(path).face
    apart = [extractor(sample_videos / f"person0{n}/English/rec1/02.mp4").face for n in (1, 2)]
    distance = [np.linalg.norm(face.vector - other.vector) for other in apart]
    assert distance[0] < 0.6 * distance[1]
    assert face.frames >= count - 1


def test_clip_of_nothing_readable_becomes_a_row(tmp_path):
    clip = Clip("x", tmp_path / "gone.mp4", speaker="ann")
    report = extract_clips([clip], workspace=tmp_path / "w", encoders=seeded.pair(), worker_count=0)
    assert report.failed[0].error == "gone.mp4 cannot be read (No such file or directory)"
    assert rows(tmp_path / "w")["x"].face_reason == "decode_error"


def test_another_video_of_the_same_name_is_refused_and_the_first_kept(videos, tmp_path):
    run(videos, tmp_path / "w")
    (tmp_path / "others" / "ann").mkdir(parents=True)
    write_media(tmp_path / "others" / "ann" / "1.mp4", wave=tone(1.5))
    with pytest.raises(UsageError, match=r"already has another video called 'ann/1.mp4'"):
        run(tmp_path / "others", tmp_path / "w")
    assert rows(tmp_path / "w")["ann/1.mp4"].face_reason != "no_video"


def test_the_same_file_is_never_two_clips_and_a_new_name_is_reported(sample_videos, tmp_path):
    folder = tmp_path / "videos" / "ann" / "talk"
    folder.mkdir(parents=True)
    shutil.copy(sample_videos / "person01/Urdu/rec1/01.mp4", folder / "1.mp4")
    run(tmp_path / "videos", tmp_path / "w")
    report = run(folder, tmp_path / "w")
    (now,) = rows(tmp_path / "w")
    assert now != "ann/talk/1.mp4" and report.renamed == (("ann/talk/1.mp4", now),)
    run(tmp_path / "videos", tmp_path / "w")
    assert [row.speaker for row in rows(tmp_path / "w").values()] == ["ann"]


def test_a_surprise_is_tried_again_by_the_next_run(videos, tmp_path, monkeypatch):
    from mraf.extractors.extractor import ClipExtractor

    def surprise(*args):
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr(ClipExtractor, "many", surprise)
    report = run(videos, tmp_path / "w")
    assert [f.error for f in report.failed] == ["unexpected: ZeroDivisionError: surprise"] * 2
    monkeypatch.undo()
    assert run(videos, tmp_path / "w").embedded == 2


def test_what_failed_for_want_of_time_is_tried_again(videos, tmp_path, monkeypatch):
    from mraf.extractors.extractor import ClipExtractor

    def busy(self, clips):
        return [BusyError("1.mp4: took longer than 300 s to decode") for _ in clips]

    monkeypatch.setattr(ClipExtractor, "many", busy)
    assert len(run(videos, tmp_path / "w").failed) == 2
    monkeypatch.undo()
    assert run(videos, tmp_path / "w").embedded == 2


def test_a_file_that_is_away_for_a_moment_is_tried_again(videos, tmp_path, monkeypatch):
    """It goes between the moments in which it is hashed and embedded."""
    second, away = videos / "ann" / "2.mp4", tmp_path / "2.mp4"
    content_hash = Clip.content_hash

    def move(clip):
        digest = content_hash(clip)
        if clip.files[0] == second and not away.exists():
            second.rename(away)
        return digest

    monkeypatch.setattr(Clip, "content_hash", move)
    report = run(videos, tmp_path / "w")
    assert [(each.clip, each.error) for each in report.failed] == [("ann/2.mp4", "no such file")]
    away.rename(second)
    monkeypatch.setattr(Clip, "content_hash", content_hash)
    report = run(videos, tmp_path / "w")
    assert (report.embedded, report.reused, report.failed) == (1, 1, ())


def test_other_encoders_are_refused_before_weights_are_fetched(videos, tmp_path, monkeypatch):
    from mraf.extractors import weights

    run(videos, tmp_path / "w")
    monkeypatch.setattr(weights, "get", lambda *args: pytest.fail("asked for weights"))
    with pytest.raises(UsageError, match="this run would use voice=ecapa"):
        choose_encoders(tmp_path / "w", voice="ecapa")


def test_published_vectors_are_not_mixed_with_extracted_ones(videos, tmp_path, monkeypatch):
    from mraf.extractors import weights

    run(videos, tmp_path / "w")
    made = replace(seeded.pair().fingerprint, polysim="v1").to_json()
    table = Workspace.at(tmp_path / "published").table
    with table.writer() as writer:
        for row in Workspace.at(tmp_path / "w").table.rows():
            writer.add(replace(row, extractor=made))
    monkeypatch.setattr(weights, "get", lambda *args: pytest.fail("asked for weights"))
    said = r"imported from POLY-SIM v1.* into another workspace \(-w\)"
    with pytest.raises(UsageError, match=said):
        choose_encoders(tmp_path / "published")
    with pytest.raises(UsageError, match=said):
        run(videos, tmp_path / "published")
    assert len(table) == 2
