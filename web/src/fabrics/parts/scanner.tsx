/** The scanner: the photo on one side, what came of it on the other. */
import { Suspense, lazy, useId, useRef, useState } from "react";
import type { ScanAnswer } from "../answer";
import { hasEdits } from "../edits";
import { BLANK, sizeOf } from "../form";
import type { Saved } from "./details";
import { Details } from "./details";
import { useScan } from "../use-scan";
import { Complaint } from "./complaint";
import { Corrections } from "./corrections";
import { Editor } from "./editor";
import { Findings, summary } from "./findings";
import { Intake } from "./intake";
import { Maps } from "./maps";
import { OnModel } from "./on-model";
import { Progress } from "./progress";
import { Tabs } from "./tabs";
import { Tiling } from "./tiling";

// three.js comes only to whoever looks.
const Lit = lazy(() => import("../lit/lit"));

type Props = { opens: string | null; onOpened: (id: string | null) => void; shown: boolean };

export function Scanner({ opens, onOpened, shown }: Props) {
  const { state, edits, change, choose, again, cancel, open } = useScan(opens, onOpened);
  const [shows, setShows] = useState({ lattice: true, white: true });
  const { photo, answer, running, problem } = state;
  const help = useId();
  const result = useRef<HTMLElement>(null);

  if (!photo)
    return (
      <section className="empty" aria-label="Scan a cloth">
        {problem && <Complaint problem={problem} />}
        <Intake onPhoto={(file) => void choose(file)} listens={shown} />
      </section>
    );
  const isChanged = hasEdits(edits.now, answer);
  return (
    <div className="workbench">
      <section className="photo-side" aria-labelledby={help}>
        <div className="side-head">
          <h1 id={help}>The photo</h1>
          <Intake onPhoto={(file) => void choose(file)} listens={shown} small />
        </div>
        <Editor
          photo={photo}
          answer={answer}
          edits={edits.now}
          dispatch={change}
          shows={shows}
          busy={running !== null}
        />
        {(answer || edits.now.corners) && (
          <p id="handle-help" className="hint">
            Drag the handles, or Tab to one and use the arrow keys; with Shift, ten pixels.
          </p>
        )}
        {problem && (
          // The same photo with the same corrections would be refused in the same words.
          <Complaint problem={problem} onAgain={problem.retryable ? () => void again() : undefined} />
        )}
        {answer && !running && (
          <button type="button" className="to-result" onClick={() => goTo(result.current)}>
            <span>{summary(answer)}</span>
            <span aria-hidden="true">↓</span>
          </button>
        )}
        {running ? (
          <Progress running={running} onCancel={cancel} />
        ) : (
          <Corrections
            answer={answer}
            photo={photo}
            history={edits}
            change={change}
            mayScan={isChanged || (answer === null && (problem === null || problem.retryable))}
            shows={shows}
            onShows={setShows}
            onAgain={() => void again()}
          />
        )}
      </section>
      <section className="result-side" aria-label="What came of it" ref={result}>
        {answer ? <Result answer={answer} busy={running !== null} onOpen={open} /> : <Waiting running={running !== null} />}
      </section>
      <p className="unseen" role="status">
        {answer && !running && !problem ? "The scan is done." : ""}
      </p>
    </div>
  );
}

function goTo(result: HTMLElement | null) {
  result?.scrollIntoView();
  result?.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]')?.focus({ preventScroll: true });
}

function Waiting({ running }: { running: boolean }) {
  return (
    <div className="waiting">
      <p>
        {running
          ? "The findings, the tiling, the maps and the cloth in the light will be here."
          : "There is no result yet. Set the corners by hand and scan again, or take another photo."}
      </p>
    </div>
  );
}

type ResultProps = { answer: ScanAnswer; busy: boolean; onOpen: (id: string) => void };

function Result({ answer, busy, onOpen }: ResultProps) {
  const [details, setDetails] = useState(BLANK);
  const [saved, setSaved] = useState<Saved | null>(null);
  const sizeMm = sizeOf(details, answer);
  const savedNow = savedAs(answer, saved);
  const keep = (made: Saved) => {
    setSaved(made);
    setDetails(BLANK);
    // The scan is gone; its maps and downloads are the colour's.
    onOpen(made.id);
  };
  const tabs = [
    { id: "findings", name: "Findings", show: () => <Findings answer={answer} /> },
    { id: "tiling", name: "Tiling", show: () => <Tiling answer={answer} sizeMm={sizeMm} /> },
    { id: "maps", name: "Maps", show: () => <Maps answer={answer} /> },
    {
      id: "light",
      name: "In the light",
      show: () => (
        <Suspense fallback={<p className="hint">One moment …</p>}>
          <Lit answer={answer} sizeMm={sizeMm} colour={savedNow?.id ?? null} />
        </Suspense>
      ),
    },
    {
      id: "model",
      name: "On the model",
      show: () => <OnModel answer={answer} sizeMm={sizeMm} />,
    },
    {
      id: "save",
      name: savedNow ? "Saved" : "Save",
      show: () => (
        <Details answer={answer} details={details} onDetails={setDetails} saved={savedNow} onSaved={keep} />
      ),
    },
  ];
  return (
    <div data-stale={busy}>
      <Tabs label="Result" tabs={tabs} />
    </div>
  );
}

/** A scan that never expires is a colour of the book, whoever saved it. */
function savedAs({ id, expires_at }: ScanAnswer, saved: Saved | null): Saved | null {
  if (saved && (saved.scan === id || saved.id === id)) return saved;
  return expires_at === null ? { scan: id, id, name: "This cloth", offered: null } : null;
}
