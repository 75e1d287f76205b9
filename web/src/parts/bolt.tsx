/** Cloth that fills the screen: one from every family in turn, slowly drifting. */
import { useEffect, useMemo, useState } from "react";
import type { Fabric, Wardrobe } from "../wardrobe";
import { luminance } from "../wardrobe";

const TURN_MS = 10_000;
const MOST = 8;
/** Relative luminance. */
const PALEST = 0.22;

/** The cloths that are shown in turn, and which of them it is now. */
export function useBolt(wardrobe: Wardrobe): { cloths: Fabric[]; turn: number } {
  const cloths = useMemo(() => chalkable(wardrobe), [wardrobe]);
  const [turn, setTurn] = useState(0);
  const count = cloths.length;
  useEffect(() => {
    if (count < 2) return;
    const timer = window.setInterval(() => setTurn((now) => (now + 1) % count), TURN_MS);
    return () => window.clearInterval(timer);
  }, [count]);
  return { cloths, turn: count === 0 ? 0 : turn % count };
}

/** One of every family, so that the breadth of the book is seen; dark enough that white chalk and type show on it. */
function chalkable({ families }: Wardrobe): Fabric[] {
  const firsts = families.map(({ fabrics }) => fabrics.find(({ colour }) => luminance(colour) < PALEST));
  return firsts.filter((fabric) => fabric !== undefined).slice(0, MOST);
}

export function Bolt({ cloths, turn }: { cloths: Fabric[]; turn: number }) {
  return (
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
  );
}

/** The cloth on show, the one that is leaving and the next one: only these are loaded. */
function isNear(index: number, turn: number, count: number): boolean {
  return [0, 1, count - 1].includes((index - turn + count) % count);
}
