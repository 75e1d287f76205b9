/** The place under the finger, four times as large as on the page, in the corner that the finger is not in. */
import type { Point } from "../answer";
import type { Photo } from "../scanning";

const SIZE_CSS = 148;
const LARGER = 4;

type Props = { photo: Photo; at: Point; cssPerPx: number; corners: readonly Point[] };

export function Magnifier({ photo, at: [x, y], cssPerPx, corners }: Props) {
  const [height, width] = photo.size;
  const side = SIZE_CSS / (cssPerPx * LARGER);
  const box = `${x - side / 2} ${y - side / 2} ${side} ${side}`;
  const place = `${y < height / 2 ? "bottom" : "top"} ${x < width / 2 ? "right" : "left"}`;
  return (
    <svg className="magnifier" data-place={place} viewBox={box} aria-hidden="true">
      <image href={photo.url} width={width} height={height} preserveAspectRatio="none" />
      <polygon className="outline" points={corners.map((corner) => corner.join(",")).join(" ")} />
      <path className="cross" d={`M${x - side / 10} ${y}h${side / 5}M${x} ${y - side / 10}v${side / 5}`} />
    </svg>
  );
}
