/** While the picture is made: a thread that is drawn through as the steps are done, and the way back. */
import type { Progress } from "../progress";
import { announced, told } from "../progress";

export function Developing({ progress, onCancel }: { progress: Progress; onCancel: () => void }) {
  const counted = progress.phase === "steps" ? progress : null;
  return (
    <div className="developing">
      <p>Making your picture</p>
      <div
        className="thread"
        role="progressbar"
        aria-label="Making your picture"
        aria-valuemin={0}
        aria-valuemax={counted?.of}
        aria-valuenow={counted?.step}
        aria-valuetext={counted ? told(counted) : undefined}
      >
        <i style={counted ? { transform: `scaleX(${counted.step / counted.of})` } : undefined} />
      </div>
      <p className="steps" aria-hidden="true">
        {told(progress)}
      </p>
      <p className="unseen" role="status" aria-live="polite">
        {announced(progress)}
      </p>
      <button type="button" className="cancel" onClick={onCancel}>
        Back to the mirror
      </button>
    </div>
  );
}
