/** Where a photo comes from: dropped, chosen, pasted, or taken here. */
import type { DragEvent } from "react";
import { useEffect, useEffectEvent, useRef, useState } from "react";
import { TYPES } from "../photo";
import { Camera } from "./camera";

type Props = { onPhoto: (file: Blob) => void; listens: boolean; small?: boolean };

export function Intake({ onPhoto, listens, small = false }: Props) {
  const [over, setOver] = useState(false);
  const [camera, setCamera] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const pasted = useEffectEvent(onPhoto);
  useEffect(() => {
    if (!listens) return;
    const paste = (event: ClipboardEvent) => {
      const file = imageIn(event.clipboardData?.files);
      if (!file) return;
      event.preventDefault();
      pasted(file);
    };
    window.addEventListener("paste", paste);
    return () => window.removeEventListener("paste", paste);
  }, [listens]);

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const file = imageIn(event.dataTransfer.files) ?? event.dataTransfer.files[0];
    if (file) onPhoto(file);
  };
  const choose = (files: FileList | null) => {
    if (files?.[0]) onPhoto(files[0]);
    // The same file may be chosen once more.
    if (chooser.current) chooser.current.value = "";
  };

  return (
    <div
      className={small ? "intake compact" : "intake"}
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {!small && (
        <>
          <Pinked />
          <h1>Scan a cloth</h1>
          <p>
            Drop a photo of the swatch here, paste it, or take one. Lay the swatch flat, light it evenly, and put a bank card
            or a ruler beside it: then its size is measured too.
          </p>
        </>
      )}
      <div className="actions">
        <button type="button" className={small ? "plain small" : "primary"} onClick={() => chooser.current?.click()}>
          {small ? "Another photo" : "Choose a photo"}
        </button>
        <button type="button" className={small ? "plain small" : "plain"} onClick={() => setCamera(true)}>
          Use the camera
        </button>
      </div>
      <input
        ref={chooser}
        type="file"
        accept={TYPES.join(",")}
        onChange={(event) => choose(event.target.files)}
        aria-label="Photo of a swatch"
        className="unseen"
        tabIndex={-1}
      />
      {camera && (
        <Camera
          onClose={() => setCamera(false)}
          onPhoto={(file) => {
            setCamera(false);
            onPhoto(file);
          }}
        />
      )}
    </div>
  );
}

function imageIn(files: FileList | undefined): File | undefined {
  return [...(files ?? [])].find(({ type }) => type.startsWith("image/"));
}

/** A swatch as pinking shears leave it, with a card beside it. */
function Pinked() {
  const teeth = (n: number, at: (k: number) => string) => Array.from({ length: n }, (_, k) => at(k)).join(" ");
  const path = [
    "M 12 12",
    teeth(12, (k) => `l 4 ${k % 2 ? 4 : -4} l 4 ${k % 2 ? -4 : 4}`),
    teeth(9, (k) => `l ${k % 2 ? -4 : 4} 4 l ${k % 2 ? 4 : -4} 4`),
    teeth(12, (k) => `l -4 ${k % 2 ? -4 : 4} l -4 ${k % 2 ? 4 : -4}`),
    teeth(9, (k) => `l ${k % 2 ? 4 : -4} -4 l ${k % 2 ? -4 : 4} -4`),
    "Z",
  ].join(" ");
  return (
    <svg className="pinked" viewBox="0 0 176 100" aria-hidden="true">
      <path d={path} />
      <path className="weft" d={Array.from({ length: 14 }, (_, n) => `M ${14 + n * 6} 80 l 14 -62`).join(" ")} />
      <rect x="126" y="38" width="44" height="28" rx="3" />
    </svg>
  );
}
