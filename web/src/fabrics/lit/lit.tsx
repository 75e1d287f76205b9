/** The cloth in the light: a ball, a drape, a jacket, and a lamp that is moved by hand, by keys, or by itself. */
import type { KeyboardEvent, PointerEvent } from "react";
import { useEffect, useRef, useState } from "react";
import type { Pair, ScanAnswer } from "../answer";
import { readCuts } from "../../wardrobe";
import { ask, lendScan } from "../api";
import { ASSUMED_MM } from "../parts/tiling";
import type { Lamp, Shape } from "./scene";
import { LitScene, hasWebGl } from "./scene";

const SHAPES: [Shape, string][] = [
  ["ball", "Ball"],
  ["drape", "Drape"],
  ["jacket", "Jacket"],
];
const FIRST: Lamp = { azimuthDeg: -58, heightDeg: 34 };
const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-5, 0],
  ArrowRight: [5, 0],
  ArrowUp: [0, 5],
  ArrowDown: [0, -5],
};
const ROUND_S = 14;

/** `colour` is the fabric's id where the scan is saved. */
type Props = { answer: ScanAnswer; sizeMm: Pair | null; colour: string | null };

export default function Lit(props: Props) {
  const [works] = useState(hasWebGl);
  if (!works) return <WithoutWebGl answer={props.answer} />;
  return <InTheLight {...props} />;
}

function InTheLight({ answer, sizeMm, colour }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [scene, setScene] = useState<LitScene | null>(null);
  const [shape, setShape] = useState<Shape>("ball");
  const [lamp, setLamp] = useState(FIRST);
  const [turnDeg, setTurn] = useState(0);
  const [moves, setMoves] = useState(() => !window.matchMedia("(prefers-reduced-motion: reduce)").matches);
  const [state, setState] = useState<"loading" | "there" | "failed">("loading");
  const held = useRef<{ x: number; y: number } | null>(null);
  const [width, height] = sizeMm ?? [ASSUMED_MM, ASSUMED_MM];

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const made = new LitScene(element, () => {
      element.dataset.drawn = String(Number(element.dataset.drawn ?? 0) + 1);
    });
    const observer = new ResizeObserver(() => made.resize(element.clientWidth, element.clientHeight));
    observer.observe(element);
    setScene(made);
    return () => {
      observer.disconnect();
      made.dispose();
      setScene(null);
    };
  }, []);
  const dressed = shape === "jacket";
  useEffect(() => {
    if (!scene) return;
    let current = true;
    setState("loading");
    const size: Pair = [width, height];
    (dressed ? dress(scene, { answer, size, colour }) : wear(scene, { answer, size }))
      .then(() => current && setState("there"))
      .catch(() => current && setState("failed"));
    return () => {
      current = false;
    };
  }, [scene, dressed, answer, width, height, colour]);
  useEffect(() => scene?.show(shape), [scene, shape]);
  useEffect(() => scene?.light(lamp), [scene, shape, lamp]);
  useEffect(() => scene?.turn(turnDeg), [scene, shape, turnDeg]);
  useEffect(() => {
    if (!moves || !scene) return;
    let [handle, before] = [0, performance.now()];
    const step = (nowMs: number) => {
      const degrees = (360 * Math.min(100, nowMs - before)) / (1000 * ROUND_S);
      before = nowMs;
      setLamp((now) => ({ ...now, azimuthDeg: wrap(now.azimuthDeg + degrees * swing(now.azimuthDeg)) }));
      handle = requestAnimationFrame(step);
    };
    handle = requestAnimationFrame(step);
    return () => cancelAnimationFrame(handle);
  }, [moves, scene]);

  const point = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    if (held.current) {
      setTurn((now) => now + 0.5 * (event.clientX - (held.current?.x ?? event.clientX)));
      held.current = { x: event.clientX, y: event.clientY };
      return;
    }
    if (event.pointerType === "touch") return;
    setMoves(false);
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    setLamp({ azimuthDeg: 160 * (x - 0.5), heightDeg: 85 - 95 * y });
  };
  const key = (event: KeyboardEvent) => {
    const step = ARROWS[event.key];
    if (!step) return;
    event.preventDefault();
    setMoves(false);
    if (event.shiftKey) return setTurn((now) => now + step[0] * 2);
    setLamp(({ azimuthDeg, heightDeg }) => ({
      azimuthDeg: wrap(azimuthDeg + step[0]),
      heightDeg: Math.min(85, Math.max(-10, heightDeg + step[1])),
    }));
  };

  return (
    <>
      <div className="bar">
        <fieldset className="choice">
          <legend className="unseen">Shape</legend>
          {SHAPES.map(([id, name]) => (
            <label key={id} data-checked={id === shape}>
              <input type="radio" name="shape" checked={id === shape} onChange={() => setShape(id)} />
              {name}
            </label>
          ))}
        </fieldset>
        <button type="button" className="plain small" aria-pressed={moves} onClick={() => setMoves(!moves)}>
          {moves ? "Hold the light still" : "Let the light move"}
        </button>
      </div>
      <canvas
        ref={canvas}
        className="lit"
        data-shape={shape}
        data-state={state}
        tabIndex={0}
        role="img"
        aria-label={`The cloth as a ${SHAPES.find(([id]) => id === shape)?.[1].toLowerCase()}, light from ${lampWords(lamp)}`}
        aria-describedby="lit-help"
        onPointerMove={point}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          held.current = { x: event.clientX, y: event.clientY };
        }}
        onPointerUp={() => (held.current = null)}
        onPointerCancel={() => (held.current = null)}
        onKeyDown={key}
      />
      <p className="hint" id="lit-help">
        {state === "failed" && <b>{dressed ? "The jacket could not be made up. " : "The maps could not be loaded. "}</b>}
        The light follows the pointer or the arrow keys; drag, or hold Shift with the arrows, to turn it.
        {sizeMm === null && " Its size is not known, so the scale is a guess."}
      </p>
    </>
  );
}

