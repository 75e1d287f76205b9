import { useCallback, useEffect, useState } from "react";
import type { Wardrobe } from "./wardrobe";
import { EMPTY, fetchWardrobe } from "./wardrobe";

const AGAIN_MS = 5_000;

/** Fetches the wardrobe, and again every few seconds until the server gives it. */
export function useWardrobe(token: string | null): { wardrobe: Wardrobe; failed: boolean; refresh: () => void } {
  const [wardrobe, setWardrobe] = useState(EMPTY);
  const [attempt, setAttempt] = useState(0);
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    const abort = new AbortController();
    let timer: number | undefined;
    fetchWardrobe(token, abort.signal).then(
      (fetched) => {
        setWardrobe(fetched);
        setFailed(false);
      },
      () => {
        if (abort.signal.aborted) return;
        setFailed(true);
        timer = window.setTimeout(() => setAttempt((n) => n + 1), AGAIN_MS);
      },
    );
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [token, attempt]);

  const refresh = useCallback(() => setAttempt((n) => n + 1), []);
  return { wardrobe, failed, refresh };
}
