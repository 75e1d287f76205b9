/** The screens without a camera: the invitation, the consent, what to do when there is no camera, "Still there?". */
import { useEffect, useMemo, useState } from "react";
import type { CameraTrouble } from "../live/camera";
import type { Fabric, Wardrobe } from "../wardrobe";

const CLOTH_S = 9;

export function Attract({ house, wardrobe, onTouch }: { house: string; wardrobe: Wardrobe; onTouch: () => void }) {
  const cloths = useMemo(() => oneOfEach(wardrobe), [wardrobe]);
  const turn = useTurn(cloths.length);
  const shown = cloths[turn];
  return (
    <main className="attract" onClick={onTouch}>
      <div className="bolt" aria-hidden="true">
        {cloths.map((cloth, index) => (
          <div
            key={cloth.id}
            className="cloth"
            data-on={index === turn}
            style={{
              backgroundColor: cloth.colour,
              backgroundImage: isNear(index, turn, cloths.length) ? `url(${cloth.swatch})` : undefined,
            }}
          />
        ))}
      </div>
      <p className="house">{house}</p>
      <div className="invitation">
        <h1>Try our jackets&nbsp;on</h1>
        <button type="button" className="plain">
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

/** Which of `count` cloths is on show. */
function useTurn(count: number): number {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (count < 2) return;
    const timer = window.setInterval(() => setTurn((now) => (now + 1) % count), CLOTH_S * 1000);
    return () => window.clearInterval(timer);
  }, [count]);
  return count === 0 ? 0 : turn % count;
}

/** The cloth on show, the one that is leaving and the next one: only these are loaded. */
function isNear(index: number, turn: number, count: number): boolean {
  return [0, 1, count - 1].includes((index - turn + count) % count);
}

/** The first cloth of every family, so that the invitation shows the breadth of the book. */
function oneOfEach({ families }: Wardrobe): Fabric[] {
  return families.flatMap(({ fabrics }) => fabrics.slice(0, 1)).slice(0, 8);
}

export function Consent({ onAgree, onLeave }: { onAgree: () => void; onLeave: () => void }) {
  return (
    <main className="card-screen">
      <div className="card">
        <h1>A mirror with a wardrobe</h1>
        <p>
          Your camera picture is processed live on this shop’s own server to show you in our jackets, and nothing is
          stored unless you download a picture.
        </p>
        <div className="actions">
          <button type="button" className="primary" autoFocus onClick={onAgree}>
            Start
          </button>
          <button type="button" className="plain" onClick={onLeave}>
            Not now
          </button>
        </div>
      </div>
    </main>
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

type TroubleProps = { trouble: CameraTrouble; onRetry: () => void; onLeave: () => void };

export function Trouble({ trouble, onRetry, onLeave }: TroubleProps) {
  const { title, help } = HELP[trouble];
  useEffect(() => {
    navigator.mediaDevices?.addEventListener("devicechange", onRetry);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", onRetry);
  }, [onRetry]);
  return (
    <main className="card-screen" data-trouble={trouble}>
      <div className="card" role="alert">
        <h1>{title}</h1>
        <p>{help}</p>
        <div className="actions">
          <button type="button" className="primary" autoFocus onClick={onRetry}>
            Try again
          </button>
          <button type="button" className="plain" onClick={onLeave}>
            Back
          </button>
        </div>
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
