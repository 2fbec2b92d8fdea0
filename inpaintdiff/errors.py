"""One family of errors. Each also is the builtin that a caller would expect, so `except OSError` keeps working.

Every message says what was got, what was expected and the nearest fix. The command line prints the message alone and exits with
code 2 for anything of this family.
"""


class InpaintDiffError(Exception):
    """Base of everything that this package raises for wrong input."""


class VideoReadError(InpaintDiffError, OSError):
    """A video or image folder is missing, unreadable, or cannot be read exactly."""


class VideoWriteError(InpaintDiffError, OSError):
    """An output exists already, or cannot be written."""


class HoleError(InpaintDiffError, ValueError):
    """A hole (mask, boxes) is missing, empty, inverted-looking, or of the wrong length or size."""


class PlanError(InpaintDiffError, ValueError):
    """A sampling scheme was asked for, or yielded, something that cannot be."""


class SettingError(InpaintDiffError, ValueError):
    """An option or configuration value is outside its range."""


class DatasetError(InpaintDiffError, ValueError):
    """A data set folder departs from the documented format."""


class CheckpointError(InpaintDiffError, RuntimeError):
    """A file or registry entry is not a model of ours, or does not fit."""


class MissingPackageError(InpaintDiffError, ImportError):
    """A package that this needs, and the rest does without, is not installed."""


class RegistryError(InpaintDiffError, RuntimeError):
    """The model registry or tracking server does not answer, or does not hold what was asked for."""
