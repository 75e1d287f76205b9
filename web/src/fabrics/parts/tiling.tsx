/** Three by three tiles at true scale, where no seam and no mark may be seen. */
import { useState } from "react";
import type { Pair, ScanAnswer } from "../answer";
import { mm } from "../words";

const ZOOMS = [0.5, 1, 2, 4, 8];
/** What is shown of a cloth whose size nobody knows. */
export const ASSUMED_MM = 60;

export function Tiling({ answer, sizeMm }: { answer: ScanAnswer; sizeMm: Pair | null }) {
  const [zoom, setZoom] = useState(() => usualZoom(sizeMm));
  const [edges, setEdges] = useState(false);
  const [width, height] = sizeMm ?? [ASSUMED_MM, ASSUMED_MM];
  const level = ZOOMS[zoom] ?? 1;
  const size = `${width * level}mm ${height * level}mm`;
  return (
    <>
      <div className="bar">
        <label className="range">
          <span>Size</span>
          <input
            type="range"
            aria-label="Size"
            min={0}
            max={ZOOMS.length - 1}
            value={zoom}
            aria-valuetext={`${level * 100} %`}
            onChange={(event) => setZoom(Number(event.target.value))}
          />
          <output>{level * 100} %</output>
        </label>
        <label className="check">
          <input type="checkbox" checked={edges} onChange={(event) => setEdges(event.target.checked)} />
          <span>Show where it wraps</span>
        </label>
      </div>
      <div className="tiling-frame" tabIndex={0} role="group" aria-label="The tiling, to be scrolled">
        <div
          className="tiling"
          role="img"
          aria-label={`The tile three times three${sizeMm ? `, ${mm(3 * width)} by ${mm(3 * height)} mm` : ""}`}
          style={{
            width: `${3 * width * level}mm`,
            height: `${3 * height * level}mm`,
            backgroundImage: `${edges ? WRAPS : ""}url("${answer.maps.albedo?.url}")`,
            backgroundSize: edges ? `${size}, ${size}, ${size}` : size,
          }}
        />
      </div>
      <p className="hint">
        {sizeMm
          ? `The tile is ${mm(width)} × ${mm(height)} mm. At 100 % it is life-size where the screen's millimetres are true: hold a bank card to it, 85.6 mm.`
          : "Its size is not known: this is no true scale. Give the swatch's or the repeat's size beside the photo."}
      </p>
    </>
  );
}

const WRAPS =
  "linear-gradient(90deg, #e5484d 0 1px, transparent 1px), linear-gradient(#e5484d 0 1px, transparent 1px), ";

/** So that three tiles fill about the width of a hand. */
function usualZoom(sizeMm: Pair | null): number {
  const wide = 3 * (sizeMm?.[0] ?? ASSUMED_MM);
  return wide < 40 ? 3 : wide < 80 ? 2 : 1;
}
