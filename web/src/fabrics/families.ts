/** The families of the book, as the shop's own people see them. */
import { useCallback, useEffect, useState } from "react";
import type { AskAsAdmin } from "./admin";
import { useAdmin } from "./admin";
import type { Problem } from "./problem";
import { asProblem } from "./problem";

export type Family = {
  id: string;
  name: string;
  use: string;
  composition: string;
  weight_g_m2: number;
  status: "active" | "retired";
  colours: number;
};

export async function fetchFamilies(ask: AskAsAdmin): Promise<Family[]> {
  const { families } = (await ask("/api/admin/families")) as { families: Family[] };
  return families;
}

export function useFamilies(wanted: boolean): { families: Family[]; problem: Problem | null; refresh: () => Promise<void> } {
  const ask = useAdmin();
  const [families, setFamilies] = useState<Family[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const refresh = useCallback(async () => {
    try {
      setFamilies(await fetchFamilies(ask));
      setProblem(null);
    } catch (error) {
      setProblem(asProblem(error));
    }
  }, [ask]);
  useEffect(() => {
    if (wanted) void refresh();
  }, [wanted, refresh]);
  return { families, problem, refresh };
}
