/** The mirror itself: the camera's picture, the server's over it, and the little that is written on them. */
import type { RefObject } from "react";
import type { Badge, Status } from "../live/view";
import type { Screen } from "../screens/machine";
import { Developing } from "./developing";
import { Ring } from "./ring";

/** What the picture is, small and always there. */
const BADGES: Record<Badge | "held", string> = {
  connecting: "One moment",
  fitting: "Your camera",
  composite: "Live preview",
  enhanced: "Live, in fine detail",
  plain: "Your camera",
  waiting: "One moment – this is your camera",
  no_person: "Your camera",
  no_body: "Your camera",
  reconnecting: "Reconnecting – this is your camera",
  held: "Held still",
};

/** What the shopper may do about it, readable from where the shopper stands. */
const PROMPTS: Partial<Record<Badge, string>> = {
  fitting: "Your jacket is on its way",
  no_person: "Step into view",
  no_body: "Step back a little",
};

type Props = {
  video: RefObject<HTMLVideoElement | null>;
  canvas: RefObject<HTMLCanvasElement | null>;
  stage: RefObject<HTMLDivElement | null>;
  screen: Screen;
  status: Status;
  onCancel: () => void;
  onLeave: () => void;
};

export function Stage({ video, canvas, stage, screen, status, onCancel, onLeave }: Props) {
  const badge = screen.at === "starting" ? "connecting" : screen.at === "developing" ? "held" : status.badge;
  return (
    <div className="stage" ref={stage} data-badge={badge}>
      <video ref={video} muted playsInline disablePictureInPicture aria-hidden="true" tabIndex={-1} />
      <canvas ref={canvas} width={1} height={1} role="img" aria-label="You, in the chosen jacket" />
      <div className="stage-top">
        <p className="badge" role="status" data-badge={badge}>
          {BADGES[badge]}
        </p>
        <button type="button" className="leave" onClick={onLeave}>
          Finish
        </button>
      </div>
      {screen.at === "live" && <Prompts status={status} quiet={screen.note !== null} />}
      {screen.at === "live" && screen.note === "capture_failed" && (
        <p className="note" role="alert">
          That picture did not come out. Please try again.
        </p>
      )}
      {screen.at === "countdown" && <Countdown left={screen.left} onCancel={onCancel} />}
      {screen.at === "developing" && <Developing progress={screen.progress} onCancel={onCancel} />}
    </div>
  );
}

function Prompts({ status, quiet }: { status: Status; quiet: boolean }) {
  const { badge, hands, raised } = status;
  const prompt = PROMPTS[badge];
  const dressed = badge === "composite" || badge === "enhanced";
  return (
    <>
      <p className="prompt" role="status">
        {prompt}
      </p>
      {hands && !quiet && (
        <p className="hand-hint" style={{ visibility: dressed && raised === 0 ? "visible" : "hidden" }}>
          Raise a hand to take a picture
        </p>
      )}
      {raised > 0 && (
        <div className="raised">
          <Ring share={raised} label="Hold your hand up to take a picture" />
          <p>Hold for a picture</p>
        </div>
      )}
    </>
  );
}

/** A touch anywhere cancels; the button says so, and is there for keys. */
function Countdown({ left, onCancel }: { left: number; onCancel: () => void }) {
  return (
    <div className="countdown" onClick={onCancel}>
      <p key={left} className="numeral" role="timer" aria-live="assertive" aria-atomic="true">
        {left}
      </p>
      <p className="hint">Step back and stand naturally</p>
      <button type="button" className="cancel">
        Touch to cancel
      </button>
    </div>
  );
}
