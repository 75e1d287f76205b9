"""At which size a picture is made: the bucket whose proportions are nearest to its own.

Owns the choice; must not know the models. There are few buckets, and all are warmed before anybody waits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Hw = tuple[int, int]


def bucket_for(hw: Hw, *, buckets: Sequence[Hw]) -> Hw:
    """Height and width from `buckets`; among equals the first."""
    proportion = math.log(hw[0] / hw[1])
    return min(buckets, key=lambda bucket: abs(math.log(bucket[0] / bucket[1]) - proportion))
