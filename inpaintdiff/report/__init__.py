"""Results for people to look at: one HTML file with everything in it, and a blind study of two answers at a time."""

from inpaintdiff.report.answers import StudyResult, score_study
from inpaintdiff.report.gather import Sources, find_sources
from inpaintdiff.report.media import MediaSettings
from inpaintdiff.report.page import worst_first, write_review
from inpaintdiff.report.study import write_study

__all__ = [
    "MediaSettings",
    "Sources",
    "StudyResult",
    "find_sources",
    "score_study",
    "worst_first",
    "write_review",
    "write_study",
]
