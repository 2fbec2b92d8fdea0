"""`Protocol`: everything that a score depends on besides the videos. Its card lies in every result."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml

from inpaintdiff.errors import SettingError
from inpaintdiff.metrics.frame import REGIONS
from inpaintdiff.metrics.per_video import Frames
from inpaintdiff.metrics.ssim import Window

# name: (title, unit, digits); the order of tables. Names of flow methods follow those of E_warp.
SCORES = {
    "psnr_hole": ("PSNR hole", " dB", 2),
    "psnr_seam": ("PSNR seam", " dB", 2),
    "psnr_full": ("PSNR full", " dB", 2),
    "psnr_picture": ("PSNR", " dB", 2),
    "psnr_outside": ("PSNR outside", " dB", 2),
    "ssim_hole": ("SSIM hole", "", 4),
    "ssim_seam": ("SSIM seam", "", 4),
    "ssim_full": ("SSIM full", "", 4),
    "ssim_picture": ("SSIM", "", 4),
    "lpips": ("LPIPS", "", 4),
    "pvcs": ("PVCS", "", 4),
    "ewarp_dis": ("E_warp (DIS)", "", 6),
    "ewarp_hole_dis": ("E_warp hole (DIS)", "", 6),
    "ewarp_raft-small": ("E_warp (RAFT-small)", "", 6),
    "ewarp_hole_raft-small": ("E_warp hole (RAFT-small)", "", 6),
    "semantic": ("semantic", "", 3),
    "conservation": ("conservation", "", 3),
    "psnr_hole_best_of_k": ("PSNR hole, best answer", " dB", 2),
    "psnr_hole_of_mean": ("PSNR hole, mean answer", " dB", 2),
    "diversity": ("diversity", "", 4),
    "spread_error_rank": ("rank of spread and error", "", 3),
    "error_over_spread": ("error over spread", "", 2),
    "calibration_error": ("calibration error", "", 4),
}
# of which a method has one for all videos together
SET_SCORES = {
    "fid": ("FID", "", 3),
    "fid_mmd": ("FID's MMD", "", 4),
    "vfid_eval": ("VFID (eval mode)", "", 4),
    "vfid_eval_mmd": ("VFID's MMD", "", 5),
    "vfid_train": ("VFID (train mode)", "", 4),
    "vfid_train_mmd": ("its MMD", "", 5),
    "fvd": ("FVD (logits)", "", 3),
    "fvd_mmd": ("FVD's MMD", "", 4),
    "model_shares": ("models of cars, departure from known shares", "", 3),
    "paint_shares": ("paints of cars, departure from known shares", "", 3),
}
_METRICS = ("psnr", "ssim", "lpips", "pvcs", "ewarp", "fid", "vfid_eval", "vfid_train", "fvd")


# of ratios: what is best
_BEST = {"error_over_spread": 1.0}


def arrow(score: str) -> str:
    """Which way is better, for tables: ↑, ↓, or →1 where a value is best."""
    if score in _BEST:
        return f"→{_BEST[score]:g}"
    return "↓" if lower_is_better(score) else "↑"


def lower_is_better(score: str) -> bool:
    """True for errors and distances; not a question to ask of ratios, whose best lies in between."""
    return not score.startswith(("psnr", "ssim", "semantic", "conservation", "diversity", "spread_error_rank"))


@dataclass(frozen=True)
class Protocol:
    """How results are scored. Numbers of different cards must not be compared.

    Attributes:
        name: in metric names, as `psnr_hole_v1`; a changed definition gets a new one.
        about: a sentence.
        size: height and width at which frames are compared; None: their own.
        hole_from: grey level from which a mask is hole.
        dilation: how many times the hole is dilated by a 3x3 cross.
        values: "float"; or "truncated": painted values are cut to 8 bits, as `astype(uint8)` does.
        frames: "hole": frames with a hole count; "all": every frame.
        pooled: every frame of every video counts the same, so that long videos weigh more.
        regions: of PSNR, and, but for the outside, of SSIM.
        psnr_cap: dB that an exact frame counts for in means; None: infinitely many.
        ssim: the variant.
        metrics: which families are computed.
        pvcs_stride: frames from window to window.
        fid_resize: to Inception's 299 pixels: "tensorflow", as FID is defined, or "pytorch", as pytorch-fid does.
        confidence, resamples: of intervals of differences.
        definitions: everything else, in words.
    """

    name: str
    about: str
    size: tuple[int, int] | None
    hole_from: int
    dilation: int
    values: Literal["float", "truncated"]
    frames: Frames
    pooled: bool
    regions: tuple[str, ...]
    psnr_cap: float | None
    ssim: Window
    metrics: tuple[str, ...]
    pvcs_stride: int
    fid_resize: Literal["tensorflow", "pytorch"]
    confidence: float
    resamples: int
    definitions: Mapping[str, str]

    def card(self) -> dict[str, Any]:
        """All fields as plain values, as a JSON or YAML file holds them."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @staticmethod
    def from_card(card: Any, origin: str) -> "Protocol":
        """The protocol of a card.

        Args:
            card: see `card`.
            origin: for messages.

        Raises:
            SettingError: a field lacks, is unknown, or has a value that cannot be.
        """
        names = {f.name for f in fields(Protocol)}
        if not isinstance(card, Mapping) or set(card) != names:
            found = set(card) if isinstance(card, Mapping) else set()
            raise SettingError(
                f"{origin} is not a protocol of this version: it lacks {sorted(names - found) or 'nothing'} and has "
                f"{sorted(map(str, found - names)) or 'nothing'} besides; expected what `inpaintdiff/evaluation/protocols` shows"
            )
        try:
            _check(card, origin)
            given: dict[str, Any] = dict(card)
            given["ssim"] = Window(**given["ssim"])
            given["size"] = None if given["size"] is None else (int(given["size"][0]), int(given["size"][1]))
            given |= {k: tuple(v) for k, v in given.items() if isinstance(v, list)}
            return Protocol(**given)
        except SettingError:
            raise
        except (TypeError, IndexError, ValueError) as e:
            raise SettingError(f"{origin} is not a protocol: {e}") from e


