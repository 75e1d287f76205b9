"""The eyes that all sessions share.

Owns which networks there are and what is missing; must not know sessions or garments.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.parsing import Parser
from models.parsing_desk import ParsingDesk
from models.perception import Perception
from models.pose import PosePool
from models.weights import fetch_command, load_manifest, missing


@dataclass(frozen=True)
class Vision:
    """What can be seen with the weights that are there."""

    poses: PosePool | None
    desk: ParsingDesk | None
    missing: tuple[str, ...]
    """Names of the weights that are not there, each with what it is needed for."""
    hint: str | None
    """The command that fetches what is missing."""

    def perception(self) -> Perception:
        """Eyes for one session."""
        return Perception(self.poses.lend if self.poses is not None else None, self.desk)

    def fresh_perception(self) -> Perception:
        """Eyes for one picture, which have never seen another: the same picture looks the same to them every time.

        A pool's finder keeps a little of how sure it was of the person before, whatever it is told to forget.
        """
        poses = self.poses
        return Perception(poses.make if poses is not None else None, self.desk)

    def close(self) -> None:
        """Give the networks back."""
        if self.desk is not None:
            self.desk.close()
        if self.poses is not None:
            self.poses.close()


def open_vision(folder: Path, *, most_sessions: int = 16) -> Vision:
    """Load what lies in the weights' folder, for this many sessions; what is missing is said, not raised.

    Raises:
        ConfigError: weights_unusable, if a file is whole but cannot be loaded.
    """
    absent = {weight.name: weight for weight in missing(folder)}
    there = {weight.name: folder / weight.file for weight in load_manifest() if weight.name not in absent}
    desk = ParsingDesk(Parser(there["parsing"])) if "parsing" in there else None
    return Vision(
        poses=PosePool(there["pose"], most=most_sessions) if "pose" in there else None,
        desk=desk,
        missing=tuple(f"{weight.file}: {weight.needed_for}" for weight in absent.values()),
        hint=fetch_command(folder) if absent else None,
    )
