"""A call of `VideoUNet`, counted layer by layer from the arguments that it is built with. Standard library only."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from inpaintdiff.analysis.cost import Makeup, NetworkCost, resident

# What `VideoUNet` takes for arguments that a model's configuration leaves out.
_DEFAULTS: dict[str, Any] = {
    "channels": 3, "width": 128, "multipliers": (1, 2, 3, 4), "blocks": 2, "attention_levels": (2, 3), "heads": 4, "patch": 1,
}  # fmt: skip
# Spatial attention over more tokens is fused and keeps no matrix of tokens by tokens, see `models.attention.FUSED_ABOVE`.
_FUSED_ABOVE = 64


def unet_cost(args: Mapping[str, Any], height: int, width: int, makeup: Makeup, value_bytes: int = 4) -> NetworkCost:
    """One call for one sample, as the `Inpainter` makes it: observed frames have gone through the first part before.

    Args:
        args: that the network is built with, as in a model's configuration.
        height, width: of the frames, pixels.
        makeup: of the window.
        value_bytes: of a value between layers: 4, or 2 with bfloat16 autocast.
    """
    walk = _Walk({**_DEFAULTS, **args}, height, width, makeup, value_bytes)
    # frames and what is known of them stay, in float32, until the call ends
    given = 4 * makeup.frames * height * width * (walk.channels + 1) + walk.observed
    parameters = sum(x.parameters for x in walk.layers)
    return NetworkCost(
        flops=sum(x.flops for x in walk.layers),
        observe_flops=walk.observe_flops,
        bytes=given + max(sum(x.sizes) for x in walk.layers),
        resident_bytes=resident([[*x.sizes, given] for x in walk.layers], 4 * parameters),
        parameters=parameters,
    )


class _Layer(NamedTuple):
    """Some modules that run one after the other.

    Attributes:
        flops: of all.
        parameters: of all.
        sizes: bytes of the tensors that are in memory at the worst moment within them.
    """

    flops: int
    parameters: int
    sizes: list[int]


class _Kept(NamedTuple):
    """A feature map that the way up will take.

    Attributes:
        values: a frame.
        channels: of it.
        frames: how many.
    """

    values: int
    channels: int
    frames: int


class _Walk:
    """Follows `VideoUNet.forward` with the sizes of tensors in place of tensors.

    Attributes:
        layers: of a call.
        observed: bytes of the maps that are given for observed frames.
        observe_flops: what those of one frame took.
    """

    def __init__(self, args: Mapping[str, Any], height: int, width: int, makeup: Makeup, value_bytes: int) -> None:
        multipliers: Sequence[int] = args["multipliers"]
        base, patch = args["width"], args["patch"]
        self.channels, self._heads, self._embedding, self._value = (
            args["channels"],
            args["heads"],
            4 * base,
            value_bytes,
        )
        self._window, self._frames = makeup.frames, makeup.unknown
        self._kept: list[_Kept] = []
        self._entering = True
        self.layers: list[_Layer] = []
        self.observed = self.observe_flops = 0
        stride = patch * 2 ** (len(multipliers) - 1)
        self._pixels = (-(-height // stride) * stride // patch) * (-(-width // stride) * stride // patch)
        attended = {int(a) for a in args["attention_levels"]}
        ups = [i for i in reversed(range(len(multipliers))) for _ in range(args["blocks"] + 1)]
        last = max((k for k, i in enumerate(ups) if i in attended), default=-1)
        self._late = len(multipliers) * (args["blocks"] + 1) - (last + 1)

        e = self._embedding
        self._add(2 * self._window * (base + e) * e, (base + e + 2) * e, [])
        door = (self.channels + 1) * patch**2
        self._convolve(door, base, held=[door, door, base])
        self._keep(base)
        c = base
        for i, m in enumerate(multipliers):
            for _ in range(args["blocks"]):
                self._level(c, base * m, i in attended, kept=self._kept[:-1])
                c = base * m
                self._keep(c)
            if i + 1 < len(multipliers):
                self._pixels //= 4
                self._convolve(c, c, held=[4 * c, c], kept=self._kept[:-1])
                self._keep(c)
        self._level(c, c, True, kept=self._kept[:-1])
        self._level(c, c, False, kept=self._kept)
        for k, i in enumerate(ups):
            if k == last + 1:
                self._select(makeup.unknown, c)
            if k > 0 and ups[k - 1] != i:
                self._pixels *= 4
                self._convolve(c, c, held=[c, c, c // 4])
            joint = c + self._kept.pop().channels
            self._add(0, 0, [self._map(joint)] * 2)
            c = base * multipliers[i]
            self._level(joint, c, i in attended, kept=self._kept)
        if last + 1 == len(ups):
            self._select(makeup.unknown, c)
        self._convolve(c, self.channels * patch**2, held=[c, c, c])
        self._add(0, 2 * c, [])  # the norm before it

    def _map(self, channels: int) -> int:
        """Bytes of a feature map of the frames that are computed."""
        return self._frames * self._pixels * channels * self._value

    def _keep(self, channels: int) -> None:
        self._kept.append(_Kept(self._pixels * channels, channels, self._frames))

    def _held(self, kept: Sequence[_Kept]) -> list[int]:
        return [k.frames * k.values * self._value for k in kept]

    def _add(self, flops: int, parameters: int, sizes: list[int], kept: Sequence[_Kept] | None = None) -> None:
        self.layers.append(_Layer(flops, parameters, sizes + self._held(self._kept if kept is None else kept)))

    def _select(self, unknown: int, channels: int) -> None:
        """Frames that are not wanted are left out: a copy is made while the others are still there."""
        before = self._map(channels)
        self._frames = unknown
        self._add(0, 0, [before, self._map(channels)])

    def _join(self, channels: int) -> None:
        """Before the first temporal attention: the observed frames join those with unknown pixels."""
        self._entering = False
        embedding, *others = self.layers
        self.observe_flops = embedding.flops // self._window + sum(x.flops for x in others) // self._frames
        joining = [*self._kept[self._late :], _Kept(self._pixels * channels, channels, self._frames)]
        self.observed = sum(self._value * k.values for k in joining) * (self._window - self._frames)
        self._frames = self._window
        joint = [k._replace(frames=self._window) for k in joining]
        self._add(0, 0, self._held([*joining[-1:], *joint]))
        self._kept[self._late :] = joint[:-1]

    def _convolve(self, into: int, out: int, held: Sequence[int], kept: Sequence[_Kept] | None = None) -> None:
        flops = 2 * self._frames * self._pixels * 9 * into * out
        self._add(flops, 9 * into * out + out, [self._map(x) for x in held], kept)

    def _level(self, into: int, out: int, attend: bool, kept: Sequence[_Kept]) -> None:
        """A residual block, and perhaps attention over time and over space."""
        n, s, e = self._frames, self._pixels, self._embedding
        skip = into * out if into != out else 0
        weights = 9 * (into + out) * out
        # the worst moments: at the first SiLU, at the first convolution, at the second norm
        moments = ([into] * 3, [into] * 2 + [out], [into] + [out] * 3)
        held = [self._map(c) for c in max(moments, key=sum)]
        if self._value < 4:  # autocast makes a copy of the weights of the layer that runs
            held.append(9 * max(into, out) * out * self._value)
        self._add(
            2 * n * s * (weights + skip) + 4 * n * e * out,
            weights + 2 * out + 2 * out * (e + 1) + 2 * (into + out) + (skip + out if skip else 0),
            held,
            kept,
        )
        if not attend:
            return
        if self._entering:
            self._join(out)
            kept = self._kept[: len(kept)]
        t, maps = self._window, [self._map(into)] + [self._map(out)] * 9
        projections, pairs = 4 * out * out, t * t
        # queries with keys, both with relative positions, values, and values with relative positions
        over_time = 2 * t * s * projections + 5 * 2 * s * pairs * out
        relative = 3 * 2 * (pairs * (3 + out) * out + 2 * t * e * out)
        logits = s * self._heads * pairs
        self._add(
            over_time + relative,
            projections + 6 * out + 3 * (4 * out + 2 * (e + 1) * out + (out + 1) * out),
            [*maps, 3 * logits * self._value, 4 * logits, 5 * pairs * out * self._value],
            kept,
        )
        tokens = 0 if s > _FUSED_ABOVE else t * self._heads * s * s
        self._add(
            2 * t * s * projections + 2 * 2 * t * s * s * out,
            projections + 6 * out,
            [*maps[:7], tokens * (self._value + 8)],
            kept,
        )
