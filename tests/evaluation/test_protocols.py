"""Protocols: what they compute is what other implementations of them compute; their cards; metrics that are absent."""

import math
import mmap
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from inpaintdiff.data.video import to_uint8, to_unit
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation import V1, Evaluation, Method, Networks, evaluate, load_protocol
from inpaintdiff.evaluation.protocol import protocol_names
from inpaintdiff.evaluation.scoring import as_compared, networks_of, prepared
from inpaintdiff.metrics.i3d import I3D
from inpaintdiff.metrics.lpips import LPIPS
from inpaintdiff.types import VideoClip

LEGACY, DEVIL = load_protocol("legacy-432"), load_protocol("devil")


def levels(frames: int, height: int = 96, width: int = 150, seed: int = 0) -> np.ndarray:
    """8-bit frames that are smooth enough to be resized."""
    g = np.random.default_rng(seed)
    coarse = g.integers(0, 256, (frames, 12, 15, 3), dtype=np.uint8)
    return np.stack([cv2.resize(c, (width, height), interpolation=cv2.INTER_CUBIC) for c in coarse])


def clip_of(pixels: np.ndarray, hole: np.ndarray) -> VideoClip:
    return VideoClip(to_unit(pixels), torch.from_numpy(hole).unsqueeze(1), torch.arange(len(pixels)))


def holes(frames: int, height: int = 96, width: int = 150) -> np.ndarray:
    hole = np.zeros((frames, height, width), dtype=bool)
    hole[:, 30:60, 40:90] = True
    return hole


def painter(values: torch.Tensor) -> Method:
    return Method("ours", lambda clip, samples, seed: values[None, : clip.length])


def test_every_protocol_survives_its_card(tmp_path: Path) -> None:
    assert protocol_names() == ["devil", "legacy-432", "v1"]
    cards = []
    for name in protocol_names():
        protocol = load_protocol(name)
        assert protocol.name == name
        cards.append(protocol.card())
        (tmp_path / "own.yaml").write_text(yaml.safe_dump(protocol.card()))
        assert load_protocol(str(tmp_path / "own.yaml")) == protocol
    assert len({str(c) for c in cards}) == 3
    assert load_protocol("v1") == V1
    assert networks_of(LEGACY) == ("i3d",)
    assert networks_of(V1, "raft") == ("lpips", "i3d", "inception", "raft")


def test_protocols_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no protocol 'v2'; expected devil, legacy-432, v1"):
        load_protocol("v2")
    with pytest.raises(SettingError, match="cannot be read"):
        load_protocol(str(tmp_path / "missing.yaml"))
    own = tmp_path / "own.yaml"
    for change, said in (
        ({"metrics": ["psnr", "vibes"]}, "has metrics 'vibes'; expected psnr, "),
        ({"regions": ["left"]}, "has regions 'left'"),
        ({"hole_from": 0}, "has hole_from 0; expected 1 to 255"),
        ({"size": [240]}, "is not a protocol"),
        ({"extra": 1}, r"has \['extra'\] besides"),
        ({"ssim": {"windows": 3}}, "is not a protocol"),
    ):
        own.write_text(yaml.safe_dump(V1.card() | change))
        with pytest.raises(SettingError, match=said):
            load_protocol(str(own))
    for text, said in (("[]", "is not a protocol"), ("a: [", "is not YAML")):
        own.write_text(text)
        with pytest.raises(SettingError, match=said):
            load_protocol(str(own))


def test_legacy_is_what_the_fields_code_does() -> None:
    """Their steps written out with their libraries: resize, dilate, truncate, composite, PSNR and SSIM of all frames."""
    videos = {f"v{k}": (levels(n, seed=k), holes(n)) for k, n in enumerate((1, 3))}
    videos["v1"][1][1] = False  # one exact frame would make the mean infinite: something is painted there all the same
    videos["v1"][1][1, 5:9, 5:9] = True
    painted = torch.rand(3, 3, 240, 432, generator=torch.Generator().manual_seed(5)) * 2 - 1
    clips = [(name, clip_of(*parts)) for name, parts in videos.items()]
    found = evaluate([painter(painted)], clips, protocol=LEGACY)

    psnrs, ssims = [], []
    for pixels, hole in videos.values():
        for i, (frame, marked) in enumerate(zip(pixels, hole, strict=True)):
            truth = cv2.resize(frame, (432, 240), interpolation=cv2.INTER_LINEAR)
            mask = Image.fromarray(marked.astype(np.uint8) * 255).resize((432, 240), Image.Resampling.NEAREST)
            cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
            m = cv2.dilate((np.asarray(mask) > 0).astype(np.uint8), cross, iterations=4)[..., None]
            prediction = ((painted[i].permute(1, 2, 0).numpy() + 1) / 2 * 255).astype(np.uint8)
            both = (prediction * m + truth * (1 - m)).astype(np.float64)
            psnrs.append(peak_signal_noise_ratio(truth.astype(np.float64), both, data_range=255))
            ssims.append(
                structural_similarity(truth.astype(np.float64), both, data_range=255, win_size=65, channel_axis=2)
            )
    assert found.mean("ours", "psnr_picture") == pytest.approx(np.mean(psnrs), abs=1e-4)
    assert found.mean("ours", "ssim_picture") == pytest.approx(np.mean(ssims), abs=1e-6)
    # the planted fault: the mean of videos is another number
    of_videos = np.mean([psnrs[0], np.mean(psnrs[1:])])
    assert abs(of_videos - np.mean(psnrs)) > 0.01
    assert set(found.absent) == {"vfid_train"}


