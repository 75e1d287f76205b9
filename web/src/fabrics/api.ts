/** What this page asks the server for. Knows addresses and forms; every failure is a Problem, but for being aborted. */
import { readEvents } from "../events";
import type { Given, Pair, ScanAnswer } from "./answer";
import { readAnswer } from "./answer";
import { UNREACHABLE, asProblem, isAbort, readProblem } from "./problem";

/** The server says something at least every ten seconds, if only that it is still at it. */
const SILENCE_MS = 30_000;

export type Stage = { stage: string; index: number; of: number };
export type OnStage = (stage: Stage) => void;
export type Edit = { [Name in keyof Given]?: Given[Name] | null };

export function scanPhoto(photo: Blob, given: Given, told: { signal: AbortSignal; onStage: OnStage }) {
  const form = new FormData();
  form.append("photo", photo, "swatch");
  for (const [name, value] of Object.entries(given)) form.append(name, JSON.stringify(value));
  return followScan("/api/fabric/scan", form, told);
}

export function scanAgain(id: string, edit: Edit, told: { signal: AbortSignal; onStage: OnStage }) {
  return followScan(`/api/fabric/${encodeURIComponent(id)}/rescan`, JSON.stringify(edit), told);
}

export async function fetchScan(id: string, signal: AbortSignal): Promise<ScanAnswer> {
  return readAnswer(await ask(`/api/fabric/scans/${encodeURIComponent(id)}`, { signal }));
}

/** Lets a scan be worn before it is saved. Returns the fabric_id to wish for. */
export async function lendScan(id: string, sizeMm: Pair | null): Promise<string> {
  const body = JSON.stringify(sizeMm ? { size_mm: sizeMm } : {});
  const path = `/api/fabric/scans/${encodeURIComponent(id)}/wear`;
  const { fabric_id } = (await ask(path, { method: "POST", body })) as { fabric_id: string };
  return fabric_id;
}

/** The answer's JSON. Raises Problem. */
export async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await send(path, init);
  return response.json().catch((error: unknown) => {
    throw asProblem(error);
  });
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  if (typeof init.body === "string") headers.set("Content-Type", "application/json");
  const response = await fetch(path, { ...init, headers }).catch((error: unknown) => {
    throw isAbort(error) ? error : UNREACHABLE;
  });
  if (!response.ok) throw readProblem(await response.json().catch(() => null), response.status);
  return response;
}

async function followScan(
  path: string,
  body: BodyInit,
  { signal, onStage }: { signal: AbortSignal; onStage: OnStage },
): Promise<ScanAnswer> {
  const response = await send(path, { method: "POST", body, signal, headers: { Accept: "text/event-stream" } });
  try {
    if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body)
      return readAnswer(await response.json());
    for await (const { name, data } of readEvents(response.body, SILENCE_MS)) {
      const content: unknown = JSON.parse(data);
      if (name === "done") return readAnswer(content);
      if (name === "error") throw readProblem(content);
      if (name === "stage") onStage(content as Stage);
    }
  } catch (error) {
    throw isAbort(error) && signal.aborted ? error : asProblem(error);
  }
  throw UNREACHABLE;
}
