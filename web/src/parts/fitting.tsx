/** The fitting room: the mirror, the counter with cuts and cloths beside it, and the pictures taken in it. */
import type { Dispatch } from "react";
import { useEffect, useMemo, useRef } from "react";
import type { Config } from "../config";
import { wishKey } from "../live/protocol";
import type { Event, Screen } from "../screens/machine";
import type { Choice, Wardrobe } from "../wardrobe";
import { describe, toWish } from "../wardrobe";
import { Counter } from "./counter";
import { ResultView } from "./result";
import { Stage } from "./stage";
import { useDeveloping } from "./use-developing";
import { useMirror } from "./use-mirror";

type Props = {
  config: Config;
  screen: Screen;
  dispatch: Dispatch<Event>;
  wardrobe: Wardrobe;
  wardrobeFailed: boolean;
  onRetryWardrobe: () => void;
  choice: Choice;
  onChoose: (choice: Choice) => void;
  onSeen: (atMs: number) => void;
  onLeave: () => void;
};

export function Fitting(props: Props) {
  const { config, screen, dispatch, wardrobe, choice } = props;
  const video = useRef<HTMLVideoElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const surfaces = useMemo(() => ({ video, canvas, stage }), []);
  const wish = toWish(choice);
  const shutter = () => dispatch({ type: "shutter", seconds: config.countdownS });
  const { mirror, status } = useMirror(surfaces, {
    config,
    wish,
    callbacks: {
      onReady: () => dispatch({ type: "camera_ready" }),
      onTrouble: (trouble) => dispatch({ type: "camera_failed", trouble }),
      onRaised: shutter,
      onSeen: props.onSeen,
    },
  });
  const about = describe(wardrobe, choice);
  useDeveloping({ mirror, screen, dispatch, wish, name: about.name, token: config.token });
  useCountdown(screen, dispatch);

  return (
    <main className="fitting">
      <h1 className="unseen">The fitting mirror</h1>
      <Stage
        video={video}
        canvas={canvas}
        stage={stage}
        screen={screen}
        status={status}
        onCancel={() => dispatch({ type: "cancelled" })}
        onLeave={props.onLeave}
      />
      <Counter
        wardrobe={wardrobe}
        failed={props.wardrobeFailed}
        onRetry={props.onRetryWardrobe}
        choice={choice}
        onChoose={props.onChoose}
        pending={status.pending === wishKey(wish)}
        refused={status.refused === wishKey(wish)}
        about={about}
        enabled={screen.at === "live"}
        onShutter={shutter}
      />
      {screen.at === "result" && (
        <ResultView
          result={screen.result}
          about={about}
          onRetake={() => dispatch({ type: "retake", seconds: config.countdownS })}
          onDone={() => dispatch({ type: "back" })}
        />
      )}
    </main>
  );
}

function useCountdown(screen: Screen, dispatch: Dispatch<Event>): void {
  const left = screen.at === "countdown" ? screen.left : null;
  useEffect(() => {
    if (left === null) return;
    const timer = window.setTimeout(() => dispatch({ type: "second_passed" }), 1000);
    return () => window.clearTimeout(timer);
  }, [left, dispatch]);
}
