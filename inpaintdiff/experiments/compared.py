"""What a comparison compares: arms that paint, sets of clips, and the models behind the arms."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from inpaintdiff.checkpoint import file_digest, model_path
from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.evaluation import Method, baseline_method
from inpaintdiff.evaluation.known_worlds import Known
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.model_config import ModelInfo
from inpaintdiff.painting.clips import model_method
from inpaintdiff.painting.painters import ModelPainter, choose_device, load_model
from inpaintdiff.types import VideoClip


@dataclass(frozen=True)
class Arm:
    """Something that paints.

    Attributes:
        name: in tables.
        sampling: of the model; None for a baseline of this name.
        model: that paints, where it is not that of the whole run.
    """

    name: str
    sampling: SamplingConfig | None = None
    model: str | None = None


@dataclass(frozen=True)
class ClipSet:
    """Clips to paint.

    Attributes:
        name: in tables.
        make: gives names and clips, the truth in `frames`, anew at every call.
        number: of clips.
        known: what is known of them beside their pictures.
        model: the built-in one of their world, which paints them where a run names no other model than `builtin`.
    """

    name: str
    make: Callable[[], Iterable[tuple[str, VideoClip]]]
    number: int
    known: Known = field(default_factory=Known)
    model: str | None = None


@dataclass(frozen=True)
class Size:
    """How large a run is: clips of a set, frames of a clip, network calls a stage, seeds of the answers, answers a clip of each seed."""

    clips: int = 24
    frames: int = 32
    calls: int = 20
    seeds: int = 3
    samples: int = 1


class Models:
    """The models of all arms, each loaded when the first that needs it paints.

    Args:
        source: the model of the run.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._loaded: dict[str, tuple[Denoiser, ModelInfo]] = {}

    def method(self, arm: Arm, clip_set: ClipSet) -> Method:
        """How this arm paints clips of this set."""
        if arm.sampling is None:
            return baseline_method(arm.name)
        source = arm.model or own_model(clip_set, self.source) or self.source
        if source not in self._loaded:
            self._loaded[source] = load_model(source)
        denoiser, info = self._loaded[source]
        painter = ModelPainter(source, denoiser, info, None, arm.sampling, choose_device(None))
        return model_method(painter, arm.name)


def own_model(clip_set: ClipSet, run: str) -> str | None:
    """The built-in model that paints this set; None where it has none, or where the run names another model for all sets."""
    return clip_set.model if run == "builtin" else None


def model_digest(source: str) -> str | None:
    """SHA-256 of a model's file; None where a registry holds it, whose versions never change."""
    return None if source.startswith(("models:", "runs:")) else file_digest(model_path(source))
