"""`Protocol`: everything that a score depends on besides the videos. Its card lies in every result."""

from dataclasses import asdict, dataclass

from inpaintdiff.metrics.frame import PSNR_CAP

# name: (column title, unit, digits)
SCORES = {
    "psnr_hole": ("PSNR hole", " dB", 2),
    "ssim_hole": ("SSIM hole", "", 4),
    "psnr_full": ("PSNR full", " dB", 2),
    "ssim_full": ("SSIM full", "", 4),
}


@dataclass(frozen=True)
class Protocol:
    """How results are scored. Numbers of different cards must not be compared.

    Attributes:
        name: in metric names, as `psnr_hole_v1`; a changed definition gets a new one.
        size: at which size frames are compared.
        dilation: pixels that holes are grown by.
        values: type and range of compared values.
        known_pixels: what counts outside the hole.
        psnr, ssim: definitions.
        psnr_cap: dB that an exact frame counts for in means.
        frames: which frames count.
        means: in which order scores are averaged.
        interval: how intervals of differences are found.
        confidence, resamples: of these intervals.
    """

    name: str = "v1"
    size: str = "native"
    dilation: int = 0
    values: str = "float32, clipped to [-1, 1], compared on a scale of 0 to 1; not rounded to 8 bits"
    known_pixels: str = "the source's own"
    psnr: str = "-10 log10 of the mean squared error over the region's pixels and channels, data range 1"
    ssim: str = (
        "Gaussian window 11, sigma 1.5, data range 1, mean of channels and of the region's pixels 5 from the edge"
    )
    psnr_cap: float = PSNR_CAP
    frames: str = "frames with a hole"
    means: str = "over frames, then samples, then videos"
    interval: str = "paired bootstrap over videos, bias-corrected and accelerated"
    confidence: float = 0.95
    resamples: int = 10_000

    def card(self) -> dict[str, str | int | float]:
        """All fields as plain values."""
        return asdict(self)


V1 = Protocol()
