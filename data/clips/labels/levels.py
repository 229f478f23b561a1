"""What the name of a folder says of its level: a container, a split, a date, a recording, a person."""

import re
from functools import cache
from typing import Literal

from mraf.languages import is_language

Kind = Literal["container", "split", "date"]

_CONTAINERS = frozenset(
    """
    aac actors aiff align aligned amr audio audios avi celebrities celebs clip clips content corpora corpus cropped data dataset
    datasets dcim download downloads extracted face faces file files film films flac footage frames identities
    m4a m4v media mkv mov movie movies mp3 mp4 mpeg mpg mvlrs_v1 ogg opus original originals output participants people
    persons processed raw recordings sample samples segment segments set sets sound sounds speaker speakers subjects
    upload uploads utterances video videos voice voices volunteers wav wave waves wavs webm wmv unzippedfaces
    aufnahmen vidéos vídeos
    """.split()
)
_SPLITS = frozenset(
    """
    train training trainset val valid validation valset dev devel development test testing testset eval
    evaluation holdout heldout trainval pretrain main unlabeled unlabelled enrol enroll enrolment enrollment
    """.split()
)
_CONTAINER = re.compile(
    r"(mpg|mpeg)_\w+"  # GRID: mpg_6000, mpg_vcd
    r"|(audio|wav|flac|video|mp4)_?\d+(\.\d+)?k(hz|bps)?"
    r"|(wav|flac)(8|16|22|24|44|48)(k|khz)?(_\w+)?|(8|16|22|24|44|48)_?k(hz)?"
    r"|(voxceleb|vox|lrs|lrw)_?[123]?(_(dev|test|wav|mp4|aac|mp4_aac|txt|v\d))*|mav_?celeb(_?v?\d)?|grid(_?corpus)?"
    r"|(dataset|corpus)_?v?\d*|libri(speech|tts|_?light)|(tcd_?)?timit|vctk(_corpus.*)?|ravdess|crema_?d|"
    r"(mead|celebv_?hq|avspeech|ava_avd|voxconverse|ami|commonvoice|common_voice.*|aishell_?\d?)"
)
_SPLIT = re.compile(
    r"(train|val|valid|dev|test|eval)_?(set|data|split|clean|other|\d{1,3}|[a-e])?(_\d{1,3})?"
)
_DATE = re.compile(
    r"(19|20)\d\d(_?(0?[1-9]|1[0-2])(_?(0?[1-9]|[12]\d|3[01]))?)?|(0?[1-9]|[12]\d|3[01])_(0?[1-9]|1[0-2])_(19|20)\d\d"
)
_MONTH_OR_DAY = re.compile(r"(0?[1-9]|[12]\d|3[01])")
_RECORDING = re.compile(
    r"(v|vid|video|rec|recording|session|sess|sitzung|clip|take|scene|part|teil|tape|disc|disk|cd|talk|interview|"
    r"lecture|vorlesung|speech|rede|episode|ep|folge|day|visit|meeting|call|podcast|show|vlog|stream|news|"
    r"conversation|dialog|dialogue|monologue|presentation|webinar|keynote|press_conference|debate|story|reading|"
    r"chapter|trial|round|block|utt|utterance|sentence|phrase|test|birthday|wedding|holiday|vacation|home|work)"
    r"s?(_?\d+)?(_.*)?"
)
_BATCH = re.compile(
    r"(set|batch|group|part|disc|disk|cd|dvd|volume|vol|chunk|shard|archive|backup|folder|dir|drive|usb|card|camera|"
    r"cam|day|week|month|season|class|room|site|lab|new|old|more|other|others|misc)s?(_?(\d+|[a-z]))?"
)
_ID = re.compile(r"(id_?\d{4,}|(spk|spkr|speaker|person|subject|subj|participant|user|actor)_?\d+)")
_PLACES = frozenset(
    """
    applications backup backups bin camera cloud default desktop documents dropbox external folder google_drive
    home icloud in inbox input library local log lib mnt my_videos my_movies new new_folder onedrive opt out
    own pictures private project projects public root share shared src srv stuff temp temporary test tests tmp
    todo tree unsorted untitled_folder user users usr var work workspace x y
    """.split()
)
_YOUTUBE = re.compile(r"[\w-]{11}")


def _key(name: str) -> str:
    return re.sub(r"[\s_.-]+", "_", name.casefold()).strip("_")


@cache
def kind_of(name: str) -> Kind | None:
    """Return what a folder holds by its name, where it is a word for that and no label."""
    key = _key(name)
    if key in _SPLITS or _SPLIT.fullmatch(key):
        return "split"
    if key in _CONTAINERS or _CONTAINER.fullmatch(key):
        return "container"
    return "date" if _DATE.fullmatch(key) else None


def is_month_or_day(name: str) -> bool:
    """Return True for a number that may be a month or a day, below the folder of a year."""
    return bool(_MONTH_OR_DAY.fullmatch(_key(name)))


def is_number(name: str) -> bool:
    """Return True for a name of digits alone."""
    return _key(name).replace("_", "").isdecimal()


@cache
def may_be_recording(name: str) -> bool:
    """Return True for a name that recordings have rather than people: `talk`, `rec2`, a date, a video's id."""
    key = _key(name)
    if _RECORDING.fullmatch(key) or _DATE.fullmatch(key):
        return True
    kinds = (any(map(test, name)) for test in (str.islower, str.isupper, str.isdigit))
    return bool(_YOUTUBE.fullmatch(name)) and sum(kinds) + ("_" in name or "-" in name) >= 3


def is_speaker_id(name: str) -> bool:
    """Return True for an id such as `id10001`, `spk02` and `person 3`."""
    return bool(_ID.fullmatch(_key(name)))


def may_name_speaker(name: str) -> bool:
    """Return True where a person's clips may lie in a folder of this name."""
    key = _key(name)
    return bool(key) and not (
        kind_of(name)
        or key in _PLACES
        or _BATCH.fullmatch(key)
        or is_language(name)
        or is_number(name)
        or any(word in _CONTAINERS or word in _SPLITS for word in key.split("_"))
    )


def strange_for_speaker(name: str) -> str | None:
    """Return what a speaker's name looks like where it does not look like a person's."""
    if is_language(name):
        return "a language"
    if is_number(name):
        return "a number"
    kind, key = kind_of(name), _key(name)
    if not kind and (_BATCH.fullmatch(key) or (key in _PLACES and len(key) > 3)):
        return "a folder of files"
    if kind:
        return {"container": "a folder of files", "split": "a split", "date": "a date"}[kind]
    return None
