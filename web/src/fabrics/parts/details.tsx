/** The tailor's data, and saving the scan as a colour of the book. */
import type { FormEvent, ReactNode } from "react";
import { useEffect, useId, useRef, useState } from "react";
import { useAdmin } from "../admin";
import type { ScanAnswer } from "../answer";
import type { Colour } from "../book/colours";
import { useFamilies } from "../families";
import type { Complaints, Details as Entered, Field, NewFamily, Use } from "../form";
import { NEW_FAMILY, complaintsOf, fieldOf, toFamily, toSave } from "../form";
import { Problem, asProblem } from "../problem";
import { Complaint } from "./complaint";
import { Size } from "./corrections";

export type Saved = {
  scan: string;
  id: string;
  name: string;
  /** Null where only the book knows. */
  offered: boolean | null;
};

type Props = {
  answer: ScanAnswer;
  details: Entered;
  onDetails: (details: Entered) => void;
  saved: Saved | null;
  onSaved: (saved: Saved) => void;
};

export function Details({ answer, details, onDetails, saved, onSaved }: Props) {
  const ask = useAdmin();
  const form = useRef<HTMLFormElement>(null);
  const { families, problem: noFamilies, refresh } = useFamilies(saved === null);
  const [told, setTold] = useState<Complaints>({});
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const set = (part: Partial<Entered>) => onDetails({ ...details, ...part });
  const setFamily = (part: Partial<NewFamily>) => set({ newFamily: { ...details.newFamily, ...part } });
  const family = families.find(({ id }) => id === details.family);

  const complaints = Object.keys(told).length > 0 ? told : {};
  useEffect(() => {
    if (Object.keys(told).length > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [told]);

  const save = async (event: FormEvent) => {
    event.preventDefault();
    const wrong = complaintsOf(details, answer);
    setTold(wrong);
    setProblem(null);
    if (Object.keys(wrong).length > 0) return;
    setBusy(true);
    let into = details.family;
    try {
      if (into === NEW_FAMILY) {
        const made = await ask("/api/admin/families", { method: "POST", body: JSON.stringify(toFamily(details.newFamily)) });
        into = (made as { id: string }).id;
        set({ family: into });
        await refresh();
      }
      const path = `/api/admin/scans/${encodeURIComponent(answer.id)}/save`;
      const made = (await ask(path, { method: "POST", body: JSON.stringify(toSave(details, into)) })) as Colour;
      onSaved({ scan: answer.id, id: made.id, name: made.name, offered: made.status === "active" });
    } catch (error) {
      const failed = asProblem(error);
      const field = fieldOf(failed.code);
      // A family that exists is a matter of the family's own name.
      const at: Field | null = into === NEW_FAMILY && field === "name" ? "familyName" : field;
      if (at) setTold({ [at]: [failed.message, failed.hint].filter(Boolean).join(". ") });
      else setProblem(failed);
    } finally {
      setBusy(false);
    }
  };

  if (saved) return <Done saved={saved} />;
  return (
    <form className="details" onSubmit={(event) => void save(event)} noValidate ref={form} aria-label="The tailor's data">
      {noFamilies && <Complaint problem={noFamilies} onAgain={() => void refresh()} />}
      <Labelled name="Name" note="as customers read it" told={complaints.name}>
        {(props) => <input {...props} value={details.name} onChange={(event) => set({ name: event.target.value })} required />}
      </Labelled>
      <Labelled name="Family" told={complaints.family}>
        {(props) => (
          <select {...props} value={details.family} onChange={(event) => set({ family: event.target.value })} required>
            <option value="">Choose one</option>
            {families.map(({ id, name, status }) => (
              <option key={id} value={id}>
                {name}
                {status === "retired" ? " (retired)" : ""}
              </option>
            ))}
            <option value={NEW_FAMILY}>A new family …</option>
          </select>
        )}
      </Labelled>
      {details.family === NEW_FAMILY && (
        <NewFamilyFields family={details.newFamily} complaints={complaints} onFamily={setFamily} />
      )}
      <Labelled name="Code" note="the mill's number">
        {(props) => <input {...props} value={details.code} onChange={(event) => set({ code: event.target.value })} />}
      </Labelled>
      <Labelled name="Mill">
        {(props) => <input {...props} value={details.mill} onChange={(event) => set({ mill: event.target.value })} />}
      </Labelled>
      <Labelled name="Composition" note={family ? `the family's: ${family.composition}` : "where it is not the family's"}>
        {(props) => (
          <input {...props} value={details.composition} onChange={(event) => set({ composition: event.target.value })} />
        )}
      </Labelled>
      <Labelled
        name="Weight, g/m²"
        note={family ? `the family's: ${family.weight_g_m2}` : "where it is not the family's"}
        told={complaints.weight}
      >
        {(props) => (
          <input
            {...props}
            inputMode="numeric"
            value={details.weight}
            onChange={(event) => set({ weight: event.target.value })}
          />
        )}
      </Labelled>
      <Labelled name="Tags" note="with commas between" told={complaints.tags} wide>
        {(props) => <input {...props} value={details.tags} onChange={(event) => set({ tags: event.target.value })} />}
      </Labelled>
      <div className="wide" data-invalid={complaints.width !== undefined}>
        <Size
          legend={answer.size_mm ? "The tile's size, mm, if you know better" : "The tile's size, mm (needed)"}
          typed={details.size}
          onTyped={(size) => set({ size })}
          onSettle={() => undefined}
          hint={answer.size_mm ? `measured: ${answer.size_mm.map((side) => side.toFixed(2)).join(" × ")}` : "it could not be measured"}
        />
        {complaints.width && (
          <p className="told" role="alert">
            {complaints.width}
          </p>
        )}
      </div>
      <label className="check wide">
        <input type="checkbox" checked={details.retired} onChange={(event) => set({ retired: event.target.checked })} />
        <span>Keep it back: in the book, but not offered yet</span>
      </label>
      {problem && (
        <div className="wide">
          <Complaint problem={problem} />
        </div>
      )}
      <div className="actions wide">
        <button type="submit" className="primary" disabled={busy}>
          {busy ? "Saving …" : "Save to the book"}
        </button>
      </div>
    </form>
  );
}

const OFFERED: Readonly<Record<string, string>> = {
  true: "It can be chosen on every kiosk of this server now, at true scale.",
  false: "It is not offered yet: make it active in the book when its time has come.",
  null: "What is said of it, and whether it is offered, can be changed in the book.",
};

function Done({ saved }: { saved: Saved }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div className="done">
      <h2 ref={heading} tabIndex={-1}>
        {saved.name} is in the book
      </h2>
      <p>{OFFERED[String(saved.offered)]}</p>
      <div className="actions">
        <a className="primary small" href="/kiosk/">
          To the kiosk
        </a>
        <a className="plain small" href="#book">
          See it in the book
        </a>
      </div>
    </div>
  );
}

type FamilyProps = { family: NewFamily; complaints: Complaints; onFamily: (part: Partial<NewFamily>) => void };

function NewFamilyFields({ family, complaints, onFamily }: FamilyProps) {
  return (
    <fieldset className="new-family wide">
      <legend>The new family</legend>
      <Labelled name="Family's name" told={complaints.familyName}>
        {(props) => <input {...props} value={family.name} onChange={(event) => onFamily({ name: event.target.value })} />}
      </Labelled>
      <Labelled name="Used for">
        {(props) => (
          <select {...props} value={family.use} onChange={(event) => onFamily({ use: event.target.value as Use })}>
            <option value="suiting">Suits</option>
            <option value="shirting">Shirts</option>
            <option value="tie">Ties</option>
          </select>
        )}
      </Labelled>
      <Labelled name="Its composition" told={complaints.familyComposition}>
        {(props) => (
          <input {...props} value={family.composition} onChange={(event) => onFamily({ composition: event.target.value })} />
        )}
      </Labelled>
      <Labelled name="Its weight, g/m²" told={complaints.familyWeight}>
        {(props) => (
          <input
            {...props}
            inputMode="numeric"
            value={family.weight}
            onChange={(event) => onFamily({ weight: event.target.value })}
          />
        )}
      </Labelled>
    </fieldset>
  );
}

type ControlProps = { id: string; "aria-invalid"?: true; "aria-describedby"?: string };
type LabelledProps = {
  name: string;
  note?: string;
  told?: string | undefined;
  wide?: boolean;
  children: (props: ControlProps) => ReactNode;
};

export function Labelled({ name, note, told, wide = false, children }: LabelledProps) {
  const id = useId();
  const described = [note && `${id}-note`, told && `${id}-told`].filter(Boolean).join(" ");
  const props: ControlProps = { id, ...(told ? { "aria-invalid": true } : {}), ...(described ? { "aria-describedby": described } : {}) };
  return (
    <div className={wide ? "field wide" : "field"}>
      <label htmlFor={id}>{name}</label>
      {children(props)}
      {note && (
        <span className="hint" id={`${id}-note`}>
          {note}
        </span>
      )}
      {told && (
        <span className="told" id={`${id}-told`} role="alert">
          {told}
        </span>
      )}
    </div>
  );
}
