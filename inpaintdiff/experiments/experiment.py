"""`Experiment`: a question that a command answers, in a folder that keeps what is finished."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from inpaintdiff.errors import SettingError

# what is being done, how much of it is done, and how much there is; units are the experiment's own
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Request:
    """What a user may choose about any experiment.

    Attributes:
        output: folder of the run; one that holds a part of the same run is gone on with.
        steps: training steps of every arm, where there is training; the experiment's own number by default.
        seeds: how many trainings of every arm; the experiment's own number by default.
        quick: a small run, that shows what the whole one will look like.
        model: of comparisons, see `painting.load_model`.
        features_dir: folder of feature networks' weights, for LPIPS, FID and VFID.
        real: folder of real videos to compare on as well.
        sets: of comparisons, names of the only sets of clips to paint; all by default.
        clips: of comparisons, clips of every set; the experiment's own number by default.
        seconds: of the processor that every arm is trained for, where that is what arms have in common; the experiment's own by default.

    Raises:
        SettingError: a number below 1.
    """

    output: Path
    steps: int | None = None
    seeds: int | None = None
    quick: bool = False
    model: str = "builtin"
    features_dir: Path | None = None
    real: Path | None = None
    sets: tuple[str, ...] = ()
    clips: int | None = None
    seconds: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "seeds", "clips", "seconds"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingError(f"{name} must be at least 1, got {value}")


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Attributes:
        text: tables and one sentence, for the terminal.
        files: results.json first, then figures.
    """

    text: str
    files: tuple[Path, ...]


class Experiment(ABC):
    """A question with a way to answer it.

    Attributes:
        name: as users name it.
        about: the question, in a sentence.
    """

    name: ClassVar[str]
    about: ClassVar[str]

    @abstractmethod
    def run(self, request: Request, report: Report = lambda *_: None) -> Outcome:
        """Answer it. A run that was cut off goes on where it was.

        Raises:
            SettingError: the folder holds a run with other settings.
        """
