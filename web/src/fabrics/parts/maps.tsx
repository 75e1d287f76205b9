/** The maps side by side, and each of them large. */
import { useState } from "react";
import type { ScanAnswer } from "../answer";
import { MAPS } from "../words";
import { Modal } from "./modal";

const FIRST = ["albedo", "normal", "height", "roughness", "ao", "orm"];

export function Maps({ answer }: { answer: ScanAnswer }) {
  const [large, setLarge] = useState<string | null>(null);
  const others = Object.keys(answer.maps).filter((name) => !FIRST.includes(name));
  const names = [...FIRST.filter((name) => name in answer.maps), ...others];
  const words = (name: string) => MAPS[name] ?? { name, what: "" };
  const url = (name: string) => answer.maps[name]?.url ?? "";
  return (
    <>
      <ul className="maps">
        {names.map((name) => (
          <li key={name}>
            <button type="button" onClick={() => setLarge(name)} aria-label={`${words(name).name}, look at it large`}>
              <img src={url(name)} alt="" loading="lazy" />
            </button>
            <p>
              <b>{words(name).name}</b> <span className="hint">{words(name).what}</span>
            </p>
          </li>
        ))}
      </ul>
      {large !== null && (
        <Modal title={words(large).name} onClose={() => setLarge(null)}>
          <div className="large-map" tabIndex={0} role="group" aria-label="The map, to be scrolled">
            <img src={url(large)} alt={`${words(large).name}: ${words(large).what}`} />
          </div>
          <div className="actions">
            <a className="plain small" href={url(large)} download={`${answer.name}-${large}.png`}>
              Download
            </a>
          </div>
        </Modal>
      )}
    </>
  );
}
