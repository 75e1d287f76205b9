/**
 * From the shutter to the result: holds the mirror still, takes the picture, has it developed and says how far it is,
 * falls back if it must. Whoever leaves the screen calls the picture off.
 */
import type { Dispatch } from "react";
import { useEffect, useEffectEvent } from "react";
import type { Developed } from "../capture";
import { developPicture } from "../capture";
import { toJpeg } from "../live/camera";
import type { Mirror } from "../live/mirror";
import type { Wish } from "../live/protocol";
import type { Progress } from "../progress";
import type { Event, Screen } from "../screens/machine";
import { isLive } from "../screens/machine";

type Options = {
  mirror: Mirror | null;
  screen: Screen;
  dispatch: Dispatch<Event>;
  wish: Wish;
  /** Of what is worn, for the file's name. */
  name: string;
  token: string | null;
};

export function useDeveloping(options: Options): void {
  const { mirror, screen, dispatch } = options;
  const make = useEffectEvent((from: Mirror, signal: AbortSignal) => develop(from, options, signal));
  const live = isLive(screen) || screen.at === "starting";

  useEffect(() => {
    if (live) mirror?.resume();
    else mirror?.pause();
  }, [mirror, live]);

  const developing = screen.at === "developing";
  useEffect(() => {
    if (!mirror || !developing) return;
    const abort = new AbortController();
    void make(mirror, abort.signal).then((event) => {
      if (!abort.signal.aborted) dispatch(event);
      else if (event.type === "developed") URL.revokeObjectURL(event.result.url);
    });
    return () => abort.abort();
  }, [mirror, developing, dispatch]);

  const url = screen.at === "result" ? screen.result.url : null;
  useEffect(() => (url === null ? undefined : () => URL.revokeObjectURL(url)), [url]);
}

async function develop(mirror: Mirror, options: Options, signal: AbortSignal): Promise<Event> {
  const spare = mirror.lastPicture();
  const best = await bestPicture(mirror, options, signal).catch(() => null);
  const picture = best?.picture ?? (spare && (await toJpeg(spare).catch(() => null)));
  if (!picture) return { type: "capture_failed" };
  const made = best === null ? "live" : best.plain ? "plainly" : "well";
  return { type: "developed", result: { url: URL.createObjectURL(picture), name: fileName(options.name), made } };
}

async function bestPicture(mirror: Mirror, options: Options, signal: AbortSignal): Promise<Developed | null> {
  const { wish, token, dispatch } = options;
  if ("none" in wish) return null;
  const still = await mirror.takeStill();
  const onProgress = (progress: Progress) => {
    if (!signal.aborted) dispatch({ type: "progressed", progress });
  };
  return still && developPicture({ still, wish, token, signal, onProgress });
}

function fileName(name: string): string {
  const slug = name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  return `${slug || "jacket"}.jpg`;
}
