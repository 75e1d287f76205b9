/** The counter beside the mirror: what is chosen, the shutter, the cuts and the cloths. */
import type { WheelEvent } from "react";
import type { Choice, Cut, Fabric, Garment, Wardrobe } from "../wardrobe";

type Props = {
  wardrobe: Wardrobe;
  failed: boolean;
  onRetry: () => void;
  choice: Choice;
  onChoose: (choice: Choice) => void;
  /** The choice is not in the mirror yet. */
  pending: boolean;
  /** The server cannot show the choice. */
  refused: boolean;
  about: { name: string; facts: string };
  enabled: boolean;
  onShutter: () => void;
};

export function Counter(props: Props) {
  const { wardrobe, choice, about, enabled } = props;
  const empty = wardrobe.families.length === 0 && wardrobe.garments.length === 0;
  return (
    <section className="counter" aria-label="Cuts and cloths" inert={!enabled}>
      <header className="chosen">
        <div className="about" aria-live="polite">
          <h2>{about.name || "\u00a0"}</h2>
          <p>{props.refused ? "Not available just now. Please choose another." : about.facts}</p>
        </div>
        <button type="button" className="primary shutter" onClick={props.onShutter} disabled={empty}>
          Take a picture
        </button>
      </header>
      {empty && <Missing failed={props.failed} onRetry={props.onRetry} />}
      {wardrobe.cuts.length > 0 && (
        <fieldset className="cuts">
          <legend className="unseen">Cut</legend>
          {wardrobe.cuts.map((cut) => (
            <CutOption
              key={cut.id}
              cut={cut}
              checked={choice.garment === null && choice.cut === cut.id}
              onChoose={() => props.onChoose({ ...choice, cut: cut.id, garment: null })}
            />
          ))}
        </fieldset>
      )}
      <div className="rail" onWheel={scrollSideways}>
        {wardrobe.families.map((family) => (
          <fieldset key={family.id} className="bunch">
            <legend>{family.name}</legend>
            {family.fabrics.map((fabric) => (
              <Swatch
                key={fabric.id}
                fabric={fabric}
                checked={choice.garment === null && choice.fabric === fabric.id}
                pending={props.pending}
                onChoose={() => props.onChoose({ ...choice, fabric: fabric.id, garment: null })}
              />
            ))}
          </fieldset>
        ))}
        {wardrobe.garments.length > 0 && (
          <fieldset className="bunch">
            <legend>From the rail</legend>
            {wardrobe.garments.map((garment) => (
              <GarmentOption
                key={garment.id}
                garment={garment}
                checked={choice.garment === garment.id}
                pending={props.pending}
                onChoose={() => props.onChoose({ ...choice, garment: garment.id })}
              />
            ))}
          </fieldset>
        )}
      </div>
    </section>
  );
}

function Missing({ failed, onRetry }: { failed: boolean; onRetry: () => void }) {
  if (!failed) return <p className="missing">Laying out the cloths…</p>;
  return (
    <p className="missing" role="alert">
      The cloths could not be laid out.{" "}
      <button type="button" className="plain" onClick={onRetry}>
        Try again
      </button>
    </p>
  );
}

type OptionProps = { checked: boolean; onChoose: () => void };

function CutOption({ cut, checked, onChoose }: OptionProps & { cut: Cut }) {
  return (
    <label className="cut" data-checked={checked}>
      <input type="radio" name="cut" value={cut.id} checked={checked} onChange={onChoose} />
      {cut.thumbnail && <img src={cut.thumbnail} alt="" />}
      <span>{cut.name}</span>
    </label>
  );
}

function Swatch({ fabric, checked, pending, onChoose }: OptionProps & { fabric: Fabric; pending: boolean }) {
  return (
    <label className="swatch" data-checked={checked} title={fabric.name}>
      <input
        type="radio"
        name="cloth"
        value={fabric.id}
        checked={checked}
        onChange={onChoose}
        aria-label={[fabric.name, fabric.composition, fabric.weight].filter(Boolean).join(", ")}
      />
      <img
        src={fabric.swatch}
        alt=""
        loading="lazy"
        decoding="async"
        draggable={false}
        style={{ backgroundColor: fabric.colour }}
      />
      {checked && pending && <i className="spinner" aria-hidden="true" />}
    </label>
  );
}

function GarmentOption({ garment, checked, pending, onChoose }: OptionProps & { garment: Garment; pending: boolean }) {
  return (
    <label className="swatch garment" data-checked={checked} title={garment.name}>
      <input
        type="radio"
        name="cloth"
        value={garment.id}
        checked={checked}
        onChange={onChoose}
        aria-label={garment.name}
      />
      {garment.thumbnail ? (
        <img src={garment.thumbnail} alt="" loading="lazy" decoding="async" draggable={false} />
      ) : (
        <span className="initial">{garment.name.slice(0, 1)}</span>
      )}
      {checked && pending && <i className="spinner" aria-hidden="true" />}
    </label>
  );
}

/** A mouse wheel turns sideways over a rail that only scrolls sideways. */
function scrollSideways(event: WheelEvent<HTMLElement>): void {
  const rail = event.currentTarget;
  const sideways = rail.scrollWidth > rail.clientWidth && rail.scrollHeight <= rail.clientHeight + 1;
  if (sideways && Math.abs(event.deltaY) > Math.abs(event.deltaX)) rail.scrollLeft += event.deltaY;
}
