/** From the shutter to the result: holds the mirror still, takes the picture, has it developed, falls back if it must. */
import type { Dispatch } from "react";
import { useEffect, useEffectEvent } from "react";
import { developPicture } from "../capture";
import { toJpeg } from "../live/camera";
import type { Mirror } from "../live/mirror";
import type { Wish } from "../live/protocol";
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

async function develop(mirror: Mirror, { wish, name, token }: Options, signal: AbortSignal): Promise<Event> {
  const spare = mirror.lastPicture();
  const best = await bestPicture(mirror, wish, token, signal).catch(() => null);
  const picture = best ?? (spare && (await toJpeg(spare).catch(() => null)));
  if (!picture) return { type: "capture_failed" };
  const result = { url: URL.createObjectURL(picture), name: fileName(name), fallback: best === null };
  return { type: "developed", result };
}

async function bestPicture(mirror: Mirror, wish: Wish, token: string | null, signal: AbortSignal): Promise<Blob | null> {
  if ("none" in wish) return null;
  const still = await mirror.takeStill();
  return still && developPicture(still, wish, token, signal);
}

function fileName(name: string): string {
  const slug = name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  return `${slug || "jacket"}.jpg`;
}
