/** A jacket front as a cutter draws it on the cloth: outline, seams and a few construction lines, in chalk. */

/** The wearer's left half, in the order in which it is drawn; the right half is its mirror image about x = 300. */
const HALF = [
  "M357 74C394 92 438 102 474 120",
  "M474 120C506 134 520 176 527 226C536 300 548 380 554 452C558 505 560 552 559 596",
  "M559 596C540 603 520 605 501 603",
  "M501 603C500 530 492 440 476 350C468 306 459 268 449 244",
  "M474 120C452 152 440 204 449 244",
  "M449 244C443 300 430 345 429 392C429 452 448 540 455 652",
  "M357 74C363 104 372 130 384 148L394 166L370 184",
  "M354 486L430 480L432 506C406 514 380 515 356 512Z",
];
const LAPEL = "M370 184L417 181C409 262 362 340 302 404";
const BREAK = "M352 80C352 178 330 300 302 404";
const CENTRE = [
  "M357 74C340 56 260 56 243 74C255 94 282 104 300 104C318 104 345 94 357 74",
  "M302 404C294 412 289 420 289 434C289 500 290 560 298 606C306 648 328 664 352 668C390 672 430 664 455 652",
  "M289 566C287 628 276 664 248 668C210 672 170 664 145 652",
  "M405 262L438 253L440 270L396 281",
];
const STITCHES = ["M399 316C396 362 395 416 394 470", "M201 316C204 362 205 416 206 470"];
const GUIDES = ["M300 24V700", "M84 244H516", "M96 392H504", "M70 652H530"];

export function Chalk() {
  const mirror = "matrix(-1 0 0 1 600 0)";
  const lines = [...HALF, LAPEL, BREAK];
  return (
    <svg className="chalk" viewBox="30 10 540 700" aria-hidden="true">
      <filter id="grain" x="-2%" y="-2%" width="104%" height="104%">
        <feTurbulence baseFrequency="0.85" numOctaves="2" seed="3" />
        <feColorMatrix values="0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 -2.4 1.7" />
        <feComposite in="SourceGraphic" operator="in" />
      </filter>
      <g filter="url(#grain)">
        <g className="guides">
          {GUIDES.map((d) => (
            <path key={d} d={d} />
          ))}
        </g>
        {lines.map((d, index) => (
          <g key={d} style={{ "--nth": index }}>
            <path d={d} pathLength={1} />
            <path d={d} pathLength={1} transform={mirror} />
          </g>
        ))}
        {CENTRE.map((d, index) => (
          <path key={d} d={d} pathLength={1} style={{ "--nth": lines.length + index }} />
        ))}
        <g className="last">
          {STITCHES.map((d) => (
            <path key={d} d={d} strokeDasharray="7 6" />
          ))}
          <circle cx="302" cy="424" r="6.5" />
          <circle cx="302" cy="500" r="6.5" />
          {[516, 530, 544, 558].flatMap((y) => [
            <circle key={y} cx={543 + (y - 516) / 20} cy={y} r="3" />,
            <circle key={-y} cx={57 - (y - 516) / 20} cy={y} r="3" />,
          ])}
        </g>
      </g>
    </svg>
  );
}
