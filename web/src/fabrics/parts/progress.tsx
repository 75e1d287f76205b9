/** The stages of a scan as the server goes through them. */
import type { Scanning } from "../scanning";
import { shareOf } from "../scanning";
import { stageWords } from "../words";

type Props = { running: NonNullable<Scanning["running"]>; onCancel: () => void };

export function Progress({ running, onCancel }: Props) {
  const share = shareOf(running);
  const words = running === "sending" ? "Sending the photo" : stageWords(running.stage);
  return (
    <div className="progress" data-stage={running === "sending" ? "sending" : running.stage}>
      <p role="status" aria-live="polite">
        {words} …
      </p>
      <progress max={1} {...(share === null ? {} : { value: share })} aria-label="How far the scan is" />
      <button type="button" className="plain small" onClick={onCancel}>
        Cancel
      </button>
    </div>
  );
}
