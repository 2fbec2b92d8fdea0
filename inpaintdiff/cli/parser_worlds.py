"""Arguments of `inpaintdiff data synthesize` and `data show`. Standard library only, as `parser.py`."""

import argparse
from pathlib import Path

from inpaintdiff.cli.options import add_verb

# The names of `data/synthetic/worlds.py`, which `--help` must not import.
WORLDS = ("traffic", "dashcam", "cars", "balls")

_WORLDS = """\
Write a synthetic data set in the documented folder format, with its holes and true tracks. Equal options give equal bytes, whatever the
number of workers.

  traffic  from above, on roundabouts and junctions; a region over the junction is hidden. Twin of Traffic-Scenes
           variants for tests of generalisation: dense, night, merge, bicycles, signals
  dashcam  from behind the windscreen; grids, blobs and boxes of cars are hidden. Twin of BDD-Inpainting
           one domain only: day, dusk, night, rain
  cars     one car of drawn model and paint before a moving background, hidden by a box that would hide any. Twin of Inpainting-Cars
  balls    balls that bounce on a table: a second world, for tests of generalisation
"""


def add_worlds(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verbs `synthesize` and `show`."""
    p = add_verb(
        verbs,
        "synthesize",
        "inpaintdiff.cli.data:synthesize",
        "Write a synthetic data set in the documented folder format.",
        "  inpaintdiff data synthesize traffic --out data/traffic --clips 1000 --size 64 --seed 0\n"
        "  inpaintdiff data synthesize traffic --variant merge --clips 0 --held-out 64 --out data/merge\n"
        "  inpaintdiff data synthesize dashcam --out data/dashcam --clips 1000\n"
        "  inpaintdiff data synthesize cars --out data/cars --clips 1000",
    )
    p.description = _WORLDS
    p.add_argument("world", choices=WORLDS)
    p.add_argument("--variant", metavar="NAME", help="of the world, see above (default: its usual one)")
    p.add_argument("--out", type=Path, required=True, metavar="DIR")
    p.add_argument("--clips", type=int, default=1000, help="training clips (default %(default)s)")
    p.add_argument("--held-out", type=int, default=32, help="clips for val, and for test (default %(default)s)")
    p.add_argument("--frames", type=int, default=64, help="frames a clip, at 8 a second (default %(default)s)")
    p.add_argument("--size", type=int, default=64, help="height and width, pixels (default %(default)s)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--workers", type=int, help="processes (default: one a core)")
    p = add_verb(
        verbs,
        "show",
        "inpaintdiff.cli.data:show",
        "Draw a contact sheet of a data set: clips with their holes outlined and their tracks.",
        "  inpaintdiff data show data/dashcam -o sheet.png\n"
        "  inpaintdiff data show data/dashcam -o sheet.png --split test --clips 12 --columns 6 --plain",
    )
    p.add_argument("dir", type=Path)
    p.add_argument("-o", "--output", type=Path, required=True, metavar="PNG")
    p.add_argument("--split", help="train, val or test (default: from the first on)")
    p.add_argument("--clips", type=int, default=8, help="rows (default %(default)s)")
    p.add_argument("--columns", type=int, default=6, help="frames of each clip (default %(default)s)")
    p.add_argument(
        "--tile", type=int, default=192, metavar="PX", help="frames are enlarged to about this (default 192)"
    )
    p.add_argument("--plain", action="store_true", help="without tracks")
    p.add_argument("--overwrite", action="store_true", help="replace an existing sheet")
