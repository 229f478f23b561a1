import json

from mraf.extractors.weights import PUBLISHED


def test_weights_are_listed_and_their_absence_is_an_error(mraf, tmp_path, monkeypatch):
    monkeypatch.setattr("mraf.extractors.weights.find", lambda file, folder: None)
    code, out, _ = mraf("weights", "list", "--json")
    assert code == 0 and json.loads(out) == dict.fromkeys(PUBLISHED)
    code, out, _ = mraf("weights", "list")
    assert code == 0 and "facenet" in out and out.count("not here") == len(PUBLISHED)
    code, _, err = mraf("weights", "verify", "ecapa")
    assert code == 3 and "ecapa" in err.lower() and "Traceback" not in err
