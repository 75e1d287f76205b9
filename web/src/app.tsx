/** The kiosk: one screen after the other. Owns what outlives a screen: the wardrobe, the choice, the idle clock. */
import { useCallback, useEffect, useReducer, useRef, useState } from "react";
import type { Config } from "./config";
import { Fitting } from "./parts/fitting";
import { Attract, Consent, StillThere, Trouble } from "./parts/quiet";
import { ATTRACT, isMirroring, next } from "./screens/machine";
import { useIdle } from "./screens/use-idle";
import { useKeys, useModality } from "./screens/use-keys";
import { useWardrobe } from "./use-wardrobe";
import type { Choice } from "./wardrobe";
import { firstChoice } from "./wardrobe";

export function App({ config }: { config: Config }) {
  const [screen, dispatch] = useReducer(next, ATTRACT);
  const { wardrobe, failed, refresh } = useWardrobe(config.token);
  const [picked, pick] = useState<Choice | null>(null);
  const seenMs = useRef(-Infinity);

  // The next shopper finds the first choice again, and the book as it is by then.
  const leave = useCallback(() => {
    pick(null);
    dispatch({ type: "left" });
    refresh();
  }, [refresh]);
  const agree = useCallback(() => dispatch({ type: "agreed" }), []);
  const noteSeen = useCallback((atMs: number) => {
    seenMs.current = atMs;
  }, []);
  const left = useIdle({
    limitMs: config.idleMs,
    active: screen.at !== "attract" && screen.at !== "developing",
    seenMs,
    onLeave: leave,
  });
  useKeys(screen, config.countdownS, dispatch);
  useModality();
  useEffect(() => {
    document.documentElement.dataset.screen = screen.at;
  }, [screen.at]);

  return (
    <>
      {screen.at === "attract" && (
        <Attract house={config.house} wardrobe={wardrobe} onTouch={() => dispatch({ type: "touched" })} />
      )}
      {screen.at === "consent" && (
        <Consent wardrobe={wardrobe} onAgree={agree} onLeave={leave} />
      )}
      {screen.at === "trouble" && (
        <Trouble wardrobe={wardrobe} trouble={screen.trouble} onRetry={agree} onLeave={leave} />
      )}
      {isMirroring(screen) && (
        <Fitting
          config={config}
          screen={screen}
          dispatch={dispatch}
          wardrobe={wardrobe}
          wardrobeFailed={failed}
          onRetryWardrobe={refresh}
          choice={picked ?? firstChoice(wardrobe)}
          onChoose={pick}
          onSeen={noteSeen}
          onLeave={leave}
        />
      )}
      {left !== null && left > 0 && <StillThere left={left} />}
    </>
  );
}
