/** The cloth on somebody: lying flat as a jacket, on a photo, on whoever stands before the camera. */
import { useEffect, useMemo, useRef, useState } from "react";
import type { Config } from "../../config";
import type { Developed } from "../../capture";
import { CaptureError, developPicture } from "../../capture";
import type { CameraTrouble } from "../../live/camera";
import { useMirror } from "../../parts/use-mirror";
import type { Badge } from "../../live/view";
import type { Cut } from "../../wardrobe";
import { readCuts } from "../../wardrobe";
import type { Pair, ScanAnswer } from "../answer";
import { ask, lendScan } from "../api";
import { complaintAbout } from "../photo";
import { Problem, asProblem, isAbort } from "../problem";
import { Complaint } from "./complaint";

type Props = { answer: ScanAnswer; sizeMm: Pair | null };

export function OnModel({ answer, sizeMm }: Props) {
  const [cuts, setCuts] = useState<Cut[]>([]);
  const [cut, setCut] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [fabric, setFabric] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);
  const [live, setLive] = useState(false);
  const [width, height] = sizeMm ?? [0, 0];

  useEffect(() => {
    const abort = new AbortController();
    const prepare = async () => {
      const known = readCuts(await ask("/api/cuts", { signal: abort.signal }));
      setCuts(known);
      setCut((now) => now || (known[0]?.id ?? ""));
      setFabric(width > 0 ? await lendScan(answer.id, [width, height]) : null);
      setProblem(null);
    };
    prepare().catch((error: unknown) => !isAbort(error) && setProblem(asProblem(error)));
    return () => abort.abort();
  }, [answer.id, width, height, attempt]);

  if (problem) return <Complaint problem={problem} onAgain={() => setAttempt((n) => n + 1)} />;
  if (sizeMm === null)
    return (
      <p className="hint">
        How large this cloth is, is not known, and a cloth of unknown size cannot be worn. Give the swatch's size beside the
        photo, or the tile's under Save.
      </p>
    );
  if (fabric === null || cut === "") return <p className="hint">One moment …</p>;
  return (
    <>
      <div className="bar">
        <label className="field inline">
          <span>Cut</span>
          <select value={cut} onChange={(event) => setCut(event.target.value)}>
            {cuts.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="plain small" aria-pressed={live} onClick={() => setLive(!live)}>
          {live ? "Close the camera" : "On the live camera"}
        </button>
      </div>
      {live ? (
        <Live fabric={fabric} cut={cut} onClose={() => setLive(false)} />
      ) : (
        <OnPhoto key={fabric} fabric={fabric} cut={cut} look={`${width}x${height}`} />
      )}
    </>
  );
}

type Worn = { fabric: string; cut: string };

