"""Arguments of `inpaintdiff data prepare`. Standard library only, as `parser.py`."""

import argparse
from pathlib import Path

from inpaintdiff.cli.options import add_verb

_PREPARE = """\
Make a data set from your own videos.

  bdd      first-person driving: BDD100K's folders (videos/{train,val,test}, labels/box_track_20) with their splits, or any videos
  cars     every clip follows one vehicle, whose box is the hole; tracks from BDD100K's labels, from a MOT file NAME.txt beside
           NAME.mp4, or from --detector
  traffic  cameras that stand still; the hole is a region that traffic crosses. Clips of moving cameras are left out
  folder   any videos

Videos are resampled, cropped in the middle, made smaller, and cut into clips that cross no cut; frozen, blank and repeated parts are
left out; a video is never in two splits. A run that was cut off goes on where it was; a second one changes nothing.
"""


def add_prepare(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb `prepare`."""
    p = add_verb(
        verbs,
        "prepare",
        "inpaintdiff.cli.prepare:run",
        "Make a data set from your own videos.",
        "  inpaintdiff data prepare folder --source videos/ --out data/mine --size 64 --fps 10\n"
        "  inpaintdiff data prepare bdd --source bdd100k/ --out data/bdd --size 128x256\n"
        "  inpaintdiff data prepare cars --source videos/ --out data/cars --detector yolox_nano.onnx\n"
        "  inpaintdiff data prepare traffic --source cameras/ more_cameras/ --out data/cameras --frames 100",
    )
    p.description = _PREPARE
    p.add_argument("kind", choices=("bdd", "cars", "traffic", "folder"))
    p.add_argument(
        "--source", type=Path, nargs="+", required=True, metavar="DIR", help="folders of videos, to any depth"
    )
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder, or one to go on with")
    p.add_argument("--size", default="64", metavar="N|HxW", help="height and width, pixels (default %(default)s)")
    p.add_argument(
        "--fps", default="10", metavar="RATE", help="frames a second, at most the videos' (default %(default)s)"
    )
    p.add_argument("--frames", type=int, default=64, help="frames a clip (default %(default)s)")
    p.add_argument("--min-frames", type=int, default=16, help="shorter clips are left out (default %(default)s)")
    p.add_argument("--val", type=float, default=0.1, metavar="SHARE", help="of the videos (default %(default)s)")
    p.add_argument("--test", type=float, default=0.1, metavar="SHARE", help="of the videos (default %(default)s)")
    p.add_argument(
        "--detector", type=Path, metavar="ONNX", help="YOLOX network that finds cars where there are no tracks"
    )
    p.add_argument("--crf", type=int, default=12, help="h264 quality, smaller is better (default %(default)s)")
    p.add_argument("--seed", type=int, default=0, help="of splits and fixed holes (default %(default)s)")
    p.add_argument("--workers", type=int, help="processes (default: one a core); the result does not depend on it")
