import { describe, expect, it } from "vitest";
import { readAnswer } from "../src/fabrics/answer";
import { Problem, UNREACHABLE, asProblem, readProblem } from "../src/fabrics/problem";
import { MOST_BYTES, complaintAbout } from "../src/fabrics/photo";
import type { ScanEvent, Scanning } from "../src/fabrics/scanning";
import { EMPTY, nextScanning, shareOf } from "../src/fabrics/scanning";
import { findingsOf, gradeOf, mm } from "../src/fabrics/words";
import { UNSCALED, answer } from "./fabrics-answer";

const photo = { file: new Blob(), url: "blob:1", size: [600, 800] as const };
const broken = new Problem("not_cloth", "This is no cloth");
const after = (...events: ScanEvent[]): Scanning => events.reduce(nextScanning, EMPTY);

describe("a scan", () => {
  it("goes from the photo over its stages to the answer", () => {
    const sent = after({ type: "chosen", photo }, { type: "started" });
    expect(sent.running).toBe("sending");
    expect(shareOf(sent.running)).toBeNull();
    const stage = nextScanning(sent, { type: "stage", stage: { stage: "tile", index: 5, of: 10 } });
    expect(shareOf(stage.running)).toBe(0.5);
    const done = nextScanning(stage, { type: "done", answer: answer() });
    expect(done).toMatchObject({ running: null, problem: null, photo: { url: "blob:1", size: [600, 800] } });
  });

  it("keeps photo and former result when another one fails", () => {
    const failed = after(
      { type: "chosen", photo },
      { type: "started" },
      { type: "done", answer: answer() },
      { type: "started" },
      { type: "failed", problem: broken },
    );
    expect(failed).toMatchObject({ photo, answer: { id: "a1" }, problem: broken, running: null });
  });

  it("keeps the photo when it is called off, and hears no stage after that", () => {
    const off = after({ type: "chosen", photo }, { type: "started" }, { type: "cancelled" });
    expect(nextScanning(off, { type: "stage", stage: { stage: "tile", index: 5, of: 10 } }).running).toBeNull();
    expect(off.photo).toBe(photo);
  });

  it("forgets what went wrong when it starts again", () => {
    expect(after({ type: "chosen", photo }, { type: "failed", problem: broken }, { type: "started" }).problem).toBeNull();
  });

  it("that was opened by its address shows the server's picture in the whole photo's pixels", () => {
    const opened = after({ type: "done", answer: answer() });
    expect(opened.photo).toEqual({ file: null, url: "/api/fabric/scans/a1/photo.jpg", size: [600, 800] });
  });

  it("of another photo begins from nothing", () => {
    const other = { ...photo, url: "blob:2" };
    expect(after({ type: "chosen", photo }, { type: "done", answer: answer() }, { type: "chosen", photo: other })).toEqual({
      ...EMPTY,
      photo: other,
    });
  });
});

describe("answers", () => {
  it.each([null, 3, {}, { id: "x", maps: {} }])("that are none are refused: %j", (value) => {
    expect(() => readAnswer(value)).toThrow();
  });

  it("are told in words and figures", () => {
    const found = findingsOf(answer());
    expect(found.map(({ step, grade }) => [step, grade])).toEqual([
      ["Corners", "good"],
      ["Scale", "good"],
      ["Light", "low"],
      ["Repeat", "good"],
      ["Tile", "good"],
    ]);
    expect(found[3]?.found).toBe("2 × 4 mm, 20 × 10 in view");
    expect(findingsOf(answer(UNSCALED))[1]).toMatchObject({ grade: "unknown", confidence: null });
  });

  it("grade alike on both sides of a limit", () => {
    expect([1, 0.95, 0.94, 0.75, 0.74, 0.45, 0.44, 0].map(gradeOf)).toEqual([
      "certain", "certain", "good", "good", "fair", "fair", "low", "low",
    ]);
  });

  it("measure with as many digits as can be meant", () => {
    expect([2, 2.04, 2.06, 99.94, 101.4].map(mm)).toEqual(["2", "2", "2.1", "99.9", "101"]);
  });
});

describe("problems", () => {
  it("are read from an answer's body and from an event alike", () => {
    const body = { code: "blurred", detail: "the photo is blurred", hint: "hold still", retryable: false };
    const event = { code: "blurred", message: "the photo is blurred", hint: "hold still", retryable: false };
    expect(readProblem(body, 422)).toEqual(readProblem(event));
    expect(readProblem(body)).toMatchObject({ code: "blurred", message: "The photo is blurred", hint: "hold still" });
  });

  it("that say nothing have a number", () => {
    expect(readProblem(null, 502)).toMatchObject({ code: "http_502", message: "The server answered 502" });
  });

  it("of the way there are all the same", () => {
    expect(asProblem(new TypeError("network error"))).toBe(UNREACHABLE);
    expect(asProblem(broken)).toBe(broken);
    expect(asProblem(new Error("?")).code).toBe("page_failed");
  });
});

it("refuses at once what the server would refuse", () => {
  expect(complaintAbout({ type: "image/jpeg", size: 1 })).toBeNull();
  expect(complaintAbout({ type: "application/pdf", size: 1 })?.code).toBe("unsupported_format");
  expect(complaintAbout({ type: "image/png", size: MOST_BYTES + 1 })?.code).toBe("body_too_large");
});
