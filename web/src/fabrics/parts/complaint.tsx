/** What went wrong, and what to do about it. */
import type { Problem } from "../problem";

type Props = { problem: Problem; onAgain?: (() => void) | undefined; again?: string };

export function Complaint({ problem, onAgain, again = "Try again" }: Props) {
  return (
    <div className="complaint" role="alert">
      <p>
        <b>{problem.message}.</b> {problem.hint && sentence(problem.hint)}
      </p>
      <p className="code">{problem.code}</p>
      {onAgain && (
        <button type="button" className="plain small" onClick={onAgain}>
          {again}
        </button>
      )}
    </div>
  );
}

function sentence(hint: string): string {
  const upper = hint.charAt(0).toUpperCase() + hint.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}
