"""May a model take another's place? The question that a promotion asks of an evaluation."""

from inpaintdiff.evaluation.protocol import SCORES
from inpaintdiff.evaluation.results import Evaluation

_ASKED = ("psnr_hole", "ssim_hole")


def may_replace(found: Evaluation, champion: str) -> tuple[bool, str]:
    """Is the first method of an evaluation good enough to replace another one?

    It is if no score is shown to be worse (paired interval below 0), and if one is shown to be better or no mean is lower.

    Args:
        found: the challenger is its first method.
        champion: name of the method to be replaced.

    Returns:
        The answer, and why: the differences with their intervals, the protocol, and the number of videos.
    """
    differences = {score: found.difference(champion, score) for score in _ASKED}
    verdicts = [d.verdict for d in differences.values()]
    good = min(verdicts) >= 0 and (max(verdicts) > 0 or all(d.mean >= 0 for d in differences.values()))
    said = []
    for score, d in differences.items():
        title, unit, digits = SCORES[score]
        said.append(f"{title} {d.mean:+.{digits}f}{unit} [{d.low:+.{digits}f}, {d.high:+.{digits}f}]")
    videos = next(iter(differences.values())).videos
    return good, f"{', '.join(said)} against {champion} on {videos} videos, protocol {found.protocol.name}"
