"""RAFT-small (Teed and Deng, ECCV 2020, arXiv 2003.12039): learned optical flow for E_warp, where its weights are at hand."""

from itertools import accumulate
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from inpaintdiff.metrics.weights import load_weights

_HIDDEN, _CONTEXT, _LEVELS, _RADIUS = 96, 64, 4, 3
_STRIDE = 8
_ITERATIONS = 20


class RAFTSmall(nn.Module):
    """Flow between two pictures; the names of its tensors are those of the published file.

    Weights are random until `load_weights`; use `RAFTSmall.load`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fnet = _Encoder(128, normalised=True)
        self.cnet = _Encoder(_HIDDEN + _CONTEXT, normalised=False)
        self.update_block = _Update()

    @staticmethod
    def load(path: Path | str) -> "RAFTSmall":
        """The network with the weights of a file.

        Raises:
            CheckpointError: no such file, or other weights.
        """
        network = RAFTSmall()
        load_weights(network, path, prefix="module.")
        return network

    def forward(
        self, first: Float[Tensor, "b 3 h w"], second: Float[Tensor, "b 3 h w"], iterations: int = _ITERATIONS
    ) -> Float[Tensor, "b 2 h w"]:
        """Where the pixels of `first` are in `second`, in pixels (x, y).

        Args:
            first, second: in [-1, 1], of at least 64 pixels each way, so that the coarsest correlations have a pixel.
            iterations: refinements.
        """
        h, w = first.shape[-2:]
        down, right = -h % _STRIDE, -w % _STRIDE
        sides = (right // 2, right - right // 2, down // 2, down - down // 2)
        a, b = (F.pad(x, sides, mode="replicate") for x in (first, second))
        pyramid = _correlations(self.fnet(a), self.fnet(b))
        hidden, context = self.cnet(a).split([_HIDDEN, _CONTEXT], dim=1)  # b c h/8 w/8
        hidden, context = hidden.tanh(), context.relu()
        start = _positions(hidden)  # b 2 h/8 w/8
        at = start
        for _ in range(iterations):
            hidden, step = self.update_block(hidden, context, _look_up(pyramid, at), at - start)
            at = at + step
        flow = F.interpolate(at - start, scale_factor=_STRIDE, mode="bilinear", align_corners=True) * _STRIDE
        return flow[..., sides[2] : sides[2] + h, sides[0] : sides[0] + w]


def _positions(like: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 2 h w"]:
    h, w = like.shape[-2:]
    ys, xs = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return torch.stack([xs, ys]).to(like).expand(len(like), -1, -1, -1)


def _correlations(a: Float[Tensor, "b c h w"], b: Float[Tensor, "b c h w"]) -> list[Tensor]:
    """Products of every place of one picture with every place of the other, these ever coarser: each [b*h*w 1 h' w']."""
    n, c, h, w = a.shape
    products = torch.einsum("bcp,bcq->bpq", a.flatten(2), b.flatten(2)) / c**0.5
    finest = products.view(n * h * w, 1, h, w)
    coarser = accumulate(range(_LEVELS - 1), lambda level, _: F.avg_pool2d(level, 2), initial=finest)
    return list(coarser)


def _look_up(pyramid: list[Tensor], at: Float[Tensor, "b 2 h w"]) -> Float[Tensor, "b k h w"]:
    """Products within 3 places of `at` on every level; of the 49 on a level, those of one column come together."""
    n, _, h, w = at.shape
    reach = torch.arange(-_RADIUS, _RADIUS + 1, device=at.device, dtype=at.dtype)
    across, along = torch.meshgrid(reach, reach, indexing="ij")
    around = torch.stack([across, along], dim=-1)  # 7 7 2: x slow, y fast
    centres = at.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
    found = []
    for k, level in enumerate(pyramid):
        size = torch.tensor([level.shape[-1] - 1, level.shape[-2] - 1], device=at.device).clamp(min=1)
        grid = 2 * (centres / 2**k + around) / size - 1
        found.append(F.grid_sample(level, grid, align_corners=True).view(n, h, w, -1))
    return torch.cat(found, dim=-1).permute(0, 3, 1, 2)


class _Encoder(nn.Module):
    def __init__(self, out: int, normalised: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 7, stride=2, padding=3)
        self.layer1 = nn.Sequential(_Bottleneck(32, 32, 1, normalised), _Bottleneck(32, 32, 1, normalised))
        self.layer2 = nn.Sequential(_Bottleneck(32, 64, 2, normalised), _Bottleneck(64, 64, 1, normalised))
        self.layer3 = nn.Sequential(_Bottleneck(64, 96, 2, normalised), _Bottleneck(96, 96, 1, normalised))
        self.conv2 = nn.Conv2d(96, out, 1)
        self.normalised = normalised

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c y x"]:
        x = F.relu(_norm(self.conv1(x), self.normalised))  # b 32 h/2 w/2
        return self.conv2(self.layer3(self.layer2(self.layer1(x))))  # b c h/8 w/8


class _Bottleneck(nn.Module):
    def __init__(self, into: int, out: int, stride: int, normalised: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(into, out // 4, 1)
        self.conv2 = nn.Conv2d(out // 4, out // 4, 3, stride=stride, padding=1)
        self.conv3 = nn.Conv2d(out // 4, out, 1)
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(into, out, 1, stride=stride))
        self.stride, self.normalised = stride, normalised

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d y x"]:
        y = x
        for conv in (self.conv1, self.conv2, self.conv3):
            y = F.relu(_norm(conv(y), self.normalised))
        return F.relu(y + (_norm(self.downsample(x), self.normalised) if self.stride > 1 else x))


def _norm(x: Float[Tensor, "b c h w"], normalised: bool) -> Float[Tensor, "b c h w"]:
    return F.instance_norm(x) if normalised else x


class _Update(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        seen = _LEVELS * (2 * _RADIUS + 1) ** 2
        self.encoder = nn.ModuleDict(
            {
                "convc1": nn.Conv2d(seen, 96, 1),
                "convf1": nn.Conv2d(2, 64, 7, padding=3),
                "convf2": nn.Conv2d(64, 32, 3, padding=1),
                "conv": nn.Conv2d(96 + 32, 80, 3, padding=1),
            }
        )
        given = _HIDDEN + _CONTEXT + 80 + 2
        self.gru = nn.ModuleDict({f"conv{k}": nn.Conv2d(given, _HIDDEN, 3, padding=1) for k in "zrq"})
        self.flow_head = nn.ModuleDict(
            {"conv1": nn.Conv2d(_HIDDEN, 128, 3, padding=1), "conv2": nn.Conv2d(128, 2, 3, padding=1)}
        )

    def forward(
        self,
        hidden: Float[Tensor, "b 96 h w"],
        context: Float[Tensor, "b 64 h w"],
        seen: Float[Tensor, "b 196 h w"],
        flow: Float[Tensor, "b 2 h w"],
    ) -> tuple[Float[Tensor, "b 96 h w"], Float[Tensor, "b 2 h w"]]:
        """The next hidden state, and a step of the flow."""
        e = self.encoder
        moved = F.relu(e["convf2"](F.relu(e["convf1"](flow))))  # b 32 h w
        both = F.relu(e["conv"](torch.cat([F.relu(e["convc1"](seen)), moved], dim=1)))  # b 80 h w
        told = torch.cat([context, both, flow], dim=1)  # b 146 h w
        all_ = torch.cat([hidden, told], dim=1)  # b 242 h w
        update, reset = self.gru["convz"](all_).sigmoid(), self.gru["convr"](all_).sigmoid()
        new = self.gru["convq"](torch.cat([reset * hidden, told], dim=1)).tanh()
        hidden = (1 - update) * hidden + update * new
        return hidden, self.flow_head["conv2"](F.relu(self.flow_head["conv1"](hidden)))
