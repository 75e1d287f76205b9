/** The camera and the mirror for as long as a component lives. */
import type { RefObject } from "react";
import { useEffect, useEffectEvent, useState, useSyncExternalStore } from "react";
import type { Config } from "../config";
import { liveUrl } from "../config";
import type { CameraTrouble } from "../live/camera";
import { CameraError, closeCamera, openCamera } from "../live/camera";
import { Mirror } from "../live/mirror";
import type { Wish } from "../live/protocol";
import { wishKey } from "../live/protocol";
import type { Status } from "../live/view";
import { AT_REST } from "../live/view";
import { keepAwake } from "../live/wake";

export type Surfaces = {
  video: RefObject<HTMLVideoElement | null>;
  canvas: RefObject<HTMLCanvasElement | null>;
  stage: RefObject<HTMLDivElement | null>;
};

export type Callbacks = {
  onReady: () => void;
  onTrouble: (trouble: CameraTrouble) => void;
  onRaised: () => void;
  onSeen: (atMs: number) => void;
};

export function useMirror(
  surfaces: Surfaces,
  { config, wish, callbacks }: { config: Config; wish: Wish; callbacks: Callbacks },
): { mirror: Mirror | null; status: Status } {
  const [mirror, setMirror] = useState<Mirror | null>(null);
  const currentWish = useEffectEvent(() => wish);
  const onReady = useEffectEvent(callbacks.onReady);
  const onTrouble = useEffectEvent(callbacks.onTrouble);
  const onRaised = useEffectEvent(callbacks.onRaised);
  const onSeen = useEffectEvent(callbacks.onSeen);

  useEffect(() => {
    const video = surfaces.video.current;
    const canvas = surfaces.canvas.current;
    const stage = surfaces.stage.current;
    if (!video || !canvas || !stage) return;
    const made = new Mirror(
      { video, canvas, stage },
      {
        url: liveUrl(window.location),
        token: config.token,
        onRaised: () => onRaised(),
        onSeen: (atMs) => onSeen(atMs),
      },
    );
    const abort = new AbortController();
    const run = async () => {
      const stream = await startCamera(video, abort.signal, () => onTrouble("lost"));
      if (!stream) return;
      made.start(currentWish());
      setMirror(made);
      onReady();
    };
    run().catch((error: unknown) => {
      if (abort.signal.aborted) return;
      onTrouble(error instanceof CameraError ? error.trouble : "missing");
    });
    const letSleep = keepAwake();
    return () => {
      abort.abort();
      letSleep();
      made.stop();
      setMirror(null);
    };
  }, [surfaces, config]);

  const key = wishKey(wish);
  useEffect(() => mirror?.wear(currentWish()), [mirror, key]);
  const status = useSyncExternalStore(mirror?.subscribe ?? neverChanges, () => mirror?.status ?? AT_REST);
  return { mirror, status };
}

const neverChanges = () => () => undefined;

/** Opens the camera and shows it; gives it back when `signal` aborts. Null when that came first. */
async function startCamera(
  video: HTMLVideoElement,
  signal: AbortSignal,
  onLost: () => void,
): Promise<MediaStream | null> {
  const stream = await openCamera();
  const close = () => {
    closeCamera(stream);
    video.srcObject = null;
  };
  if (signal.aborted) {
    close();
    return null;
  }
  signal.addEventListener("abort", close);
  stream.getVideoTracks()[0]?.addEventListener("ended", onLost);
  video.srcObject = stream;
  await video.play();
  return signal.aborted ? null : stream;
}
