"""Published weights of feature networks: where they are, what they must hash to, and how they get to the user's cache. Never unasked."""

import hashlib
import logging
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from inpaintdiff.errors import CheckpointError, SettingError

logger = logging.getLogger(__name__)

_CHUNK, _TIMEOUT = 2**18, 30
Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Remote:
    """A file on the net.

    Attributes:
        url: http or https.
        sha256: of its bytes.
        size: in bytes.
    """

    url: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Published:
    """The weights of a kind of network.

    Attributes:
        kind: lpips, inception, i3d or raft.
        name: of the file in the cache.
        remotes: of what it is made: the file itself, or parts whose tensors are put together.
        licence: as its source states it.
        about: whose they are, and for what.
        kept: beginnings of the names of tensors that are kept, where there are several parts.
    """

    kind: str
    name: str
    remotes: tuple[Remote, ...]
    licence: str
    about: str
    kept: tuple[str, ...] = ()


PUBLISHED: Mapping[str, Published] = {
    p.kind: p
    for p in (
        Published(
            "inception",
            "inception-2015-12-05.pth",
            (
                Remote(
                    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
                    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
                    95_628_359,
                ),
            ),
            "Apache-2.0",
            "FID's own Inception, as pytorch-fid converted it",
        ),
        Published(
            "i3d",
            "i3d_rgb_imagenet.pt",
            (
                Remote(
                    "https://huggingface.co/yeates/DMT-VideoInpainting/resolve/7b49712b6a26f77483d35ed7147ce5f279ed16c6/release_model/i3d_rgb_imagenet.pt",
                    "2609088c2e8c868187c9921c50bc225329a9057ed75e76120e0b4a397a2c7538",
                    50_883_138,
                ),
            ),
            "Apache-2.0",
            "I3D RGB (ImageNet, Kinetics-400), which the field's VFID is computed with",
        ),
        Published(
            "lpips",
            "lpips_alex_v0.1.pt",
            (
                Remote(
                    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
                    "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
                    244_408_911,
                ),
                Remote(
                    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/alex.pth",
                    "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
                    6_009,
                ),
            ),
            "BSD-3-Clause (torchvision), BSD-2-Clause (LPIPS)",
            "LPIPS v0.1: torchvision's AlexNet, of which 10 MB are kept, and the linear heads",
            ("features.", "lin"),
        ),
        Published(
            "raft",
            "raft-small.pth",
            (
                Remote(
                    "https://huggingface.co/ddrfan/RAFT/resolve/bfb9a87633743408b9c13c20b9ed43dbe5b83617/raft-small.pth",
                    "c7d41b9cc88442bb8aa911dbb33086dac55a226394b142937ff22d5578717332",
                    3_984_814,
                ),
            ),
            "BSD-3-Clause",
            "RAFT-small, for E_warp with --flow raft",
        ),
    )
}


def weights_folder() -> Path:
    """Where fetched weights are kept: inpaintdiff/weights in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inpaintdiff" / "weights"


def published(kind: str) -> Published:
    """The entry of a kind.

    Raises:
        SettingError: there is none.
    """
    if kind not in PUBLISHED:
        raise SettingError(f"there are no published weights {kind!r}; expected one of {', '.join(PUBLISHED)}")
    return PUBLISHED[kind]


def fetch(
    entry: Published,
    load: Callable[[Path], torch.nn.Module],
    folder: Path | None = None,
    overwrite: bool = False,
    told: Told | None = None,
) -> Path:
    """Download weights, unless they are there; what is kept has the right hash and fits its network.

    Args:
        entry: what to get.
        load: of the network; it must take the file.
        folder: where to; the user's cache by default.
        overwrite: download again although the file is there.
        told: called with (url, bytes so far, bytes altogether).

    Raises:
        CheckpointError: it cannot be fetched or written, or what came is something else; nothing is kept then.
    """
    folder = weights_folder() if folder is None else folder
    target = folder / entry.name
    if target.is_file() and not overwrite:
        return target
    part = folder / f".{entry.name}.{secrets.token_hex(4)}.part"
    pieces = [part.with_suffix(f".{k}.part") for k in range(len(entry.remotes))]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for remote, piece in zip(entry.remotes, pieces, strict=True):
            _download(remote, piece, entry.kind, told)
        if len(pieces) == 1:
            pieces[0].replace(part)
        else:
            torch.save(_together(pieces, entry.kept), part)
        load(part)
        part.replace(target)
    except OSError as e:
        if isinstance(e, CheckpointError):
            raise
        raise CheckpointError(f"{target} cannot be written: {e.strerror or e}") from e
    finally:
        for path in (part, *pieces):
            path.unlink(missing_ok=True)
    logger.info("%s: kept as %s", entry.kind, target)
    return target


def _download(remote: Remote, target: Path, kind: str, told: Told | None) -> None:
    digest, size = hashlib.sha256(), 0
    otherwise = f"fetch it where there is a connection and give --features {kind}=FILE"
    try:
        with urllib.request.urlopen(remote.url, timeout=_TIMEOUT) as answer, target.open("wb") as file:
            while chunk := answer.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                if size > remote.size:
                    break  # it is something else already
                file.write(chunk)
                if told is not None:
                    told(remote.url, size, remote.size)
    except urllib.error.HTTPError as e:
        e.close()
        raise CheckpointError(
            f"{remote.url} cannot be fetched: the server says {e.code} {e.reason}; {otherwise}"
        ) from e
    except (urllib.error.URLError, TimeoutError, ConnectionError) as e:
        raise CheckpointError(f"{remote.url} cannot be fetched: {getattr(e, 'reason', e)}; {otherwise}") from e
    if size != remote.size or digest.hexdigest() != remote.sha256:
        raise CheckpointError(
            f"{remote.url} sent something else: {size} bytes{' or more' if size > remote.size else ''} with SHA-256 "
            f"{digest.hexdigest()}, expected {remote.size} with {remote.sha256}; nothing was kept. Try again, or {otherwise}"
        )


def _together(pieces: list[Path], kept: tuple[str, ...]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for piece in pieces:
        tensors = torch.load(piece, map_location="cpu", weights_only=True)
        state |= {name: x for name, x in tensors.items() if name.startswith(kept)}
    return state
