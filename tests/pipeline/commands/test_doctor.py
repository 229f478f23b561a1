import json

from mraf.pipeline.doctor import Finding


def test_a_sound_installation(mraf):
    code, out, _ = mraf("doctor", "--json")
    findings = json.loads(out)
    assert code == 0 and findings["dlib encoder"] == "works"
    assert {"campplus weights", "ecapa weights", "facenet weights"} <= set(findings)


def test_remarks_are_counted_and_shown(mraf, monkeypatch):
    findings: list[Finding] = [("mraf", "1.0", ""), ("torch", "not installed", "pip install torch")]
    monkeypatch.setattr("mraf.pipeline.doctor.examine", lambda folder: findings)
    code, out, _ = mraf("doctor")
    assert code == 0 and "pip install torch" in out and out.endswith("See 1 remark above.\n")
    del findings[1]
    assert mraf("doctor")[1].endswith("Everything is in place.\n")
