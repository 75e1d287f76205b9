/** Editing one colour. Where somebody else was faster, both versions are shown and nothing typed is lost. */
import type { FormEvent } from "react";
import { useState } from "react";
import { useAdmin } from "../admin";
import type { Family } from "../families";
import { fieldOf } from "../form";
import { Complaint } from "../parts/complaint";
import { Labelled } from "../parts/details";
import { Modal } from "../parts/modal";
import type { Problem } from "../problem";
import { asProblem } from "../problem";
import type { Colour, Status } from "./colours";
import { editColour, fetchColour } from "./colours";
import type { Entry, EntryComplaints } from "./entry";
import { changesOf, entryComplaints, entryOf } from "./entry";

type Props = { colour: Colour; family: Family | null; onClose: () => void; onSaved: (colour: Colour) => void };

const WORDS: Record<keyof Entry, string> = {
  name: "Name",
  code: "Code",
  mill: "Mill",
  composition: "Composition",
  weight: "Weight, g/m²",
  tags: "Tags",
  status: "Status",
};

export function EditDialog({ colour, family, onClose, onSaved }: Props) {
  const ask = useAdmin();
  const [base, setBase] = useState(colour);
  const [entry, setEntry] = useState(() => entryOf(colour));
  const [told, setTold] = useState<EntryComplaints>({});
  const [problem, setProblem] = useState<Problem | null>(null);
  const [theirs, setTheirs] = useState<(keyof Entry)[] | null>(null);
  const [busy, setBusy] = useState(false);
  const set = (part: Partial<Entry>) => setEntry({ ...entry, ...part });

  const save = async (event: FormEvent) => {
    event.preventDefault();
    const wrong = entryComplaints(entry);
    setTold(wrong);
    setProblem(null);
    if (Object.keys(wrong).length > 0) return;
    const changes = changesOf(entry, base);
    if (Object.keys(changes).length === 0) return onClose();
    setBusy(true);
    try {
      onSaved(await editColour(ask, base, changes));
    } catch (error) {
      await explain(asProblem(error));
    } finally {
      setBusy(false);
    }
  };

  const explain = async (failed: Problem) => {
    const field = fieldOf(failed.code);
    if (field === "name" || field === "weight") return setTold({ [field]: [failed.message, failed.hint].filter(Boolean).join(". ") });
    if (failed.code !== "edit_conflict") return setProblem(failed);
    try {
      const now = await fetchColour(ask, base.id);
      const [before, after] = [entryOf(base), entryOf(now)];
      // What they changed and I did not is taken over; what both changed is left as I typed it, and said.
      const changed = (Object.keys(after) as (keyof Entry)[]).filter((name) => after[name] !== before[name]);
      const merged = { ...entry };
      for (const name of changed) if (entry[name] === before[name]) (merged as Record<string, string>)[name] = after[name];
      setEntry(merged);
      setBase(now);
      setTheirs(changed);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };

  const text = (name: Exclude<keyof Entry, "status">, note?: string) => (
    <Labelled name={WORDS[name]} {...(note ? { note } : {})} told={told[name]} wide={name === "name" || name === "tags"}>
      {(props) => (
        <input
          {...props}
          value={entry[name]}
          inputMode={name === "weight" ? "numeric" : "text"}
          onChange={(event) => set({ [name]: event.target.value })}
        />
      )}
    </Labelled>
  );

  return (
    <Modal title={`Edit ${colour.name}`} onClose={onClose}>
      <form className="details" onSubmit={(event) => void save(event)} noValidate aria-label="The colour">
        {theirs && (
          <div className="complaint kind wide" role="alert">
            <p>
              <b>Somebody else changed this colour meanwhile</b>
              {theirs.length > 0 && `: ${theirs.map((name) => conflictWords(name, base)).join("; ")}`}. What you typed is still
              here. Look at it and save again.
            </p>
          </div>
        )}
        {problem && (
          <div className="wide">
            <Complaint problem={problem} />
          </div>
        )}
        {text("name")}
        {text("code")}
        {text("mill")}
        {text("composition", family ? `the family's, if empty: ${family.composition}` : undefined)}
        {text("weight", family ? `the family's, if empty: ${family.weight_g_m2}` : undefined)}
        {text("tags", "with commas between")}
        <Labelled name="Status" note="a retired colour is remembered, but can no longer be chosen" wide>
          {(props) => (
            <select {...props} value={entry.status} onChange={(event) => set({ status: event.target.value as Status })}>
              <option value="active">Active</option>
              <option value="retired">Retired</option>
            </select>
          )}
        </Labelled>
        <div className="actions wide">
          <button type="submit" className="primary" disabled={busy}>
            {busy ? "Saving …" : "Save"}
          </button>
          <button type="button" className="plain" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Modal>
  );
}

function conflictWords(name: keyof Entry, now: Colour): string {
  return `${WORDS[name].toLowerCase()} is now “${entryOf(now)[name] || "the family's"}”`;
}