function OnPhoto({ fabric, cut, look }: Worn & { look: string }) {
  const [person, setPerson] = useState<Blob | null>(null);
  const [shown, setShown] = useState<{ url: string; plain: boolean } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [lies, setLies] = useState("");
  const chooser = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (!person) return;
    const abort = new AbortController();
    setBusy(true);
    setProblem(null);
    const order = { still: person, wish: { fabric_id: fabric, cut }, token: null, onProgress: () => undefined };
    let url = "";
    developPicture({ ...order, signal: abort.signal })
      .then(({ picture, plain }: Developed) => {
        if (abort.signal.aborted) return;
        url = URL.createObjectURL(picture);
        setShown({ url, plain });
      })
      .catch((error: unknown) => !abort.signal.aborted && setProblem(dressProblem(error)))
      .finally(() => !abort.signal.aborted && setBusy(false));
    return () => {
      abort.abort();
      if (url) URL.revokeObjectURL(url);
      setShown(null);
      setBusy(false);
    };
  }, [person, fabric, cut]);

  const choose = (file: File | undefined) => {
    const wrong = file && complaintAbout(file);
    if (wrong) setProblem(wrong);
    else if (file) setPerson(file);
    if (chooser.current) chooser.current.value = "";
  };
  const flat = `/api/cuts/${encodeURIComponent(cut)}/thumbnail.png?fabric_id=${encodeURIComponent(fabric)}&look=${look}`;
  return (
    <>
      <figure className="worn" data-busy={busy}>
        {shown ? (
          <img src={shown.url} alt="The person in your photo, in a jacket of this cloth" />
        ) : (
          <img
            src={flat}
            alt="The jacket in this cloth, lying flat"
            data-loaded={lies === flat}
            onLoad={() => {
              setLies(flat);
              setProblem(null);
            }}
            onError={() => setProblem(NOT_MADE_UP)}
          />
        )}
        <figcaption role="status">
          {busy ? "Dressing …" : shown ? wornWords(shown.plain) : lies === flat ? "The jacket, lying flat." : "Making it up …"}
        </figcaption>
      </figure>
      {problem && <Complaint problem={problem} />}
      <div className="actions">
        <button type="button" className="primary small" onClick={() => chooser.current?.click()}>
          {person ? "Another photo of a person" : "Choose a photo of a person"}
        </button>
        {person && (
          <button type="button" className="plain small" onClick={() => setPerson(null)}>
            Back to the jacket
          </button>
        )}
      </div>
      <input
        ref={chooser}
        type="file"
        accept="image/jpeg,image/png,image/webp"
        aria-label="Photo of a person"
        className="unseen"
        tabIndex={-1}
        onChange={(event) => choose(event.target.files?.[0])}
      />
      <p className="hint">The photo is sent to this server, dressed and forgotten.</p>
    </>
  );
}

const NOT_MADE_UP = new Problem("not_made_up", "The jacket could not be made up", "Choose the cut again, or scan again.");

const wornWords = (plain: boolean) => (plain ? "On your photo; plainer than usual." : "On your photo.");

function dressProblem(error: unknown): Problem {
  if (!(error instanceof CaptureError)) return asProblem(error);
  const hint = "Choose a photo that shows somebody from the front, from the head to the hips.";
  return new Problem("not_dressed", "This photo could not be dressed", error.retryMs === null ? hint : "Try again.", true);
}

const CONFIG: Config = { house: "", idleMs: 0, countdownS: 0, token: null };
const TROUBLE: Record<CameraTrouble, string> = {
  insecure: "This browser gives the camera only to pages that come over https",
  denied: "The camera was not allowed",
  missing: "There is no camera here",
  busy: "Another program has the camera",
  lost: "The camera was taken away",
};
const BADGES: Partial<Record<Badge, string>> = {
  connecting: "One moment",
  fitting: "The jacket is on its way",
  no_person: "Step into view",
  no_body: "Step back a little",
  waiting: "Waiting for the server: this is your camera",
  reconnecting: "Reconnecting: this is your camera",
  composite: "Live",
  enhanced: "Live, in fine detail",
};

function Live({ fabric, cut, onClose }: Worn & { onClose: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const surfaces = useMemo(() => ({ video, canvas, stage }), []);
  const [trouble, setTrouble] = useState<CameraTrouble | null>(null);
  const nothing = () => undefined;
  const callbacks = { onReady: nothing, onTrouble: setTrouble, onRaised: nothing, onSeen: nothing };
  const { status } = useMirror(surfaces, { config: CONFIG, wish: { fabric_id: fabric, cut }, callbacks });
  if (trouble)
    return (
      <Complaint
        problem={new Problem(`camera_${trouble}`, TROUBLE[trouble], "Choose a photo of a person instead.")}
        onAgain={onClose}
        again="Back"
      />
    );
  return (
    <>
      <div className="stage" ref={stage}>
        <video ref={video} muted playsInline aria-hidden="true" tabIndex={-1} />
        <canvas ref={canvas} width={1} height={1} role="img" aria-label="Whoever is before the camera, in this cloth" />
      </div>
      <p className="hint" role="status">
        {status.refused ? "This cloth cannot be worn." : (BADGES[status.badge] ?? "Your camera")}
      </p>
    </>
  );
}
