/** The picture that was taken. Not mirrored: it is how others see the jacket, buttons on their true side. */
import { useEffect, useRef } from "react";
import type { Result } from "../screens/machine";

/** What is said of a picture that is less than it might be. */
const LESS: Record<Result["made"], string | null> = {
  well: null,
  plainly: "This one is plainer than usual: the finest detail could not be made just now.",
  live: "The detailed picture could not be made just now: this is the live one.",
};

type Props = {
  result: Result;
  about: { name: string; facts: string };
  onRetake: () => void;
  onDone: () => void;
};

export function ResultView({ result, about, onRetake, onDone }: Props) {
  const download = useRef<HTMLAnchorElement>(null);
  useEffect(() => download.current?.focus(), []);
  const less = LESS[result.made];
  return (
    <section className="result" aria-label="Your picture">
      <figure>
        <img src={result.url} alt={`You in ${about.name || "the chosen jacket"}`} />
      </figure>
      <div className="result-foot">
        <div className="about">
          <h2>{about.name}</h2>
          <p>{about.facts}</p>
          {less !== null && (
            <p className="fallback" role="status" data-made={result.made}>
              {less}
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
