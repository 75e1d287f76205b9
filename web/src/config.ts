/** What the address of the page may set: `/kiosk/?idle=90&countdown=3&house=Name&token=...`. */

export type Config = {
  /** What stands over the invitation. */
  house: string;
  idleMs: number;
  countdownS: number;
  token: string | null;
};

export function readConfig(search: string): Config {
  const query = new URLSearchParams(search);
  return {
    house: query.get("house")?.slice(0, 60) || "Lucy",
    idleMs: 1000 * within(query.get("idle"), 60, 1, 3600),
    countdownS: Math.round(within(query.get("countdown"), 5, 1, 15)),
    token: query.get("token"),
  };
}

/** The live endpoint of the server that the page came from. */
export function liveUrl(location: { protocol: string; host: string }): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
}

function within(value: string | null, usual: number, least: number, most: number): number {
  const number = value === null || value === "" ? NaN : Number(value);
  return Number.isFinite(number) ? Math.min(most, Math.max(least, number)) : usual;
}
