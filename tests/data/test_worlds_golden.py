"""The default traffic world keeps its bytes: weights were trained on them, and published scores are of them."""

import hashlib
from dataclasses import astuple, fields
from pathlib import Path

import pytest

from inpaintdiff.data.format import read_manifest
from inpaintdiff.data.synthetic.scene import TrackPoint, simulate_scene
from inpaintdiff.data.synthetic.worlds import WORLDS
from inpaintdiff.data.synthetic.write import synthesize, synthesize_traffic

# Of 8 frames at 64 x 64: pictures, hole, and tracks to a thousandth of a pixel. A change here is another data set: give it another name.
GOLDEN = {
    0: ("1a6e30a141c3d38d", "0efeed9e210c2b2b", "a80fe8aeb3a7c8f0"),  # a junction
    1: ("debbc84ca53bc462", "67ccf30dd8a14fe3", "b9ae4089fdd92d66"),  # a roundabout
    20_000_003: ("81e3563de3b1a720", "4c061fbc310c62ab", "4463b161ae336d95"),  # of the test split of seed 0
}

# Of 2 frames at 32 x 32, seed 4.
WORLDS_GOLDEN = {"dashcam": "8bcdff7860bbb336", "cars": "81483eaf90b86628", "balls": "a92d5cf50aad1d71"}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def golden(seed: int, variant: str = "default") -> tuple[str, str, str]:
    scene = simulate_scene(seed, 8, variant=variant)
    rows = [[round(v, 3) if isinstance(v, float) else v for v in astuple(p)] for p in scene.tracks]
    return digest(scene.frames.tobytes()), digest(scene.hole.tobytes()), digest(repr(rows).encode())


@pytest.mark.parametrize("seed", GOLDEN)
def test_the_default_world_is_what_it_was(seed: int) -> None:
    assert golden(seed) == GOLDEN[seed]


@pytest.mark.parametrize("world", WORLDS_GOLDEN)
def test_the_other_worlds_are_what_they_were(world: str) -> None:
    scene = WORLDS[world].simulate(4, 2, 32, "default")
    assert digest(scene.frames.tobytes()) == WORLDS_GOLDEN[world]


def test_a_variant_is_another_world_of_its_own_seed() -> None:
    assert golden(1, "merge")[0] != GOLDEN[1][0]
    assert golden(1, "merge") == golden(1, "merge")


def test_the_files_of_the_default_world_say_no_more_than_they_did(tmp_path: Path) -> None:
    """Columns, names and seeds; labels and probabilities are written for worlds that have them."""
    alone = synthesize_traffic(tmp_path / "a", {"train": 1}, frames=2, size=32, workers=0)
    synthesize("traffic", tmp_path / "b", {"train": 1}, frames=2, size=32, workers=0)
    text = (tmp_path / "a" / "dataset.json").read_text()
    assert text == (tmp_path / "b" / "dataset.json").read_text()
    assert not any(f'"{name}"' in text for name in ("labels", "shares", "source"))
    assert alone.about == (
        "Simulated traffic on roundabouts and junctions seen from above, seed 0; free of any rights (CC0)"
    )
    assert [e.seed for e in read_manifest(tmp_path / "a").splits["train"]] == [0]
    columns = (tmp_path / "a" / "train" / "000000.tracks.csv").read_text().splitlines()[0]
    assert columns == ",".join(f.name for f in fields(TrackPoint))
    assert columns == "frame,vehicle,x,y,heading,length,width,speed,red,green,blue"
