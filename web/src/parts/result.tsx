/** The picture that was taken. Not mirrored: it is how others see the jacket, buttons on their true side. */
import { useEffect, useRef } from "react";
import type { Result } from "../screens/machine";

type Props = {
  result: Result;
  about: { name: string; facts: string };
  onRetake: () => void;
  onDone: () => void;
};

export function ResultView({ result, about, onRetake, onDone }: Props) {
  const download = useRef<HTMLAnchorElement>(null);
  useEffect(() => download.current?.focus(), []);
  return (
    <section className="result" aria-label="Your picture">
      <figure>
        <img src={result.url} alt={`You in ${about.name || "the chosen jacket"}`} />
      </figure>
      <div className="result-foot">
        <div className="about">
          <h2>{about.name}</h2>
          <p>{about.facts}</p>
          {result.fallback && (
            <p className="fallback" role="status">
              The detailed picture could not be made just now: this is the live one.
            </p>
          )}
        </div>
        <div className="actions">
          <a className="primary" ref={download} href={result.url} download={result.name}>
            Download
          </a>
          <button type="button" className="plain" onClick={onRetake}>
            Retake
          </button>
          <button type="button" className="plain" onClick={onDone}>
            Done
          </button>
        </div>
      </div>
    </section>
  );
}
