/** One scan after the other: choosing a photo, scanning it, scanning it again with corrections, calling it off. */
import { useCallback, useEffect, useEffectEvent, useReducer, useRef } from "react";
import type { ScanAnswer } from "./answer";
import { fetchScan, scanAgain, scanPhoto } from "./api";
import type { OnStage } from "./api";
import type { Change, Edits } from "./edits";
import { BadSize, UNTOUCHED, edit, editsOf, fresh, toGiven } from "./edits";
import { openPhoto } from "./photo";
import { Problem, asProblem, isAbort } from "./problem";
import type { Scanning } from "./scanning";
import { EMPTY, nextScanning } from "./scanning";

type Told = { signal: AbortSignal; onStage: OnStage };

export function useScan(opens: string | null, onOpened: (id: string | null) => void) {
  const [state, dispatch] = useReducer(nextScanning, EMPTY);
  const [edits, change] = useReducer(edit, UNTOUCHED, fresh);
  const running = useRef<AbortController | null>(null);
  const opened = useEffectEvent(onOpened);

  const follow = useCallback(async (call: (told: Told) => Promise<ScanAnswer>) => {
    running.current?.abort();
    const abort = (running.current = new AbortController());
    dispatch({ type: "started" });
    try {
      const answer = await call({ signal: abort.signal, onStage: (stage) => dispatch({ type: "stage", stage }) });
      if (abort.signal.aborted) return;
      dispatch({ type: "done", answer });
      change({ do: "start", from: editsOf(answer) });
    } catch (error) {
      if (!isAbort(error) && running.current === abort) dispatch({ type: "failed", problem: asProblem(error) });
    }
  }, []);

  const choose = useCallback(
    async (file: Blob) => {
      try {
        const photo = await openPhoto(file);
        dispatch({ type: "chosen", photo });
        change({ do: "start", from: UNTOUCHED });
        await follow((told) => scanPhoto(file, {}, told));
      } catch (error) {
        dispatch({ type: "refused", problem: asProblem(error) });
      }
    },
    [follow],
  );

  const again = async () => {
    const request = requestOf(state, edits.now);
    if (request instanceof Problem) dispatch({ type: "refused", problem: request });
    else if (request) await follow(request);
  };

  const cancel = () => {
    running.current?.abort();
    dispatch({ type: "cancelled" });
  };

  const id = state.answer?.id ?? null;
  useEffect(() => {
    if (id !== null) opened(id);
  }, [id]);

  /** Shows what the server has under this id instead. What was saved has the colour's id from then on. */
  const open = useCallback((wanted: string) => {
    const abort = new AbortController();
    fetchScan(wanted, abort.signal).then(
      (answer) => {
        if (abort.signal.aborted) return;
        dispatch({ type: "done", answer });
        change({ do: "start", from: editsOf(answer) });
      },
      (error: unknown) => !isAbort(error) && dispatch({ type: "refused", problem: asProblem(error) }),
    );
    return () => abort.abort();
  }, []);
  const openOther = useEffectEvent((wanted: string) => {
    if (wanted === state.answer?.id || state.running) return;
    dispatch({ type: "cleared" });
    return open(wanted);
  });
  useEffect(() => (opens === null ? undefined : openOther(opens)), [opens]);

  const url = state.photo?.file ? state.photo.url : null;
  useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url]);
  useEffect(() => () => running.current?.abort(), []);

  return { state, edits, change: change as (change: Change) => void, choose, again, cancel, open };
}

/** The same photo with what is given now. A scan that the server has forgotten is made anew where the photo is here. */
function requestOf({ photo, answer }: Scanning, edits: Edits): ((told: Told) => Promise<ScanAnswer>) | Problem | null {
  try {
    const file = photo?.file ?? null;
    if (answer === null) {
      const given = toGiven(edits, null) as Parameters<typeof scanPhoto>[1];
      return file && ((told) => scanPhoto(file, given, told));
    }
    const given = toGiven(edits, answer);
    return async (told) => {
      try {
        return await scanAgain(answer.id, given, told);
      } catch (error) {
        if (!(error instanceof Problem && error.code === "unknown_scan" && file)) throw error;
        const known = Object.entries(given).filter(([, value]) => value !== null);
        return scanPhoto(file, Object.fromEntries(known), told);
      }
    };
  } catch (error) {
    if (error instanceof BadSize) return new Problem("bad_size", error.message.replace(/\.$/, ""), null);
    throw error;
  }
}

