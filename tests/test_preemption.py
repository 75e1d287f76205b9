"""What captures without end do to keyframes: next to nothing, where first come, first served would be ruinous.

In the real loop, with an engine that sleeps as long as a device would compute: a keyframe takes 20 ms, a capture 0.7 s.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np

from bench.first_come import FirstCome
from models.device_loop import DeviceLoop, Picture
from models.device_messages import monotonic_ms
from models.scheduler import Policy
from models.scheduler_jobs import Job, Rules
from tests.fake_engine import FakeEngine, fake_task
from tests.serving import PATIENCE_S, eventually

KEYFRAME = {"name": "live", "begin_ms": 2.0, "step_ms": 4.0, "extra_ms": 0.4, "decode_ms": 2.0, "max_batch": 4}
CAPTURE = {"name": "premium", "begin_ms": 12.0, "step_ms": 12.0, "decode_ms": 10.0, "tiles": 4, "max_batch": 1}
CAPTURE_STEPS = 50  # evaluations
KIOSKS, PERIOD_S = 4, 0.2


@dataclass
class Counter:
    """Where pictures are handed over."""

    ready_ms: dict[int, float] = field(default_factory=dict)
    proofs: set[str] = field(default_factory=set)

    def finished(self, picture: Picture) -> None:
        self.ready_ms[picture.job] = picture.ended_ms

    def refused(self, job, reason, retry_ms) -> None:
        raise AssertionError(f"{job} was refused: {reason}")

    def failed(self, job, failure) -> None:
        raise AssertionError(f"{job} failed: {failure}")

    def ran(self, unit) -> None:
        pass

    def proven(self, engine) -> None:
        self.proofs.add(engine)


class Shop:
    """Kiosks that send keyframes at their own pace, and perhaps captures that queue without end."""

    def __init__(self, policy) -> None:
        engines = {options["name"]: FakeEngine(**options) for options in (KEYFRAME, CAPTURE)}
        canaries = {name: fake_task(engine=name, steps=2) for name in engines}
        self.counter = Counter()
        self.loop = DeviceLoop(engines, policy, listener=self.counter, canaries=canaries, canary_ms=1e9)
        self.sent_ms: dict[int, float] = {}
        self.captures: list[int] = []

    def p95_ms(self, *, captures: bool, frames: int = 60) -> float:
        """Of the keyframes' waiting, from being sent to being ready."""
        thread = threading.Thread(target=self.loop.run)
        thread.start()
        try:
            eventually(lambda: len(self.counter.proofs) == 2)
            self._open(captures, frames)
            eventually(lambda: self.sent_ms.keys() <= self.counter.ready_ms.keys(), within_s=3 * PATIENCE_S)
        finally:
            self.loop.stop()
            thread.join(PATIENCE_S)
        return float(np.percentile([self.counter.ready_ms[job] - sent for job, sent in self.sent_ms.items()], 95))

    def _open(self, captures: bool, frames: int) -> None:
        random = np.random.default_rng(0)
        times_s = sorted(PERIOD_S * random.uniform(0, frames / KIOSKS, frames))
        begun_s = time.monotonic()
        for number, at_s in enumerate(times_s):
            if captures:
                self._keep_captures_waiting(number)
            time.sleep(max(0.0, begun_s + at_s - time.monotonic()))
            self.sent_ms[number] = monotonic_ms()
            self._submit(number, "live", f"kiosk-{number}", steps=4)

    def _keep_captures_waiting(self, number: int) -> None:
        while sum(job not in self.counter.ready_ms for job in self.captures) < 2:
            self.captures.append(1000 + len(self.captures))
            self._submit(self.captures[-1], "premium", "studio", steps=CAPTURE_STEPS)

    def _submit(self, number: int, engine: str, session: str, *, steps: int) -> None:
        task = fake_task(number, engine=engine, steps=steps)
        now_ms = monotonic_ms()
        live = engine == "live"
        deadline_ms = now_ms + 1e3 * PATIENCE_S if live else None
        kind = "live" if live else "capture"
        self.loop.submit(Job(number, session, kind, engine, (64, 48), now_ms, deadline_ms, steps), task)


def test_captures_without_end_hardly_touch_keyframes_and_would_ruin_them_first_come_first_served():
    for _ in range(3):  # a busy machine may spoil one
        rules = Rules(batch={"live": 4})
        without = Shop(Policy(rules)).p95_ms(captures=False)
        beside = Shop(Policy(rules)).p95_ms(captures=True)
        in_turn = Shop(FirstCome(Rules())).p95_ms(captures=True, frames=20)
        print(f"keyframe p95: {without:.0f} ms alone, {beside:.0f} ms beside captures, {in_turn:.0f} ms in turn")
        if beside <= 1.5 * without and in_turn >= 5 * without:
            return
    raise AssertionError(f"{without:.0f} ms, {beside:.0f} ms, {in_turn:.0f} ms")
