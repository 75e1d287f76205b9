/** The screens without a camera: the invitation, the consent, what to do when there is no camera, "Still there?". */
import type { ReactNode } from "react";
import { useEffect } from "react";
import type { CameraTrouble } from "../live/camera";
import type { Wardrobe } from "../wardrobe";
import { Bolt, useBolt } from "./bolt";
import { Chalk } from "./chalk";

export function Attract({ house, wardrobe, onTouch }: { house: string; wardrobe: Wardrobe; onTouch: () => void }) {
  const { cloths, turn } = useBolt(wardrobe);
  const shown = cloths[turn];
  return (
    <main className="attract" onClick={onTouch}>
      <Bolt cloths={cloths} turn={turn} />
      <p className="house">{house}</p>
      <Chalk />
      <div className="invitation">
        <h1>Try our jackets&nbsp;on</h1>
        <button type="button" className="primary">
          Touch to begin
        </button>
      </div>
      <p className="colophon" aria-hidden="true">
        {shown && (
          <span key={shown.id}>
            {shown.name}
            {shown.composition && <i>{shown.composition}</i>}
          </span>
        )}
      </p>
    </main>
  );
}

export function Consent({ wardrobe, onAgree, onLeave }: { wardrobe: Wardrobe; onAgree: () => void; onLeave: () => void }) {
  return (
    <Card wardrobe={wardrobe} title="A mirror with a wardrobe">
      <p>
        Your camera picture is processed live on this shop’s own server to show you in our jackets, and nothing is stored
        unless you download a picture.
      </p>
      <div className="actions">
        <button type="button" className="primary" autoFocus onClick={onAgree}>
          Start
        </button>
        <button type="button" className="plain" onClick={onLeave}>
          Not now
        </button>
      </div>
    </Card>
  );
}

const HELP: Record<CameraTrouble, { title: string; help: string }> = {
  denied: {
    title: "The camera is switched off for this page",
    help: "Allow the camera beside the address of this page, then try again. On a shop screen, please ask us.",
  },
  missing: { title: "No camera found", help: "Connect a camera to this screen, then try again." },
  busy: { title: "The camera is in use", help: "Close the other program that uses the camera, then try again." },
  lost: { title: "The camera went away", help: "Check its cable, then try again." },
  insecure: {
    title: "The camera needs a secure address",
    help: "Browsers give the camera only to pages opened over https, or over http://localhost on this computer.",
  },
};

type TroubleProps = { wardrobe: Wardrobe; trouble: CameraTrouble; onRetry: () => void; onLeave: () => void };

export function Trouble({ wardrobe, trouble, onRetry, onLeave }: TroubleProps) {
  const { title, help } = HELP[trouble];
  useEffect(() => {
    navigator.mediaDevices?.addEventListener("devicechange", onRetry);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", onRetry);
  }, [onRetry]);
  return (
    <Card wardrobe={wardrobe} title={title} trouble={trouble}>
      <p role="alert">{help}</p>
      <div className="actions">
        {trouble !== "insecure" && (
          <button type="button" className="primary" autoFocus onClick={onRetry}>
            Try again
          </button>
        )}
        <button type="button" className="plain" onClick={onLeave}>
          Back
        </button>
      </div>
    </Card>
  );
}

type CardProps = { wardrobe: Wardrobe; title: string; trouble?: CameraTrouble; children: ReactNode };

function Card({ wardrobe, title, trouble, children }: CardProps) {
  const { cloths } = useBolt(wardrobe);
  return (
    <main className="card-screen" data-trouble={trouble}>
      <Bolt cloths={cloths.slice(0, 1)} turn={0} />
      <div className="card">
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

/** Any touch or key counts as an answer; the button is there to be read and aimed at. */
export function StillThere({ left }: { left: number }) {
  return (
    <div className="veil" role="alertdialog" aria-modal="true" aria-labelledby="still-there">
      <div className="card">
        <h2 id="still-there">Still there?</h2>
        <p>
          The mirror clears itself in <b>{left}</b>&nbsp;s.
        </p>
        <div className="actions">
          <button type="button" className="primary" autoFocus>
            I’m here
          </button>
        </div>
      </div>
    </div>
  );
}
