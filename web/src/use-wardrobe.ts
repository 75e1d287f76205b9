import { useCallback, useEffect, useState } from "react";
import type { Wardrobe } from "./wardrobe";
import { EMPTY, fetchWardrobe } from "./wardrobe";

const AGAIN_MS = 5_000;

/** Fetches the wardrobe, and again every few seconds: a cloth that was added is there at once, one that was retired is
 * gone. What is unchanged is not sent again (ETag) and not drawn again. */
export function useWardrobe(token: string | null): { wardrobe: Wardrobe; failed: boolean; refresh: () => void } {
  const [wardrobe, setWardrobe] = useState(EMPTY);
  const [attempt, setAttempt] = useState(0);
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    const abort = new AbortController();
    let timer: number | undefined;
    const again = () => {
      timer = window.setTimeout(() => setAttempt((n) => n + 1), AGAIN_MS);
    };
    fetchWardrobe(token, abort.signal).then(
      (fetched) => {
        setWardrobe((known) => (JSON.stringify(known) === JSON.stringify(fetched) ? known : fetched));
        setFailed(false);
        again();
      },
      () => {
        if (abort.signal.aborted) return;
        setFailed(true);
        again();
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
