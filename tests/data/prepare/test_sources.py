"""Which videos are found, what they are called, which split and tracks they have; and how sources are split."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inpaintdiff.data.prepare.records import SourceRecord
from inpaintdiff.data.prepare.settings import PrepareSettings
from inpaintdiff.data.prepare.sources import find_sources
from inpaintdiff.data.prepare.splits import split_of_sources
from inpaintdiff.errors import DatasetError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def test_videos_are_found_at_any_depth_in_one_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.mp4", "a/x.MOV", "a/note.txt", ".hidden/c.mp4", "a/.d.mp4")
    assert [(s.label, s.name, s.split) for s in find_sources([tmp_path], True)] == [
        ("a/x.MOV", "x", None),
        ("b.mp4", "b", None),
    ]


def test_names_are_unique_and_fit_every_file_system(tmp_path: Path) -> None:
    touch(tmp_path, "one/Cam 1.mp4", "two/cam_1.mp4", "über/straße.mp4", "___.mp4")
    names = [s.name for s in find_sources([tmp_path], False)]
    assert len({n.lower() for n in names}) == 4
    assert all(n.isascii() and n[0] not in "._" and "/" not in n for n in names)
    assert names == [s.name for s in find_sources([tmp_path], False)]


def test_several_folders_keep_their_names(tmp_path: Path) -> None:
    touch(tmp_path, "one/x.mp4", "two/x.mp4")
    found = find_sources([tmp_path / "one", tmp_path / "two"], False)
    assert [s.label for s in found] == ["one/x.mp4", "two/x.mp4"]


def test_published_splits_and_labels_are_taken(tmp_path: Path) -> None:
    touch(tmp_path, "videos/train/a.mov", "videos/val/b.mov", "labels/box_track_20/train/a.json", "videos/val/b.txt")
    by_name = {s.name: s for s in find_sources([tmp_path], True)}
    assert {n: s.split for n, s in by_name.items()} == {"a": "train", "b": "val"}
    assert by_name["a"].tracks == tmp_path / "labels/box_track_20/train/a.json"
    assert by_name["b"].tracks == tmp_path / "videos/val/b.txt"
    assert {s.split for s in find_sources([tmp_path], False)} == {None}


def test_no_videos_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"has no videos; expected files that end in .*\.mp4"):
        find_sources([touch(tmp_path, "a.txt")], False)
    with pytest.raises(DatasetError, match="is not a folder"):
        find_sources([tmp_path / "nowhere"], False)


def record(name: str, split: str | None = None) -> SourceRecord:
    return SourceRecord(name, name, 1, 1, split)


@settings(max_examples=60)
@given(st.sets(st.text("abcdef", min_size=1, max_size=4), min_size=1, max_size=40), st.integers(0, 5))
def test_every_source_is_in_one_split_whatever_its_company_is_called(names: set[str], seed: int) -> None:
    asked = PrepareSettings("folder", val=0.2, test=0.1, seed=seed)
    splits = split_of_sources([record(n) for n in names], asked)
    assert set(splits) == names
    assert splits == split_of_sources([record(n) for n in sorted(names, reverse=True)], asked), "order does not matter"
    counts = {s: list(splits.values()).count(s) for s in ("train", "val", "test")}
    assert counts["train"] >= 1
    if len(names) >= 3:
        assert counts["val"] == max(1, round(0.2 * len(names)))
        assert counts["test"] == max(1, round(0.1 * len(names)))


def test_published_splits_stay_and_another_seed_splits_otherwise() -> None:
    many = [record(f"v{i}") for i in range(30)]
    drawn = [split_of_sources(many, PrepareSettings("bdd", seed=s)) for s in (0, 1)]
    assert drawn[0] != drawn[1]
    published = [record("a", "test"), record("b", "train"), record("c", "test")]
    assert split_of_sources(published, PrepareSettings("bdd")) == {"a": "test", "b": "train", "c": "test"}
