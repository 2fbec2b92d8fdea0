"""`inpaintdiff.inpaint`: a video and a hole in, an object with the painted videos out."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from inpaintdiff.data.hole_track import HoleTrack
from inpaintdiff.data.holes import Box
from inpaintdiff.data.pictures import evenly_spaced
from inpaintdiff.data.video import VideoReader, check_output, write_video
from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.model_config import ModelInfo
from inpaintdiff.painting.forecast import check_fits, forecast
from inpaintdiff.painting.inputs import as_hole, as_video
from inpaintdiff.painting.job import Job, Step, spread_of
from inpaintdiff.painting.outputs import FULL_SPREAD, false_colours, numbered, record_of, write_record
from inpaintdiff.painting.painters import ModelPainter, Painter, check_names, choose_device, load_painter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HOLE_COLOUR = (255, 0, 255)


@dataclass(frozen=True, eq=False)
class Painted:
    """What `inpaintdiff.inpaint` gives back.

    Attributes:
        videos: every sample as a whole video, RGB; pixels outside the hole equal the source's.
        uncertainty: how much the samples differ at each pixel: standard deviation, 1 is white. 0 outside the hole, and
            everywhere where there is one sample only, which says nothing.
        record: how it was made, plain values.
        source: the video that was painted.
        holes: what was painted of it.
    """

    videos: UInt8[np.ndarray, "k t h w 3"]
    uncertainty: Float[np.ndarray, "t h w"]
    record: dict[str, Any]
    source: VideoReader = field(repr=False)
    holes: HoleTrack = field(repr=False)

    def save(
        self,
        path: str | Path,
        *,
        lossless: bool = False,
        crf: int = 12,
        fps: float | Fraction | None = None,
        overwrite: bool = False,
    ) -> list[Path]:
        """Write the videos, with several samples also that of the uncertainty, and a record beside them.

        Args:
            path: as `-o` of the command line; several samples get -1, -2, ... before the suffix.
            lossless, crf, overwrite: see `write_video`.
            fps: frames a second; by default, and with time stamps and sound, those of the source (25 for arrays).

        Returns:
            The videos of the samples.

        Raises:
            VideoWriteError: something is there already, or cannot be written.
        """
        target = Path(path)
        outputs, spread, sidecar = numbered(target, len(self.videos))
        for p in [*outputs, *filter(None, [spread])]:
            check_output(p, lossless=lossless, overwrite=overwrite)
        info = self.source.info
        options: dict[str, Any] = {
            "fps": fps or info.fps, "crf": crf, "lossless": lossless, "overwrite": overwrite, "like": None if fps else info,
        }  # fmt: skip
        for p, video in zip(outputs, self.videos, strict=True):
            write_video(p, video, **options)
        if spread is not None:
            write_video(spread, map(false_colours, self.uncertainty), **options)
        write_record(sidecar, {**self.record, "outputs": [p.name for p in outputs]}, overwrite=True)
        return outputs

    def show(self, columns: int = 6) -> "Figure":
        """A figure of evenly spaced frames: the input with its hole, every sample, and the uncertainty of several."""
        at = evenly_spaced(len(self.source), columns)
        given = self.source.read(at)
        given[self.holes.read(at)] = _HOLE_COLOUR
        rows = {"input": given, **{f"sample {k + 1}": v[at] for k, v in enumerate(self.videos)}}
        if len(self.videos) > 1:
            rows[f"spread\n(to {FULL_SPREAD:g})"] = np.stack([false_colours(self.uncertainty[i]) for i in at])
        # matplotlib takes a quarter of a second to import, which painting need not wait for
        from inpaintdiff.painting.sheet import draw_sheet

        return draw_sheet(rows, at)


def inpaint(
    video: str | Path | np.ndarray | torch.Tensor,
    mask: str | Path | np.ndarray | torch.Tensor | None = None,
    *,
    boxes: Sequence[str | Box | Sequence[int]] = (),
    samples: int = 1,
    seed: int = 0,
    model: str | Path | tuple[Denoiser, ModelInfo] = "builtin",
    steps: int | None = None,
    scheme: str = "lookahead-ar++",
    options: Mapping[str, bool | int | float | str] | None = None,
    solver: str | None = None,
    window: int | None = None,
    step: int | None = None,
    precision: str = "fp32",
    device: str | None = None,
    context: float = 0.5,
    invert_mask: bool = False,
    dilate: int = 0,
    mask_extend: str | None = None,
    allow_large: bool = False,
    track: int | None = None,
    tracking_uri: str | None = None,
    report: Callable[[Step], None] = lambda _: None,
) -> Painted:
    """Fill the hole of a video.

    Painting itself needs the memory of a window, whatever the length; the result is held in memory as a whole. For videos
    that do not fit, `inpaintdiff.painting.files` goes from file to file.

    Args:
        video: path of a file or folder of pictures; frames uint8 [t h w 3]; or floats [t 3 h w] in [-1, 1].
        mask: what to fill: picture, folder, video, .npy or .npz; boxes and polygons (.json, .csv or .txt); or an array [h w] or
            [t h w]. White is filled.
        boxes: what to fill, as well or instead: `"x1,y1,x2,y2[@t0-t1]"` or numbers, in pixels.
        samples: how many answers.
        seed: of the answers; sample k of a seed is the same whatever `samples` is.
        model: `builtin`, FILE, `models:/NAME@ALIAS`, `runs:/ID/path`, `baseline:NAME`; or what `load_model` gives.
        steps: network calls a stage; by default the model's own number, or 20.
        scheme, options, solver, window, step, precision: see `SamplingConfig`; `options={"near": 4}` are the scheme's own.
        device: by default cuda where there is one.
        context: surroundings that the model is given, in sizes of the hole, see `choose_regions`.
        invert_mask: black is filled.
        dilate: grow the hole by so many pixels.
        mask_extend: "hold" repeats the last picture of a mask that is too short.
        allow_large: accept a hole of more than 60 % of the picture.
        track: of boxes and polygons, only the object with this number.
        tracking_uri: MLflow store of `models:/` and `runs:/`.
        report: is called after every stage.

    Raises:
        InpaintDiffError: wrong input; the message says what, and what would be right. So is a video whose painting, or whose
            result, does not fit into memory.
    """
    sampling = SamplingConfig(
        scheme=scheme,
        options=dict(options or {}),
        step=step,
        window=window,
        solver=solver,
        calls=steps,
        samples=samples,
        seed=seed,
        precision=precision,
    )
    check_names("" if isinstance(model, tuple) else model, sampling)
    where = choose_device(device)
    reader = as_video(video)
    holes = as_hole(
        reader, mask, boxes, invert=invert_mask, dilate=dilate, extend=mask_extend, allow_large=allow_large, track=track
    )
    # an embedding of another video is refused before a model is loaded
    sampling.sampling_scheme(window=16).stages(holes.incomplete())
    painter: Painter
    if isinstance(model, tuple):
        painter = ModelPainter(model[1].source, *model, digest=None, sampling=sampling, device=where)
    else:
        painter = load_painter(model, sampling, where, tracking_uri)
    return paint_job(Job(reader, holes, painter, samples=samples, seed=seed, context=context), report)


def paint_job(job: Job, report: Callable[[Step], None] = lambda _: None) -> Painted:
    """Paint a job and hold its result in memory.

    Args:
        job: what to paint, and who paints it.
        report: is called after every stage.

    Raises:
        SettingError: it cannot fit.
    """
    info = job.video.info
    # the videos, and their spread in float32
    result = info.frames * info.height * info.width * (3 * job.samples + 4)
    check_fits(job, forecast(job), Path(tempfile.gettempdir()), result_bytes=result)
    videos = np.empty((job.samples, info.frames, info.height, info.width, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory(prefix="inpaintdiff-") as folder:
        for progress in job.paint(Path(folder)):
            report(progress)
        for i, versions in enumerate(job.versions()):
            videos[:, i] = versions
    spread = np.stack([spread_of(videos[:, i]) for i in range(videos.shape[1])])
    return Painted(videos, spread, record_of(job), job.video, job.holes)
