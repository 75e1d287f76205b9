/** What a person knows better: sizes in millimetres, corners, something white; and scanning again with it. */
import type { Box, ScanAnswer } from "../answer";
import type { Change, History, Typed } from "../edits";
import { length } from "../geometry";
import type { Photo } from "../scanning";
import { mm } from "../words";

type Props = {
  answer: ScanAnswer | null;
  photo: Photo;
  history: History;
  change: (change: Change) => void;
  /** Whether another scan could come to anything else. */
  mayScan: boolean;
  shows: { lattice: boolean; white: boolean };
  onShows: (shows: Props["shows"]) => void;
  onAgain: () => void;
};

export function Corrections({ answer, photo, history, change, mayScan, shows, onShows, onAgain }: Props) {
  const { now, past } = history;
  const dragged = answer && (now.a || now.b) && draggedWords(answer, now.a, now.b);
  return (
    <form
      className="corrections"
      aria-label="Corrections"
      onSubmit={(event) => {
        event.preventDefault();
        onAgain();
      }}
    >
      <div className="sizes">
        <Size
          legend="Swatch, mm"
          typed={now.swatch}
          onTyped={(swatch) => change({ do: "change", about: "swatch size", to: { swatch } })}
          onSettle={() => change({ do: "settle" })}
          hint="between the corners"
        />
        <Size
          legend="Repeat, mm"
          typed={now.repeat}
          onTyped={(repeat) => change({ do: "change", about: "repeat size", to: { repeat, a: null, b: null } })}
          onSettle={() => change({ do: "settle" })}
          hint={dragged ?? "one repeat of the pattern"}
        />
      </div>
      <div className="foot">
        <div className="toggles">
          {answer?.lattice.a && (
            <label className="check">
              <input
                type="checkbox"
                checked={shows.lattice}
                onChange={(event) => onShows({ ...shows, lattice: event.target.checked })}
              />
              <span>Show the repeat</span>
            </label>
          )}
          <label className="check">
            <input
              type="checkbox"
              checked={now.white !== null}
              onChange={(event) =>
                change({ do: "change", about: "white", to: { white: event.target.checked ? usualWhite(photo) : null } })
              }
            />
            <span>Mark something white</span>
          </label>
        </div>
        <div className="actions">
          <button type="submit" className="primary small" disabled={!mayScan}>
            Scan again
          </button>
          <button type="button" className="plain small" onClick={() => change({ do: "undo" })} disabled={past.length === 0}>
            Undo
          </button>
          {now.corners !== null && (
            <button
              type="button"
              className="link"
              onClick={() => change({ do: "change", about: "corners", to: { corners: null } })}
            >
              Let the corners be found
            </button>
          )}
          {now.corners === null && answer === null && (
            <button
              type="button"
              className="link"
              onClick={() => change({ do: "change", about: "corners", to: { corners: inset(photo) } })}
            >
              Set the corners by hand
            </button>
          )}
        </div>
      </div>
    </form>
  );
}

type SizeProps = { legend: string; typed: Typed; onTyped: (typed: Typed) => void; onSettle: () => void; hint: string };

export function Size({ legend, typed, onTyped, onSettle, hint }: SizeProps) {
  const side = (name: "width" | "height") => (
    <input
      inputMode="decimal"
      autoComplete="off"
      aria-label={`${legend}: ${name}`}
      placeholder={name}
      value={typed[name]}
      onChange={(event) => onTyped({ ...typed, [name]: event.target.value })}
      onBlur={onSettle}
    />
  );
  return (
    <fieldset className="size">
      <legend>{legend}</legend>
      {side("width")}
      <span aria-hidden="true">×</span>
      {side("height")}
      <p className="hint">{hint}</p>
    </fieldset>
  );
}

function draggedWords({ lattice, px_per_mm }: ScanAnswer, a: Props["history"]["now"]["a"], b: typeof a): string {
  const [across, down] = [a ?? lattice.a, b ?? lattice.b];
  if (!px_per_mm) return "dragged; its size needs a scale: give the swatch's or the repeat's size";
  if (!across || !down) return "";
  return `dragged: ${mm(length(across) / px_per_mm)} × ${mm(length(down) / px_per_mm)} mm`;
}

function usualWhite({ size: [height, width] }: Photo): Box {
  return [0.04 * width, 0.04 * height, 0.14 * width, 0.12 * height].map(Math.round) as unknown as Box;
}

function inset({ size: [height, width] }: Photo): [number, number][] {
  const [x, y] = [Math.round(0.15 * width), Math.round(0.15 * height)];
  return [[x, y], [width - x, y], [width - x, height - y], [x, height - y]];
}
