/** The photo with what was found drawn over it: corners, the repeat and something white can be dragged. */
import type { KeyboardEvent, PointerEvent as ReactPointerEvent, ReactNode } from "react";
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Box, Point, ScanAnswer } from "../answer";
import type { Change, Edits } from "../edits";
import { draggedStep, inverse, isQuad, latticeLines, plus, stretch, through } from "../geometry";
import type { Photo } from "../scanning";
import { Magnifier } from "./magnifier";

const CORNERS = ["Top left", "Top right", "Bottom right", "Bottom left"] as const;
/** A step of the lattice is shown at least this long, or as so many steps at once that it is. */
const LEAST_CSS_PX = 64;
const LEAST_LINES_CSS_PX = 13;

type Props = {
  photo: Photo;
  answer: ScanAnswer | null;
  edits: Edits;
  dispatch: (change: Change) => void;
  shows: { lattice: boolean; white: boolean };
  busy: boolean;
};

type Held = { key: string; at: Point };

export function Editor({ photo, answer, edits, dispatch, shows, busy }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [cssPerPx, setCssPerPx] = useState(0.1);
  const [held, setHeld] = useState<Held | null>(null);
  const [height, width] = photo.size;
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = () => setCssPerPx(element.clientWidth / width || 0.1);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [width]);

  const corners = edits.corners ?? answer?.outline.corners ?? usualCorners(width, height);
  const within = ([x, y]: Point): Point => [clamp(x, width), clamp(y, height)];
  const change = (about: string, to: Partial<Edits>) => dispatch({ do: "change", about, to });
  const moveCorner = (n: number, to: Point) =>
    change(`corner ${n}`, { corners: corners.map((corner, k) => (k === n ? within(to) : corner)) });

  const lattice = useLattice(answer, edits, cssPerPx);
  // A lattice belongs to the flat picture of the corners that it was found in.
  const showsLattice = shows.lattice && lattice !== null && edits.corners === null;
  const given = shows.lattice && lattice !== null && sameCorners(edits, answer);
  const handle = { frame, size: [height, width] as const, cssPerPx, setHeld, onSettle: () => dispatch({ do: "settle" }) };
  const polygon = corners.map((corner) => corner.join(",")).join(" ");

  const undo = (event: KeyboardEvent) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.shiftKey) return;
    event.preventDefault();
    dispatch({ do: "undo" });
  };

  return (
    <div
      className="editor"
      ref={frame}
      style={{ aspectRatio: `${width} / ${height}` }}
      data-busy={busy}
      onKeyDown={undo}
    >
      <img src={photo.url} alt="The photo of the swatch" draggable={false} />
      <svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true" preserveAspectRatio="none">
        {(answer || edits.corners) && (
          <path
            className="shade"
            fillRule="evenodd"
            d={`M0 0H${width}V${height}H0Z M${corners.map((corner) => corner.join(" ")).join("L")}Z`}
          />
        )}
        {(showsLattice || given) && lattice && (
          <>
            <path className="lattice under" d={lattice.path} />
            <path className="lattice" d={lattice.path} />
          </>
        )}
        {(answer || edits.corners) && (
          <polygon className="outline" points={polygon} data-crossed={!isQuad(corners)} />
        )}
        {(showsLattice || given) && lattice && (
          <>
            <path className="step" d={`M${lattice.origin.join(" ")}L${lattice.tipA.join(" ")}`} />
            <path className="step" d={`M${lattice.origin.join(" ")}L${lattice.tipB.join(" ")}`} />
          </>
        )}
        {shows.white && edits.white && <rect className="white" {...rectOf(edits.white)} />}
      </svg>
      {(answer || edits.corners) &&
        corners.map((corner, n) => (
          <Handle
            key={CORNERS[n]}
            {...handle}
            name={`${CORNERS[n]} corner`}
            kind="corner"
            at={corner}
            onMove={(to) => moveCorner(n, to)}
          />
        ))}
      {(showsLattice || given) && lattice && (
        <>
          <Handle
            {...handle}
            name={`Repeat across${lattice.manyA > 1 ? `, ${lattice.manyA} at once` : ""}`}
            kind="step"
            at={lattice.tipA}
            mark={lattice.manyA > 1 ? `${lattice.manyA}×` : "1"}
            onMove={(to) => change("repeat across", { a: lattice.drag(to, lattice.manyA), repeat: NOTHING })}
          />
          <Handle
            {...handle}
            name={`Repeat down${lattice.manyB > 1 ? `, ${lattice.manyB} at once` : ""}`}
            kind="step"
            at={lattice.tipB}
            mark={lattice.manyB > 1 ? `${lattice.manyB}×` : "1"}
            onMove={(to) => change("repeat down", { b: lattice.drag(to, lattice.manyB), repeat: NOTHING })}
          />
        </>
      )}
      {shows.white && edits.white && (
        <WhiteHandles handle={handle} box={edits.white} onMove={(about, white) => change(about, { white })} within={within} />
      )}
      {held && <Magnifier photo={photo} at={held.at} cssPerPx={cssPerPx} corners={corners} />}
    </div>
  );
}

const NOTHING = { width: "", height: "" };

type HandleProps = {
  frame: React.RefObject<HTMLDivElement | null>;
  size: readonly [number, number];
  cssPerPx: number;
  name: string;
  kind: "corner" | "step" | "white";
  at: Point;
  mark?: ReactNode;
  setHeld: (held: Held | null) => void;
  onMove: (to: Point) => void;
  onSettle: () => void;
};

