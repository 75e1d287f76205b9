/** Server-sent events out of a stream of bytes, as the HTML standard reads them. Pure but for the decoder's memory. */

export type ServerEvent = { name: string; data: string };

/** Room for the largest picture in base64, with space to spare; more than that is not an event but an attack. */
const MOST_CHARS = 48 << 20;
const LINE_END = /\r\n|\n|\r/;

export class EventParser {
  private readonly decoder = new TextDecoder();
  /** The line that has not ended yet. */
  private line = "";
  /** The last piece ended in CR: a LF at the start of the next one belongs to it. */
  private afterCr = false;
  private name = "";
  private data: string[] = [];
  private held = 0;

  constructor(private readonly mostChars = MOST_CHARS) {}

  /** The events that these bytes complete. Raises when one grows beyond all measure. */
  push(bytes: Uint8Array): ServerEvent[] {
    const text = this.decoder.decode(bytes, { stream: true });
    if (text === "") return [];
    const fresh = this.afterCr && text.startsWith("\n") ? text.slice(1) : text;
    this.afterCr = text.endsWith("\r");
    // Only what is new is searched: a picture comes in hundreds of pieces of one line.
    const [first = "", ...others] = fresh.split(LINE_END);
    const events: ServerEvent[] = [];
    this.extend(first);
    for (const piece of others) {
      this.endLine(events);
      this.extend(piece);
    }
    return events;
  }

  private extend(piece: string): void {
    this.line += piece;
    if (this.line.length + this.held > this.mostChars) throw new Error("an event is too large");
  }

  private endLine(events: ServerEvent[]): void {
    const { line } = this;
    this.line = "";
    if (line === "") {
      if (this.data.length > 0) events.push({ name: this.name || "message", data: this.data.join("\n") });
      this.name = "";
      this.data = [];
      this.held = 0;
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    // A line that starts with a colon is a comment; `id` and `retry` are for clients that reconnect.
    if (field === "event") this.name = value;
    if (field === "data") {
      this.data.push(value);
      this.held += value.length + 1;
    }
  }
}

/**
 * The events of an answer as they come. Ends with the stream, or when nothing at all has come for `silenceMs`; whoever
 * stops early closes the connection.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>, silenceMs: number): AsyncGenerator<ServerEvent> {
  const parser = new EventParser();
  const reader = body.getReader();
  const giveUp = () => void reader.cancel().catch(() => undefined);
  try {
    for (;;) {
      const timer = setTimeout(giveUp, silenceMs);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      yield* parser.push(value);
    }
  } finally {
    giveUp();
  }
}
