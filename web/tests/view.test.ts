import { beforeEach, describe, expect, it } from "vitest";
import type { Answer } from "../src/live/protocol";
import { wishKey } from "../src/live/protocol";
import { BLINK_MS, PENDING_MAX_MS, STALE_MS, View } from "../src/live/view";

const navy = { fabric_id: "navy", cut: "sb" };
const grey = { fabric_id: "grey", cut: "sb" };
const UP = { up: true, failures: 0 };
const DOWN = { up: false, failures: 1 };

function answer(seq: number, part: Partial<Answer> = {}): Answer {
  const image = new Uint8Array([1]);
  return { type: "enhanced", seq, capturedMs: 0, image, stage: "composite", reason: null, landmarks: null, ...part };
}

const bare = (seq: number, reason: string | null) => answer(seq, { stage: "mirror", reason });

let view: View;
beforeEach(() => {
  view = new View();
  view.wear(navy, 0);
  view.ready(0);
});

describe("the badge", () => {
  it("says what the picture is", () => {
    expect(view.status.badge).toBe("connecting");
    expect(view.answered(answer(1), 10)).toBe(true);
    expect(view.status.badge).toBe("composite");
    view.answered(answer(2, { stage: "enhanced" }), 20);
    expect(view.status.badge).toBe("enhanced");
    expect(view.tick(30, UP)).toBe(false);
  });

  it("asks to step into view, but not for one lost pose", () => {
    view.answered(answer(1), 0);
    expect(view.answered(bare(2, "no_person"), 100)).toBe(false);
    expect(view.tick(100 + BLINK_MS, UP)).toBe(false);
    expect(view.status.badge).toBe("composite");
    view.answered(bare(3, "no_person"), 200);
    expect(view.tick(101 + BLINK_MS, UP)).toBe(true);
    expect(view.status.badge).toBe("no_person");
    view.answered(answer(4), 500);
    expect(view.tick(501, UP)).toBe(false);
    expect(view.status.badge).toBe("composite");
  });

  it("asks to step back when the body is not in the picture", () => {
    view.answered(bare(1, "no_body"), 0);
    view.tick(BLINK_MS + 1, UP);
    expect(view.status.badge).toBe("no_body");
  });

  it("says that the jacket is on its way while nothing is worn yet", () => {
    view.answered(bare(1, null), 0);
    view.tick(BLINK_MS + 1, UP);
    expect(view.status.badge).toBe("fitting");
  });

  it("says that it is the camera when nothing was wished for", () => {
    view.wear({ none: true }, 0);
    view.answered(bare(1, null), 0);
    view.tick(BLINK_MS + 1, UP);
    expect(view.status.badge).toBe("plain");
  });

  it("shows the camera at once when the connection is lost, and says so", () => {
    view.answered(answer(1), 0);
    expect(view.tick(1, DOWN)).toBe(true);
    expect(view.status.badge).toBe("reconnecting");
  });

  it("is only connecting before anything has gone wrong", () => {
    expect(view.tick(1, { up: false, failures: 0 })).toBe(true);
    expect(view.status.badge).toBe("connecting");
  });
});

describe("pictures that stop coming", () => {
  it("are not passed off as live", () => {
    view.answered(answer(1), 0);
    expect(view.tick(STALE_MS - 1, UP)).toBe(false);
    expect(view.tick(STALE_MS, UP)).toBe(true);
    expect(view.status.badge).toBe("waiting");
  });

  it("are waited for longer where the server is slow as a rule", () => {
    let nowMs = 0;
    for (let seq = 1; seq <= 30; seq += 1) view.answered(answer(seq), (nowMs += 1_000));
    expect(view.tick(nowMs + 2_500, UP)).toBe(false);
    expect(view.tick(nowMs + 3_100, UP)).toBe(true);
  });

  it("are expected anew after a pause", () => {
    view.answered(answer(1), 0);
    view.resume(60_000);
    expect(view.tick(60_100, UP)).toBe(false);
  });
});

describe("a wish", () => {
  it("is pending until a frame taken after the server wears it is answered", () => {
    view.wear(grey, 100);
    expect(view.status.pending).toBe(wishKey(grey));
    view.answered(answer(5), 110);
    expect(view.status.pending).toBe(wishKey(grey));
    view.wearing(6);
    view.answered(answer(6), 120);
    expect(view.status.pending).toBe(wishKey(grey));
    view.answered(answer(7), 130);
    expect(view.status.pending).toBeNull();
  });

  it("is not pending for ever", () => {
    view.answered(answer(1), PENDING_MAX_MS);
    view.tick(PENDING_MAX_MS + 1, UP);
    expect(view.status.pending).toBeNull();
  });

  it("that is refused is named until the next one", () => {
    view.wear(grey, 0);
    view.refuse();
    expect(view.status).toMatchObject({ pending: null, refused: wishKey(grey) });
    view.wear(navy, 1);
    expect(view.status.refused).toBeNull();
  });

  it("is pending again in a new connection", () => {
    view.wearing(1);
    view.answered(answer(2), 5);
    view.ready(10);
    expect(view.status.pending).toBe(wishKey(navy));
  });
});

it("keeps its status object while nothing changes", () => {
  view.answered(answer(1), 0);
  const before = view.status;
  view.answered(answer(2), 10);
  view.raise(0.001);
  expect(view.status).toBe(before);
});