/** Two-dimensional sliders do not exist: this one says both coordinates, and the arrow keys reach it in every mode. */
function Handle({ frame, size, name, kind, at, mark, setHeld, onMove, onSettle, cssPerPx }: HandleProps) {
  const grip = useRef<Point | null>(null);
  const inPhoto = (event: ReactPointerEvent): Point => {
    const box = frame.current?.getBoundingClientRect();
    if (!box) return at;
    return [(event.clientX - box.left) / cssPerPx, (event.clientY - box.top) / cssPerPx];
  };
  const down = (event: ReactPointerEvent<HTMLDivElement>) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.currentTarget.focus();
    event.currentTarget.setPointerCapture(event.pointerId);
    const [x, y] = inPhoto(event);
    grip.current = [at[0] - x, at[1] - y];
    setHeld({ key: name, at });
  };
  const move = (event: ReactPointerEvent) => {
    if (!grip.current) return;
    const to = plus(inPhoto(event), grip.current);
    setHeld({ key: name, at: to });
    onMove(to);
  };
  const up = () => {
    if (!grip.current) return;
    grip.current = null;
    setHeld(null);
    onSettle();
  };
  const key = (event: KeyboardEvent) => {
    const direction = ARROWS[event.key];
    if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const to = plus(at, direction, event.shiftKey ? 10 : 1);
    setHeld({ key: name, at: to });
    onMove(to);
  };
  const [x, y] = at.map(Math.round) as [number, number];
  return (
    <div
      className="handle"
      data-kind={kind}
      role="slider"
      tabIndex={0}
      aria-label={name}
      aria-valuemin={0}
      aria-valuemax={size[1]}
      aria-valuenow={x}
      aria-valuetext={`${x}, ${y} pixels`}
      aria-describedby="handle-help"
      style={{ left: `${(100 * at[0]) / size[1]}%`, top: `${(100 * at[1]) / size[0]}%` }}
      onPointerDown={down}
      onPointerMove={move}
      onPointerUp={up}
      onPointerCancel={up}
      onKeyDown={key}
      onKeyUp={() => !grip.current && setHeld(null)}
      onBlur={() => {
        setHeld(null);
        onSettle();
      }}
    >
      <span aria-hidden="true">{mark}</span>
    </div>
  );
}

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

type WhiteProps = {
  handle: Omit<HandleProps, "name" | "kind" | "at" | "onMove">;
  box: Box;
  onMove: (about: string, box: Box) => void;
  within: (point: Point) => Point;
};

function WhiteHandles({ handle, box: [x0, y0, x1, y1], onMove, within }: WhiteProps) {
  const least = 8;
  return (
    <>
      <Handle
        {...handle}
        name="White patch, top left"
        kind="white"
        at={[x0, y0]}
        onMove={(to) => {
          const [x, y] = within(to);
          onMove("white start", [Math.min(x, x1 - least), Math.min(y, y1 - least), x1, y1]);
        }}
      />
      <Handle
        {...handle}
        name="White patch, bottom right"
        kind="white"
        at={[x1, y1]}
        onMove={(to) => {
          const [x, y] = within(to);
          onMove("white end", [x0, y0, Math.max(x, x0 + least), Math.max(y, y0 + least)]);
        }}
      />
    </>
  );
}

/** Where the lattice is in the photo, and how dragging it changes it. */
function useLattice(answer: ScanAnswer | null, edits: Edits, cssPerPx: number) {
  return useMemo(() => {
    if (!answer?.lattice.a || !answer.lattice.b) return null;
    const toPhoto = answer.flat.to_photo;
    const toFlat = inverse(toPhoto);
    const [a, b] = [edits.a ?? answer.lattice.a, edits.b ?? answer.lattice.b];
    const origin = answer.tile.corners_flat[0] ?? [0, 0];
    const flatSize = [answer.flat.size[1], answer.flat.size[0]] as const;
    const least = LEAST_CSS_PX / cssPerPx;
    // How many steps are dragged at once follows the lattice as it was found: it must not jump under the hand.
    const [manyA, manyB] = [answer.lattice.a, answer.lattice.b].map((step) => stretch(origin, step, toPhoto, least)) as [
      number,
      number,
    ];
    const thin = LEAST_LINES_CSS_PX / cssPerPx;
    const every = [stretch(origin, a, toPhoto, thin), stretch(origin, b, toPhoto, thin)] as const;
    const lines = latticeLines({ origin, a, b }, flatSize, every);
    const path = lines.map(([p, q]) => `M${through(toPhoto, p).join(" ")}L${through(toPhoto, q).join(" ")}`).join("");
    return {
      path,
      origin: through(toPhoto, origin),
      tipA: through(toPhoto, plus(origin, a, manyA)),
      tipB: through(toPhoto, plus(origin, b, manyB)),
      manyA,
      manyB,
      drag: (tip: Point, steps: number) => draggedStep(tip, { origin, steps, toFlat }),
    };
  }, [answer, edits.a, edits.b, cssPerPx]);
}

function sameCorners({ corners }: Edits, answer: ScanAnswer | null): boolean {
  return corners !== null && JSON.stringify(corners) === JSON.stringify(answer?.outline.corners);
}

function usualCorners(width: number, height: number): Point[] {
  const [x, y] = [0.15 * width, 0.15 * height];
  return [[x, y], [width - x, y], [width - x, height - y], [x, height - y]];
}

function rectOf([x0, y0, x1, y1]: Box) {
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
}

function clamp(value: number, most: number): number {
  return Math.min(most - 1, Math.max(0, value));
}
