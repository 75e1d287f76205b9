/** What was found and how sure it is, in words and figures; what could be better; the files. */
import type { ScanAnswer } from "../answer";
import { DOWNLOADS, findingsOf, gradeOf, measuresOf, percent } from "../words";

/** In one line. */
export function summary({ quality, warnings }: ScanAnswer): string {
  return `${percent(quality.overall)}, ${verdictOf(quality.overall, warnings.length).toLowerCase()}`;
}

export function Findings({ answer }: { answer: ScanAnswer }) {
  const total = Object.values(answer.timings_ms).reduce((sum, spent) => sum + spent, 0);
  const { overall } = answer.quality;
  return (
    <>
      <div className="verdict">
        <p className="figure">{percent(overall)}</p>
        <div>
          <h2>{verdictOf(overall, answer.warnings.length)}</h2>
          <p className="hint">
            {answer.class}, {answer.size_px} × {answer.size_px} px, {(total / 1000).toFixed(1)} s
          </p>
        </div>
      </div>
      {answer.warnings.length > 0 && (
        <ul className="warnings" aria-label="Warnings">
          {answer.warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
      <table className="plain-table findings">
        <caption className="unseen">What was found</caption>
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">Found</th>
            <th scope="col">How sure</th>
          </tr>
        </thead>
        <tbody>
          {findingsOf(answer).map(({ step, found, grade, confidence }) => (
            <tr key={step}>
              <th scope="row">{step}</th>
              <td>{found}</td>
              <td>
                <span className="grade" data-grade={grade}>
                  {grade}
                  {confidence !== null && `, ${percent(confidence)}`}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <dl className="measures">
        {measuresOf(answer).map(({ name, figure, what }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <b>{figure}</b> <span className="hint">{what}</span>
            </dd>
          </div>
        ))}
      </dl>
      {Object.keys(answer.downloads).length > 0 && (
        <div className="downloads">
          <h3>Download</h3>
          <ul>
            {Object.entries(answer.downloads).map(([name, url]) => (
              <li key={name}>
                <a href={url} download>
                  {DOWNLOADS[name] ?? name}
                </a>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

function verdictOf(overall: number, warnings: number): string {
  const grade = gradeOf(overall);
  return VERDICTS[grade === "certain" && warnings > 0 ? "good" : grade];
}

const VERDICTS = {
  certain: "As good as it gets",
  good: "A good scan",
  fair: "Usable: look at the warnings",
  low: "Better scanned anew",
  unknown: "Unknown",
};
