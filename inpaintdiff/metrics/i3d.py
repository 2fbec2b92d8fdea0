"""I3D on RGB, trained on Kinetics-400 (Carreira and Zisserman, CVPR 2017, arXiv 1705.07750): the network of VFID and FVD."""

from functools import reduce
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from inpaintdiff.metrics.weights import load_weights

# name, channels in, (1x1, 3x3 inner, 3x3, 3x3 inner, 3x3, pooled 1x1)
_MIXED = (
    ("Mixed_3b", 192, (64, 96, 128, 16, 32, 32)),
    ("Mixed_3c", 256, (128, 128, 192, 32, 96, 64)),
    ("Mixed_4b", 480, (192, 96, 208, 16, 48, 64)),
    ("Mixed_4c", 512, (160, 112, 224, 24, 64, 64)),
    ("Mixed_4d", 512, (128, 128, 256, 24, 64, 64)),
    ("Mixed_4e", 512, (112, 144, 288, 32, 64, 64)),
    ("Mixed_4f", 528, (256, 160, 320, 32, 128, 128)),
    ("Mixed_5b", 832, (256, 160, 320, 32, 128, 128)),
    ("Mixed_5c", 832, (384, 192, 384, 48, 128, 128)),
)
# maximum pooling before these: (size, stride) over time, height, width
_POOLS = {"Mixed_3b": ((1, 3, 3), (1, 2, 2)), "Mixed_4b": ((3, 3, 3), (2, 2, 2)), "Mixed_5b": ((2, 2, 2), (2, 2, 2))}


class I3D(nn.Module):
    """Features of videos; the names of its tensors are those of pytorch-i3d.

    The architecture is one, the weights are several: FVD uses DeepMind's `rgb_scratch`, papers' VFID `rgb_imagenet`. Numbers from
    different files must not be compared. Weights are random until `load_weights`; use `I3D.load`.
    """

    features = 1024
    classes = 400

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = _Unit(3, 64, 7, stride=2)
        self.Conv3d_2b_1x1 = _Unit(64, 64, 1)
        self.Conv3d_2c_3x3 = _Unit(64, 192, 3)
        for name, into, widths in _MIXED:
            self.add_module(name, _Mixed(into, widths))
        self.logits = _Logits()

    @staticmethod
    def load(path: Path | str) -> "I3D":
        """The network with the weights of a file.

        Raises:
            CheckpointError: no such file, or other weights.
        """
        network = I3D()
        load_weights(network, path)
        return network

    def endpoints(self, x: Float[Tensor, "b 3 t h w"]) -> dict[str, Tensor]:
        """The maps after `Conv3d_2c_3x3` and after every mixed block, by name, each [b c t' h' w'].

        Args:
            x: of any length and size; the range of values is the protocol's affair.
        """
        x = _max_pool(self.Conv3d_1a_7x7(x), (1, 3, 3), (1, 2, 2))  # b 64 t/2 h/4 w/4
        maps = {"Conv3d_2c_3x3": (x := self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x)))}  # b 192 t/2 h/4 w/4
        for name, _, _ in _MIXED:
            if name in _POOLS:
                x = _max_pool(x, *_POOLS[name])
            maps[name] = (x := self.get_submodule(name)(x))
        return maps

    def forward(self, x: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b 1024"]:
        """`Mixed_5c`, averaged over time and space: one vector a video."""
        return self.endpoints(x)["Mixed_5c"].mean(dim=(2, 3, 4))

    def class_scores(self, x: Float[Tensor, "b 3 t 224 224"]) -> Float[Tensor, "b 400"]:
        """Logits averaged over time, the feature of FVD. For 224 x 224 pixels and at least 9 frames."""
        pooled = F.avg_pool3d(self.endpoints(x)["Mixed_5c"], (2, 7, 7), stride=1)  # b 1024 t' 1 1
        return self.logits(pooled).mean(dim=(2, 3, 4))


def _same(
    x: Float[Tensor, "b c t h w"], size: tuple[int, int, int], stride: tuple[int, int, int]
) -> Float[Tensor, "b c t2 h2 w2"]:
    """Zeros around, as TensorFlow's SAME: as many as the stride needs, the odd one at the end."""
    pads: list[int] = []
    for n, k, s in zip(reversed(x.shape[2:]), reversed(size), reversed(stride), strict=True):
        missing = max(k - (s if n % s == 0 else n % s), 0)
        pads += [missing // 2, missing - missing // 2]
    return F.pad(x, pads) if any(pads) else x


def _max_pool(
    x: Float[Tensor, "b c t h w"], size: tuple[int, int, int], stride: tuple[int, int, int]
) -> Float[Tensor, "b c t2 h2 w2"]:
    # Zeros do not change a maximum of values that have passed a ReLU. One axis after the other, as the maximum of shifted views: the
    # same values as those of max_pool3d, which on a CPU takes a third of the whole network's time.
    x = _same(x, size, stride)
    for dim, k, s in zip((2, 3, 4), size, stride, strict=True):
        last = x.shape[dim] - k
        x = reduce(torch.maximum, [x.narrow(dim, i, last + 1)[_every(dim, s)] for i in range(k)])
    return x


def _every(dim: int, step: int) -> tuple[slice, ...]:
    return (*[slice(None)] * dim, slice(None, None, step))


class _Unit(nn.Module):
    def __init__(self, into: int, out: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(into, out, size, stride, bias=False)
        self.bn = nn.BatchNorm3d(out, eps=0.001)
        self.size, self.stride = (size, size, size), (stride, stride, stride)

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b d t2 h2 w2"]:
        # in place: at 854 x 480, 60 frames of the first layer take 760 MB
        return F.relu_(self.bn(self.conv3d(_same(x, self.size, self.stride))))


class _Mixed(nn.Module):
    def __init__(self, into: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        self.b0 = _Unit(into, widths[0], 1)
        self.b1a = _Unit(into, widths[1], 1)
        self.b1b = _Unit(widths[1], widths[2], 3)
        self.b2a = _Unit(into, widths[3], 1)
        self.b2b = _Unit(widths[3], widths[4], 3)
        self.b3b = _Unit(into, widths[5], 1)

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b d t h w"]:
        pooled = self.b3b(_max_pool(x, (3, 3, 3), (1, 1, 1)))
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), pooled], dim=1)


class _Logits(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(1024, 400, 1)

    def forward(self, x: Float[Tensor, "b 1024 t h w"]) -> Float[Tensor, "b 400 t h w"]:
        return self.conv3d(x)
