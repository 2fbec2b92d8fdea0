"""Small plans worked out by hand from the definitions."""

from collections.abc import Sequence

import pytest

from inpaintdiff.schemes import Adaptive, Stage, make_scheme

# hole pattern ("x" incomplete, "." complete), name, window, step, options, stages as (X, Z, Y)
PLANS = [
    ("xxxxxxxxxx", "ar", 4, 2, {}, [
        ("0123", "", ""), ("45", "", "23"), ("67", "", "45"), ("89", "", "67"),
    ]),
    # a stage with one frame left looks at three
    ("xxxx...x..", "ar", 4, 2, {}, [("01", "", ""), ("23", "", "01"), ("7", "", "456")]),
    # complete frames between frames of X are "before" the later one
    ("..x.xx....", "ar", 6, 3, {}, [("245", "", "013")]),
    ("xxxxxx....", "ar-far-future", 6, 2, {}, [("01", "", "67"), ("23", "", "0167"), ("45", "", "2367")]),
    ("xxxxxx..xx", "ar-far-future", 4, 2, {}, [("01", "", "6"), ("23", "", "16"), ("45", "", "36"), ("89", "", "67")]),
    ("xxxxxx..xx", "lookahead-ar", 4, 2, {"near": 1}, [("01", "", "6"), ("23", "", "16"), ("45", "", "36"), ("89", "", "67")]),
    ("xxxx....xx", "lookahead-ar+", 5, 2, {"near": 1, "far": 1}, [
        ("01", "", "47"), ("23", "", "147"), ("89", "", "567"),
    ]),
    ("xxxxxxxxxx", "lookahead-ar++", 6, 2, {"near": 1, "far": 1}, [
        ("01", "29", ""), ("23", "49", "01"), ("45", "69", "23"), ("67", "89", "45"), ("89", "", "4567"),
    ]),
    # near frames may be complete; the first complete frames after them are the far ones
    ("xxxx..xxxx", "lookahead-ar++", 6, 2, {"near": 1, "far": 1}, [
        ("01", "2", "4"), ("23", "", "0145"), ("67", "89", "45"), ("89", "", "4567"),
    ]),
    # far frames evenly spaced over what is left: 4, 6, 8 after the near frame 2
    ("xxxxxxxxx", "lookahead-ar++", 6, 2, {"near": 1, "far": 3}, [
        ("01", "2468", ""), ("23", "468", "1"), ("45", "678", "3"), ("67", "8", "345"), ("8", "", "34567"),
    ]),
    ("xxxxxxxxxx", "lookahead-ar++", 6, 2, {"near": 1, "far": 1, "use_lookahead": False}, [
        ("01", "", ""), ("23", "", "01"), ("45", "", "0123"), ("67", "", "2345"), ("89", "", "4567"),
    ]),
    ("xxxxxxxxxx", "hierarchy-2", 4, 2, {}, [("0369", "", ""), ("12", "", "03"), ("45", "", "36"), ("78", "", "69")]),
    # X is cut short where it would leave no slot on either side
    ("xxxxxxxx", "hierarchy-2", 4, 3, {}, [("0247", "", ""), ("1", "", "024"), ("3", "", "124"), ("56", "", "47")]),
    # complete frames at the start: level 1 paints L, and looks at both sides of the frames of X
    (".xxxxxxxx.", "hierarchy-2", 4, 2, {}, [
        ("18", "", "09"), ("23", "", "18"), ("45", "", "38"), ("67", "", "58"),
    ]),
    ("xxxxxxxxx", "multires-ar-2", 4, 3, {}, [
        ("048", "", ""), ("12", "", "04"), ("3", "", "124"), ("56", "", "48"), ("7", "", "568"),
    ]),
    (".xxxxxxx", "long-range", 4, 2, {}, [("12", "", "0"), ("34", "", "02"), ("56", "", "04"), ("7", "", "056")]),
    # nothing was given: the first painted frames are the anchors
    ("xxxxxxxx", "long-range", 4, 2, {}, [("0123", "", ""), ("45", "", "03"), ("67", "", "05")]),
    (".xxxxxxx", "independent", 4, 2, {}, [("12", "", "0"), ("34", "", "0"), ("56", "", "0"), ("7", "", "0")]),
    # nearest on either side
    (".xx.xx...", "independent", 4, 2, {}, [("12", "", "03"), ("45", "", "36")]),
    ("xxxxxxxxxx", "adaptive", 5, 2, {}, [("01234", "", ""), ("56", "", "024"), ("78", "", "036"), ("9", "", "0468")]),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "name", "window", "step", "options", "expected"), PLANS)
def test_plans_by_hand(pattern, name, window, step, options, expected):
    stages = make_scheme(name, window, step, **options).stages([c == "x" for c in pattern])
    assert list(stages) == [Stage(*(tuple(map(int, role)) for role in stage)) for stage in expected]


def test_three_levels_of_both_hierarchies():
    # 27 / (4 - 1) = 9: strides 9, 3, 1
    assert make_scheme("multires-ar-3", 8, 4).strides(27) == [9, 3, 1]
    assert make_scheme("hierarchy-3", 8, 4).strides(27) == [9, 3, 1]
    assert make_scheme("multires-ar-2", 8, 4).strides(27) == [9, 1]
    multires = [s.latent for s in make_scheme("multires-ar-3", 8, 4).stages([True] * 27)]
    assert multires[0] == (0, 9, 18)
    assert multires[1] == (3, 6, 12, 15)
    hierarchy = [s.latent for s in make_scheme("hierarchy-3", 8, 4).stages([True] * 27)]
    assert hierarchy[0] == (0, 3, 7, 11, 14, 18, 22, 26)


@pytest.mark.parametrize(
    ("name", "stages"), [("ar", 11), ("hierarchy-2", 11), ("multires-ar-3", 13), ("lookahead-ar++", 12)]
)
def test_number_of_stages_of_the_reference(name, stages):
    assert len(list(make_scheme(name, window=8, step=4).stages([True] * 48))) == stages


def test_adaptive_follows_the_embedding():
    # frames 0, 1 and 3 look alike, frame 2 is unlike them, frame 4 is in between
    embedding = [[0.0, 0.0], [0.1, 0.0], [9.0, 0.0], [0.2, 0.0], [5.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    incomplete = [False] * 4 + [False, True, True]
    scheme = Adaptive(window=4, step=1, embedding=embedding)
    first, second = scheme.stages(incomplete)
    assert first == Stage((5,), (), (0, 2, 4))
    # the nearest, 5, looks like 0, 1 and 3; ties of distance go to the later frame
    assert second == Stage((6,), (), (2, 4, 5))
    assert hash(scheme) == hash(Adaptive(window=4, step=1, embedding=tuple(map(tuple, embedding))))


def test_adaptive_reads_the_embedding_stage_by_stage():
    class Live(Sequence):
        """Vectors that are known only once a frame is painted."""

        def __init__(self, length):
            self.vectors = [(float("nan"),)] * length

        def __len__(self):
            return len(self.vectors)

        def __getitem__(self, i):
            return self.vectors[i]

    final = [(float(7 * i % 11),) for i in range(20)]
    live, seen = Live(20), []
    for stage in Adaptive(window=6, step=3, embedding=live).stages([True] * 20):
        seen.append(stage)
        for i in stage.latent:
            live.vectors[i] = final[i]
    assert seen == list(Adaptive(window=6, step=3, embedding=final).stages([True] * 20))
    assert seen != list(Adaptive(window=6, step=3).stages([True] * 20))
