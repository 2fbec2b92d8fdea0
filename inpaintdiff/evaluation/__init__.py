"""Painters compared on the same videos: scores by a named protocol, paired intervals, results in files."""

from inpaintdiff.evaluation.compare import merge
from inpaintdiff.evaluation.folders import PaintedVideos, Truths
from inpaintdiff.evaluation.guard import may_replace
from inpaintdiff.evaluation.networks import Networks, find_networks
from inpaintdiff.evaluation.protocol import SCORES, V1, Protocol, load_protocol
from inpaintdiff.evaluation.results import Evaluation, SetScore, VideoResult
from inpaintdiff.evaluation.run import Method, Painter, baseline_method, evaluate

__all__ = [
    "SCORES",
    "V1",
    "Evaluation",
    "Method",
    "Networks",
    "PaintedVideos",
    "Painter",
    "Protocol",
    "SetScore",
    "Truths",
    "VideoResult",
    "baseline_method",
    "evaluate",
    "find_networks",
    "load_protocol",
    "may_replace",
    "merge",
]