type Made = { answer: ScanAnswer; size: Pair };

function wear(scene: LitScene, { answer, size }: Made): Promise<void> {
  const url = (name: string) => answer.maps[name]?.url ?? "";
  const urls = { albedo: url("albedo"), normal: url("normal"), roughness: url("roughness"), ao: url("ao") };
  return scene.wear(urls, size, "#8f8a82");
}

/** The built-in cut, made up by the server as it is for the kiosk. */
async function dress(scene: LitScene, { answer, size, colour }: Made & { colour: string | null }): Promise<void> {
  const fabric = colour ?? (await lendScan(answer.id, size));
  const query = new URLSearchParams({ fabric_id: fabric, look: size.join("x") });
  const [cut] = readCuts(await ask("/api/cuts"));
  await scene.dress(`/api/cuts/${encodeURIComponent(cut?.id ?? "")}/jacket.glb?${query}`);
}

function WithoutWebGl({ answer }: { answer: ScanAnswer }) {
  const sheet = answer.downloads.sheet;
  return (
    <>
      <p className="complaint kind">
        This browser cannot draw in 3D (WebGL is off). {sheet ? "Here is the contact sheet, lit by the server." : "Here is the cloth as it lies."}
      </p>
      <img className="sheet" src={sheet ?? answer.maps.albedo?.url} alt={sheet ? "The contact sheet of the scan" : "The tile"} />
    </>
  );
}

/** The lamp lingers where it rakes over the front, and hurries behind. */
function swing(azimuthDeg: number): number {
  return Math.abs(azimuthDeg) > 100 ? 3 : 1;
}

function wrap(degrees: number): number {
  return ((((degrees + 180) % 360) + 360) % 360) - 180;
}

/** In steps of 45 degrees, lest it be said anew with every move. */
function lampWords({ azimuthDeg, heightDeg }: Lamp): string {
  const across = azimuthDeg < -22 ? "the left" : azimuthDeg > 22 ? "the right" : "the front";
  return `${across}${heightDeg > 50 ? ", high" : heightDeg < 15 ? ", low" : ""}`;
}
