"""Names and codes of languages."""

import unicodedata

import pytest

from mraf.languages import canonical, is_language, is_only_code, may_be_given_name

ENGLISH = "en|EN|en-US|en_GB|eng|English|english|ENGLISH|English (US)|English [UK]|british english|English-US"


@pytest.mark.parametrize(
    ("names", "language"),
    [
        (ENGLISH, "English"),
        ("de|ger|deu|Deutsch|German|de-AT", "German"),
        ("fr|Français|francais|fr_CA", "French"),
        ("ur|اردو|urd|Urdu", "Urdu"),
        ("zh|zh-Hans|zh-Hant-TW|中文|Chinese (Mandarin)", "Chinese"),
        ("fa|Farsi|persian", "Persian"),
        ("pt-BR|Brazilian Portuguese|Português", "Portuguese"),
        ("es-419|Español", "Spanish"),
        ("Wolof|wol", "Wolof"),
        ("Quechua", "Quechua"),
    ],
)
def test_one_language_has_one_name(names, language):
    for name in names.split("|"):
        assert canonical(name) == language and is_language(name), name
        assert canonical(unicodedata.normalize("NFD", name)) == language


@pytest.mark.parametrize(
    "name", ["", "ann", "video", "Paris German", "p1", "s1", "mp4", "en1", "Klingon", "a-b"]
)
def test_other_names_stay(name):
    assert canonical(name) == name and not is_language(name)


def test_codes_are_told_from_names():
    assert is_only_code("en") and is_only_code("URD") and is_only_code("Bo")
    assert not any(map(is_only_code, ["English", "en-US", "Lao", "中文", "ann"]))


def test_codes_that_may_be_people():
    assert all(map(may_be_given_name, ["dan", "Bo", "MS"]))
    assert not any(map(may_be_given_name, ["en", "de", "German", "en-US"]))