def _check(card: Mapping[str, Any], origin: str) -> None:
    allowed: list[tuple[str, Any, Any]] = [
        ("values", card["values"], ("float", "truncated")),
        ("frames", card["frames"], ("hole", "all")),
        ("fid_resize", card["fid_resize"], ("tensorflow", "pytorch")),
        *(("regions", r, tuple(REGIONS)) for r in card["regions"]),
        *(("metrics", m, _METRICS) for m in card["metrics"]),
        ("hole_from", card["hole_from"], range(1, 256)),
        ("dilation", card["dilation"], range(100)),
    ]
    for field, value, known in allowed:
        if value not in known:
            expected = f"{known[0]} to {known[-1]}" if isinstance(known, range) else ", ".join(known)
            raise SettingError(f"protocol {origin} has {field} {value!r}; expected {expected}")


def protocol_names() -> list[str]:
    """Of the protocols that come with the package."""
    folder = resources.files("inpaintdiff.evaluation") / "protocols"
    return sorted(Path(f.name).stem for f in folder.iterdir() if f.name.endswith(".yaml"))


def load_protocol(source: str) -> Protocol:
    """A protocol by name, or from a YAML file of one's own.

    Raises:
        SettingError: no such name or file, or not a protocol.
    """
    own = Path(source)
    try:
        if own.suffix in (".yaml", ".yml"):
            text = own.read_text(encoding="utf-8")
        elif source in protocol_names():
            text = (resources.files("inpaintdiff.evaluation") / "protocols" / f"{source}.yaml").read_text("utf-8")
        else:
            raise SettingError(
                f"there is no protocol {source!r}; expected {', '.join(protocol_names())}, or a .yaml file"
            )
        return Protocol.from_card(yaml.safe_load(text), source)
    except OSError as e:
        raise SettingError(f"protocol {source} cannot be read: {e.strerror or e}") from e
    except yaml.YAMLError as e:
        raise SettingError(f"protocol {source} is not YAML: {' '.join(str(e).split())}") from e


V1 = load_protocol("v1")
