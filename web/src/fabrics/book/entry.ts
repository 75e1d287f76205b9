/** Editing a colour: what the fields hold, what of it has changed, whether it may be. Pure. */
import { LONGEST_NAME, nameComplaint, tagsComplaint, tagsOf, weightComplaint } from "../form";
import type { Colour, Status } from "./colours";

export type Entry = {
  name: string;
  code: string;
  mill: string;
  composition: string;
  weight: string;
  tags: string;
  status: Status;
};

export type EntryComplaints = Partial<Record<keyof Entry, string>>;

export function entryOf({ name, code, mill, own, tags }: Colour): Entry {
  const weight = own.weight_g_m2 === null ? "" : String(own.weight_g_m2);
  return { name, code, mill, composition: own.composition ?? "", weight, tags: tags.join(", "), status: own.status };
}

/** Only what is different is sent; an empty composition or weight is the family's again. */
export function changesOf(entry: Entry, colour: Colour): Record<string, unknown> {
  const before = entryOf(colour);
  const changes: Record<string, unknown> = {};
  for (const field of ["name", "code", "mill", "status"] as const)
    if (entry[field].trim() !== before[field]) changes[field] = entry[field].trim();
  if (entry.composition.trim() !== before.composition) changes.composition = entry.composition.trim() || null;
  if (entry.weight.trim() !== before.weight) changes.weight_g_m2 = entry.weight.trim() ? Number(entry.weight) : null;
  if (tagsOf(entry.tags).join() !== tagsOf(before.tags).join()) changes.tags = tagsOf(entry.tags);
  return changes;
}

export function entryComplaints({ name, weight, tags }: Entry): EntryComplaints {
  const found: EntryComplaints = {};
  const wrongName = nameComplaint(name, `A name has 1 to ${LONGEST_NAME} letters.`);
  const wrongWeight = weight.trim() ? weightComplaint(weight) : null;
  const wrongTags = tagsComplaint(tagsOf(tags));
  if (wrongName) found.name = wrongName;
  if (wrongWeight) found.weight = wrongWeight;
  if (wrongTags) found.tags = wrongTags;
  return found;
}
