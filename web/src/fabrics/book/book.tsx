/** The book: every colour, retired ones too, to be searched, toggled and edited. The server turns the pages. */
import { useCallback, useEffect, useState } from "react";
import { KEY_NEEDED, useAdmin } from "../admin";
import { useFamilies } from "../families";
import { Complaint } from "../parts/complaint";
import type { Problem } from "../problem";
import { asProblem, isAbort } from "../problem";
import type { Asked, Colour, Listing, Sort, Status } from "./colours";
import { ALL, PER_PAGE, asking, editColour, fetchColours, turned } from "./colours";
import { EditDialog } from "./edit-dialog";

const TYPING_MS = 200;

export function Book() {
  const ask = useAdmin();
  const { families } = useFamilies(true);
  const [asked, setAsked] = useState<Asked>(ALL);
  const [typed, setTyped] = useState("");
  const [listing, setListing] = useState<Listing | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [attempt, setAttempt] = useState(0);
  const [edited, setEdited] = useState<Colour | null>(null);
  const [news, setNews] = useState("");

  useEffect(() => {
    const timer = setTimeout(() => setAsked((now) => (now.q === typed ? now : asking(now, { q: typed }))), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  useEffect(() => {
    const abort = new AbortController();
    fetchColours(ask, asked, abort.signal).then(
      (found) => {
        setListing(found);
        setProblem(null);
      },
      (error: unknown) => !isAbort(error) && setProblem(asProblem(error)),
    );
    return () => abort.abort();
  }, [ask, asked, attempt]);

  const replace = useCallback((colour: Colour) => {
    setListing((now) => now && { ...now, colours: now.colours.map((one) => (one.id === colour.id ? colour : one)) });
  }, []);
  const toggle = async (colour: Colour) => {
    const status: Status = colour.own.status === "active" ? "retired" : "active";
    try {
      replace(await editColour(ask, colour, { status }));
      setProblem(null);
      setNews(`${colour.name} is ${status === "active" ? "offered again" : "retired"}.`);
    } catch (error) {
      const failed = asProblem(error);
      setProblem(failed);
      // Somebody else was faster: what is shown is old.
      if (failed.code === "edit_conflict") setAttempt((n) => n + 1);
    }
  };
  const familyName = (id: string) => families.find((family) => family.id === id)?.name ?? id;

  return (
    <section className="book" aria-labelledby="book-title">
      <h1 id="book-title">The book</h1>
      <div className="bar filters" role="search" aria-label="The book">
        <label className="field grow">
          <span>Search</span>
          <input
            type="search"
            value={typed}
            placeholder="Name, code, mill, composition, tag"
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
        <label className="field">
          <span>Family</span>
          <select value={asked.family} onChange={(event) => setAsked(asking(asked, { family: event.target.value }))}>
            <option value="">All</option>
            {families.map(({ id, name, colours }) => (
              <option key={id} value={id}>
                {name} ({colours})
              </option>
            ))}
          </select>
        </label>
        <label className="field">
          <span>Status</span>
          <select
            value={asked.status}
            onChange={(event) => setAsked(asking(asked, { status: event.target.value as Status | "" }))}
          >
            <option value="">All</option>
            <option value="active">Active</option>
            <option value="retired">Retired</option>
          </select>
        </label>
      </div>
      {problem && (
        <Complaint
          problem={problem}
          onAgain={() => setAttempt((n) => n + 1)}
          again={problem === KEY_NEEDED ? "Give the key" : "Try again"}
        />
      )}
      <p className="hint" role="status">
        {listing ? countWords(listing) : problem ? "" : "One moment …"} {news}
      </p>
      {listing && listing.colours.length > 0 && (
        <table className="plain-table colours">
          <caption className="unseen">Colours of the book</caption>
          <thead>
            <tr>
              <th scope="col">
                <span className="unseen">Swatch</span>
              </th>
              <Sorted words="Name" by="name" sort={asked.sort} onSort={(sort) => setAsked(asking(asked, { sort }))} />
              <th scope="col">Family</th>
              <Sorted words="Code" by="code" sort={asked.sort} onSort={(sort) => setAsked(asking(asked, { sort }))} />
              <Sorted words="Mill" by="mill" sort={asked.sort} onSort={(sort) => setAsked(asking(asked, { sort }))} />
              <Sorted words="g/m²" by="weight" sort={asked.sort} onSort={(sort) => setAsked(asking(asked, { sort }))} />
              <th scope="col">Status</th>
              <th scope="col">
                <span className="unseen">Edit</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {listing.colours.map((colour) => (
              <Row
                key={colour.id}
                colour={colour}
                family={familyName(colour.family)}
                onToggle={() => void toggle(colour)}
                onEdit={() => setEdited(colour)}
              />
            ))}
          </tbody>
        </table>
      )}
      {listing && listing.pages > 1 && (
        <nav className="pager" aria-label="Pages of the book">
          <button
            type="button"
            className="plain small"
            disabled={asked.page <= 1}
            onClick={() => setAsked({ ...asked, page: asked.page - 1 })}
          >
            Previous
          </button>
          <span>
            Page {listing.page} of {listing.pages}
          </span>
          <button
            type="button"
            className="plain small"
            disabled={asked.page >= listing.pages}
            onClick={() => setAsked({ ...asked, page: asked.page + 1 })}
          >
            Next
          </button>
        </nav>
      )}
      {edited && (
        <EditDialog
          colour={edited}
          family={families.find(({ id }) => id === edited.family) ?? null}
          onClose={() => setEdited(null)}
          onSaved={(colour) => {
            replace(colour);
            setEdited(null);
            setNews(`${colour.name} is saved.`);
          }}
        />
      )}
    </section>
  );
}

function countWords({ total, page }: Listing): string {
  if (total === 0) return "Nothing in the book matches.";
  if (total <= PER_PAGE) return `${total} ${total === 1 ? "colour" : "colours"}.`;
  const first = (page - 1) * PER_PAGE + 1;
  return `${first} to ${Math.min(total, page * PER_PAGE)} of ${total.toLocaleString("en")} colours.`;
}

type SortedProps = { words: string; by: Sort["by"]; sort: Sort; onSort: (sort: Sort) => void };

function Sorted({ words, by, sort, onSort }: SortedProps) {
  const is = sort.by === by;
  return (
    <th scope="col" aria-sort={is ? (sort.descending ? "descending" : "ascending") : "none"}>
      <button type="button" className="sort" onClick={() => onSort(turned(sort, by))}>
        {words}
        <span aria-hidden="true">{is ? (sort.descending ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
}

type RowProps = { colour: Colour; family: string; onToggle: () => void; onEdit: () => void };

function Row({ colour, family, onToggle, onEdit }: RowProps) {
  const { name, code, mill, weight_g_m2, own, status, mean_hex, swatch, composition, made } = colour;
  const active = own.status === "active";
  return (
    <tr data-status={status}>
      <td>
        {/* Only what is offered has a picture of the cloth; the colour stands for the rest. */}
        <span className="chip" style={{ background: mean_hex }}>
          {status === "active" && <img src={swatch} alt="" loading="lazy" width={48} height={48} />}
        </span>
      </td>
      <th scope="row">
        <span className="name">{name}</span>
        <span className="hint">
          {composition}
          {made === "scanned" ? " · scanned" : ""}
        </span>
      </th>
      <td>{family}</td>
      <td>{code}</td>
      <td>{mill}</td>
      <td className="number">{weight_g_m2}</td>
      <td>
        <button type="button" role="switch" aria-checked={active} aria-label={`${name}: offered`} className="switch" onClick={onToggle}>
          <span aria-hidden="true" />
          {active ? (status === "active" ? "Active" : "With its family, retired") : "Retired"}
        </button>
      </td>
      <td>
        <button type="button" className="plain small" onClick={onEdit} aria-label={`Edit ${name}`}>
          Edit
        </button>
      </td>
    </tr>
  );
}
