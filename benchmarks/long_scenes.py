"""Measure how long it takes to bring voices and faces together in made scenes of many hours.

    python benchmarks/long_scenes.py [HOURS...]

Twenty people speak in turn, most turns in a shot of their own, some beside somebody else; every fifth turn begins
with somebody who passes by. Ten of them are known. What is heard and seen is made up, so that this is the time of
the steps after that alone: joining face tracks, linking, naming and writing the timeline.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
from common import machine, row

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

PEOPLE, KNOWN = 20, 10
SECONDS = 4.0
"""Length of a turn with the pause after it."""


def main() -> None:
    """Print a line for each length."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hours", type=float, nargs="*", default=[1.0, 2.0])
    print(machine())
    print(row("hours", "tracks", "faces", "turns", "tracks joined, s", "the rest, s", "peak, MB"))
    for hours in parser.parse_args().hours:
        print(measured(hours), flush=True)


def measured(hours: float) -> str:
    """Return the line of a scene."""
    from mraf.pipeline.timeline.people.assemble import together
    from mraf.pipeline.timeline.seen.seen import seen_in
    from tests.helpers.scenes import PAIRS, Known, Lips, Scene, Shot, dialogue, step_of

    rng = np.random.default_rng(0)
    cast = [f"p{i}" for i in range(PEOPLE)]
    said = dialogue(
        rng.choice(cast, int(hours * 3600 / SECONDS)).tolist(), int(hours * 3600 / SECONDS)
    )
    shots = []
    for i, each in enumerate(said):
        start, stop = each.start, each.start + SECONDS
        if i % 5 == 4:
            shots.append(Shot(start=start, stop=start + 1.4, seen=[f"passer-by {i}"]))
            start += 1.4
        beside = [str(rng.choice(cast))] if i % 3 == 0 else []
        shots.append(Shot(start=start, stop=stop, seen=list(dict.fromkeys([each.who, *beside]))))
    scene = Scene(said=said, shots=shots)
    voices, parts = scene.voices(), scene.parts()
    started = time.process_time()
    seen = seen_in(parts, Lips(), PAIRS.face, step_of)
    joined = time.process_time()
    found = together("x.mp4", voices, seen, naming=Known(cast[:KNOWN]), pairs=PAIRS)
    stopped = time.process_time()
    return row(
        f"{hours:g}",
        str(len(seen.tracks)),
        str(int(seen.group.max()) + 1),
        str(len(found.turns)),
        f"{joined - started:.1f}",
        f"{stopped - joined:.1f}",
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}",
    )


if __name__ == "__main__":
    main()
