"""The model card of a model that people came to without training: who they are, and what is promised then."""

from collections.abc import Sequence

LIMITS = """It does not cover

- twins, brothers and sisters, and people who look and sound alike; children, who change;
- photos and screens held before a camera, recordings played to a microphone, cloned voices and
  painted or generated faces: nothing here checks that a person is alive;
- other encoders, languages, cameras or microphones than those of the clips it knows people by. On POLY-SIM's
  vectors, models trained on English named 3 % of strangers' Urdu clips by face and voice."""
"""The limits of what is promised about strangers; every card has them."""

PROMISE_WITHOUT_TRAINING = f"""It answers `unknown` where face and voice, as the encoders give them, are not alike enough. How
much that is was set on other people and rises with the number of the enrolled (`mraf.recognition.likeness`); on
those here it has not been measured. On POLY-SIM's vectors (FaceNet, ECAPA), with five and with fifty people enrolled
from two English clips each, 0 to 0.7 % of strangers' English clips got a name, and of their Urdu clips up to 2.4 %
where a face is seen (`benchmarks/newcomers.py --begun 5 50`, 4 draws). On other encoders and people 1 % is not
promised; `mraf train` measures and sets it.

{LIMITS}"""

LATE = "## People enrolled without training"
_NEXT = "\n## "


def with_people(card: str, speakers: Sequence[str], late: Sequence[str], at_most: int = 40) -> str:
    """Return a model card with other people in its row of speakers, and a section on who came later.

    Args:
        card: in Markdown, with or without that section.
        speakers: everybody in the model.
        late: those of them who did not train.
        at_most: so many names are written.
    """
    row = f"| Speakers | {len(speakers)}: {_names(speakers, at_most)} |"
    lines = card.split("\n")
    card = "\n".join(row if line.startswith("| Speakers |") else line for line in lines)
    start = card.find(LATE)
    if start >= 0:
        end = card.find(_NEXT, start)
        card = card[:start] + (card[end + 1 :] if end >= 0 else "")
    if not late:
        return card
    section = f"{LATE}\n\n{_about(late, at_most)}\n\n"
    before = card.find(f"{_NEXT}What it is for")
    before = before if before >= 0 else card.find(f"{_NEXT}Privacy")
    if before < 0:
        return f"{card.rstrip()}\n\n{section.rstrip()}\n"
    return card[: before + 1] + section + card[before + 1 :]


def _about(late: Sequence[str], at_most: int) -> str:
    """Return what is promised about people who came later, and about strangers then."""
    came = "1 person was" if len(late) == 1 else f"{len(late)} people were"
    return (
        f"{came} enrolled from clips that did not train: {_names(late, at_most)}. No figure on this page is about "
        "them: how well they are named, and how often a stranger gets their names, has not been measured here.\n\n"
        "On POLY-SIM's vectors (FaceNet, ECAPA), with 5 or 50 people trained on English and ten enrolled from two "
        "clips each, 0.7 to 1.9 % of strangers' English clips got a name, and of their Urdu clips 7 to 8 % where "
        "a face is seen and up to 1.5 % by the voice (`benchmarks/newcomers.py`, 4 draws). The ten were named "
        "right in 97 % or more of their other English clips by face and voice, by the voice alone in about three "
        "quarters. With other encoders nothing is promised."
    )


def _names(people: Sequence[str], at_most: int) -> str:
    return ", ".join(people[:at_most]) + (", ..." if len(people) > at_most else "")
