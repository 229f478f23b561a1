"""Search for damaged files that hang, crash or fill the decoder, by seeded damage to each format.

    python -m benchmarks.fuzz --cases 500 --seed 1

Prints, by format and by kind of damage, how many files could be read in part and how many gave an
error that names the file; the slowest file; the peak memory of the child process. Files that hang or
crash the decoder, messages of several lines and files left behind must not occur.
Needs /proc for the memory.
"""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.common import machine, peak_memory
from mraf.errors import MediaError
from mraf.extractors.media.isolated import Decoder
from mraf.extractors.media.limits import Limits
from tests.helpers import media_mutator

OUTCOMES = ("media", "error", "slow", "memory", "crash")


def main() -> None:
    """Damage and decode files, and print the counts of each outcome."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0, help="time limit a file")
    parser.add_argument("--keep", type=Path, help="folder for the files to look at")
    arguments = parser.parse_args()
    formats: Counter[tuple[str, str]] = Counter()
    damages: Counter[tuple[str, str]] = Counter()
    slowest, most = (0.0, ""), 0
    problems: list[str] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Decoder(limits=Limits(seconds=arguments.seconds)) as decoder,
    ):
        samples = media_mutator.write_samples(Path(folder))
        before = set(Path(folder).rglob("*"))
        for case in range(arguments.cases):
            # Every sample meets every kind of damage.
            sample = samples[(case // len(media_mutator.MUTATIONS)) % len(samples)]
            damage, data = media_mutator.mutate(sample.read_bytes(), case, arguments.seed)
            path = sample.with_stem(f"case{case}")
            path.write_bytes(data)
            outcome, message, seconds = attempt(decoder, path)
            path.unlink()
            formats[sample.suffix, outcome] += 1
            damages[damage, outcome] += 1
            slowest = max(slowest, (seconds, f"{path.name}, {damage}"))
            most = max(most, peak_memory(decoder.pid))
            if outcome in ("slow", "crash") or len(message.splitlines()) > 1:
                problems.append(f"{path.name}, {damage}: {message}")
                if arguments.keep:
                    (arguments.keep / path.name).write_bytes(data)
        left = set(Path(folder).rglob("*")) - before
    print(f"{machine()}\n")
    print_table("format", formats)
    print_table("damage", damages)
    print(f"slowest: {slowest[0]:.2f} s ({slowest[1]}); most memory: {most >> 20} MiB")
    print(f"files left behind: {len(left)}; to look at: {len(problems)}")
    for problem in problems:
        print(f"  {problem}")


def attempt(decoder: Decoder, path: Path) -> tuple[str, str, float]:
    """Return the outcome for a file, the message of an error, and seconds."""
    start = time.monotonic()
    try:
        decoder.read(**{media_mutator.role(path): path})
        outcome, message = "media", ""
    except MediaError as error:
        message = str(error)
        kinds = {"took longer": "slow", "needs more than": "memory", "the decoder": "crash"}
        outcome = next((kind for words, kind in kinds.items() if words in message), "error")
    return outcome, message, time.monotonic() - start


def print_table(title: str, counts: Counter[tuple[str, str]]) -> None:
    """Print one line for each format, or each kind of damage."""
    print(f"{title:10}" + "".join(f"{outcome:>8}" for outcome in OUTCOMES))
    for name in dict.fromkeys(name for name, _ in counts):
        print(f"{name:10}" + "".join(f"{counts[name, outcome]:8}" for outcome in OUTCOMES))


if __name__ == "__main__":
    main()
