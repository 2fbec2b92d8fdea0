"""The plan as data and as text."""

import json

from inpaintdiff.schemes import Stage, make_scheme
from inpaintdiff.schemes.chart import plan_as_dict, plan_as_text

PLAN = [Stage((0, 1), (2, 5)), Stage((2, 5), (), (1, 3))]
INCOMPLETE = [True, True, True, False, False, True]


def test_data():
    assert json.loads(json.dumps(plan_as_dict(iter(PLAN), 20))) == {
        "stages": [
            {"latent": [0, 1], "lookahead": [2, 5], "observed": []},
            {"latent": [2, 5], "lookahead": [], "observed": [1, 3]},
        ],
        "calls": 40,
    }
    assert plan_as_dict([], 20) == {"stages": [], "calls": 0}


def test_text():
    lines = plan_as_text(iter(PLAN), INCOMPLETE).split("\n")
    assert lines[0] == "frame    0"
    assert lines[1] == "stage 1 │██◆──◆│"
    assert lines[2] == "stage 2 │─●█●─█│"
    assert "painted now" in lines[3]
    assert lines[4] == "2 stages paint 4 of 6 frames, at most 4 in a window"


def test_nothing_to_paint():
    assert plan_as_text([], [False] * 7) == "nothing to paint: all 7 frames are complete"
    assert plan_as_text([Stage((0,))], [True]).endswith("1 stage paints 1 of 1 frames, at most 1 in a window")


def test_long_videos_are_binned_and_cut():
    incomplete = [True] * 1000
    stages = list(make_scheme("ar").stages(incomplete))
    text = plan_as_text(stages, incomplete, width=80, rows=10)
    lines = text.split("\n")
    assert max(map(len, lines[:-2])) <= 80
    assert len(lines) == 1 + 10 + 1 + 2
    assert f"{len(stages) - 10} more stages" in text
    assert "one character is" in lines[-1]
    # the first stage paints the first 16 frames, which reach into the second bin; the last one the last
    assert lines[1].split("│")[1].startswith("██·")
    assert lines[-3].split("│")[1].endswith("█")
    assert lines[-3].split("│")[1].count("─") > 60


def test_a_single_latent_frame_is_not_lost_in_a_bin():
    text = plan_as_text([Stage((517,), (), (516, 518))], [i == 517 for i in range(1000)], width=60)
    assert text.split("\n")[1].count("█") == 1


def test_one_character_a_frame_ends_where_the_line_ends():
    for n in range(1, 130):
        line = plan_as_text([Stage((n - 1,), (), tuple(range(n - 1)))], [i == n - 1 for i in range(n)], width=60).split(
            "\n"
        )[1]
        cells = line.split("│")[1]
        assert cells[-1] == "█"
        assert len(cells) == min(n, 60 - len("stage 1 ││"))
