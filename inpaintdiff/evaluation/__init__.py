"""Painters compared on the same videos: scores by a named protocol, paired intervals, results in files."""

from inpaintdiff.evaluation.protocol import SCORES, V1, Protocol
from inpaintdiff.evaluation.results import Evaluation, VideoResult
from inpaintdiff.evaluation.run import Method, Painter, baseline_method, evaluate

__all__ = ["SCORES", "V1", "Evaluation", "Method", "Painter", "Protocol", "VideoResult", "baseline_method", "evaluate"]
