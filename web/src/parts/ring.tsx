/** A ring that fills clockwise. */
export function Ring({ share, label }: { share: number; label: string }) {
  return (
    <svg
      className="ring"
      viewBox="0 0 40 40"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
    >
      <circle cx="20" cy="20" r="17" pathLength="1" className="ring-track" />
      <circle cx="20" cy="20" r="17" pathLength="1" className="ring-fill" strokeDasharray={`${share} 1`} />
    </svg>
  );
}
