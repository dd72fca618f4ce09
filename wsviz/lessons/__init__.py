"""Floor 4: the course's exercises, which judge an answer at once, and the learner's progress, in one local file."""

from wsviz.lessons.course import course, forget_progress, lesson
from wsviz.lessons.recordings import recording

__all__ = ["course", "forget_progress", "lesson", "recording"]
