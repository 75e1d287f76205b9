/** The thin shell around Connection: a WebSocket, a clock and a timer. Decides nothing. */
import type { Action, Connection } from "./connection";
import type { ClientMessage, ServerMessage } from "./protocol";
import { SUBPROTOCOL, decodeMessage, encodeMessage } from "./protocol";

const TICK_MS = 100;

export class LiveSocket {
  private socket: WebSocket | null = null;
  private timer: number | null = null;

  constructor(
    private readonly url: string,
    private readonly connection: Connection,
    private readonly deliver: (message: ServerMessage) => void,
    private readonly forget: () => void,
  ) {}

  start(): void {
    this.timer ??= window.setInterval(this.tick, TICK_MS);
    window.addEventListener("online", this.hurry);
    this.perform(this.connection.start(performance.now()));
  }

  stop(): void {
    this.perform(this.connection.stop());
    window.removeEventListener("online", this.hurry);
    if (this.timer !== null) window.clearInterval(this.timer);
    this.timer = null;
  }

  /** Carries out what the connection asked for. */
  perform(actions: Action[]): void {
    for (const action of actions) {
      if (action.do === "connect") this.connect();
      else if (action.do === "close") this.close(action.code);
      else if (action.do === "send") this.send(action.message);
      else if (action.do === "deliver") this.deliver(action.message);
      else this.forget();
    }
  }

  send(message: ClientMessage): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(encodeMessage(message));
  }

  private readonly tick = () => this.perform(this.connection.tick(performance.now()));
  private readonly hurry = () => this.perform(this.connection.hurry(performance.now()));

  private connect(): void {
    const socket = new WebSocket(this.url, [SUBPROTOCOL]);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    const current = () => this.socket === socket;
    socket.onopen = () => {
      if (current()) this.perform(this.connection.opened(performance.now()));
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      const message = event.data instanceof ArrayBuffer ? decodeMessage(event.data) : null;
      if (message && current()) this.perform(this.connection.received(performance.now(), message));
    };
    socket.onclose = (event) => {
      if (!current()) return;
      this.socket = null;
      this.perform(this.connection.closed(performance.now(), event.code));
    };
  }

  private close(code: number): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close(code);
  }
}