def test_devil_is_what_its_code_does() -> None:
    pixels, hole = levels(2), holes(2)
    painted = to_unit(levels(2, seed=9))
    found = evaluate([painter(painted)], [("v", clip_of(pixels, hole))], protocol=DEVIL)
    both = np.where(hole[..., None], to_uint8(painted), pixels).astype(np.float32) / 255
    truth = pixels.astype(np.float32) / 255
    ssims = [structural_similarity(a, b, data_range=2, channel_axis=2) for a, b in zip(truth, both, strict=True)]
    psnrs = [peak_signal_noise_ratio(a, b, data_range=1) for a, b in zip(truth, both, strict=True)]
    assert found.mean("ours", "ssim_picture") == pytest.approx(np.mean(ssims), abs=1e-5)
    assert found.mean("ours", "psnr_picture") == pytest.approx(np.mean(psnrs), abs=1e-4)
    assert "ewarp_hole_dis" in found.score_names


def test_8_bit_values_survive_truncation() -> None:
    def row(values: torch.Tensor) -> torch.Tensor:
        return values.div(127.5).sub(1).view(1, 1, 1, -1)

    every, between = torch.arange(256.0), torch.arange(255.0) + 0.9
    torch.testing.assert_close(as_compared(row(every), LEGACY), row(every), atol=1e-6, rtol=0)
    torch.testing.assert_close(as_compared(row(between), LEGACY), row(between.floor()), atol=1e-6, rtol=0)
    assert torch.equal(as_compared(row(between), V1), row(between))


def test_v1_leaves_clips_alone() -> None:
    clip = clip_of(levels(2), holes(2))
    assert prepared(clip, V1) is clip
    at_size = prepared(clip_of(levels(1, 240, 432), holes(1, 240, 432)), LEGACY)
    assert at_size.hole.sum() > holes(1, 240, 432).sum()
    np.testing.assert_array_equal(to_uint8(at_size.frames), levels(1, 240, 432))


def networks() -> Networks:
    torch.manual_seed(0)
    i3d, lpips = I3D().eval(), LPIPS().eval()
    return Networks(i3d=i3d, lpips=lpips, files={"i3d": {"file": "i3d.pt", "sha256": "0"}})


def test_sets_and_absent_metrics(tmp_path: Path) -> None:
    protocol = replace(V1, metrics=("psnr", "lpips", "fid", "vfid_eval", "fvd"))
    clips = [
        (f"v{k}", clip_of(levels(4, 40, 48, k), holes(4, 40, 48) | (np.arange(40) < 20)[:, None])) for k in range(3)
    ]
    painted = to_unit(levels(4, 40, 48, 7))
    found = evaluate([painter(painted)], clips, protocol=protocol, networks=networks())
    assert set(found.sets["ours"]) == {"vfid_eval", "vfid_eval_mmd"}
    assert found.sets["ours"]["vfid_eval"].n == 3
    assert found.sets["ours"]["vfid_eval"].value > 0
    assert "no weights of inception" in found.absent["fid"]
    assert "at least 9 frames, got 4" in found.absent["fvd"]
    assert not math.isnan(found.mean("ours", "lpips"))
    text = found.table()
    assert "VFID (eval mode), N = 3" in text
    assert "not computed: fid (no weights of inception; fetch them with: inpaintdiff weights get inception" in text
    assert "FID " not in text.split("not computed")[0].replace("VFID", "")  # no number that looks like one
    again = Evaluation.load(found.save_json(tmp_path / "r.json"))
    assert again.as_dict() == found.as_dict()
    assert again.networks == {"i3d": {"file": "i3d.pt", "sha256": "0"}}
    alone = evaluate([painter(painted)], clips[:1], protocol=protocol, networks=networks())
    assert "distance of sets; give more videos" in alone.absent["vfid_eval"]


def test_what_was_painted_elsewhere_is_measured_outside_too() -> None:
    pixels, hole = levels(2), holes(2)
    changed = pixels.copy()
    changed[:, :10] ^= 1  # a level up or down in a tenth of the rows
    method = Method("folder", painted=lambda name, clip: to_unit(changed)[None])
    found = evaluate([method], [("v", clip_of(pixels, hole))])
    share = 10 * 150 / (96 * 150 - 30 * 50)
    assert found.mean("folder", "psnr_outside") == pytest.approx(-10 * math.log10(share / 255**2), abs=0.01)
    assert found.mean("folder", "psnr_hole") == V1.psnr_cap  # composited before everything else is measured
    assert math.isnan(found.cost("folder", "seconds_per_frame"))


def test_memory_and_time_of_painting() -> None:
    def greedy(clip: VideoClip, samples: int, seed: int) -> torch.Tensor:
        # 50 MB that are new to the process, whose heap may have as many left over, held for longer than from one look to the next
        with mmap.mmap(-1, 50 * 2**20) as room:
            for page in range(0, len(room), mmap.PAGESIZE):
                room[page] = 1
            time.sleep(0.3)
        return clip.frames[None]

    found = evaluate([Method("greedy", greedy)], [("v", clip_of(levels(2), holes(2)))])
    assert 45 < found.cost("greedy", "peak_memory") < 250
    assert found.cost("greedy", "seconds_per_frame") > 0
    assert "peak memory, MB" in found.table()


def test_unknown_flows() -> None:
    clips = [("v", clip_of(levels(2), holes(2)))]
    with pytest.raises(SettingError, match="no flow 'guess'"):
        evaluate([painter(to_unit(levels(2)))], clips, flow="guess")
    with pytest.raises(SettingError, match="no weights of raft"):
        evaluate([painter(to_unit(levels(2)))], clips, flow="raft")
