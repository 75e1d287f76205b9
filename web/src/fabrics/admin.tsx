/** The shop's own people: who they are is a key, asked for once and forgotten with the tab. */
import type { FormEvent, ReactNode } from "react";
import { createContext, useCallback, useContext, useMemo, useRef, useState } from "react";
import { ask } from "./api";
import { Modal } from "./parts/modal";
import { Problem } from "./problem";

const KEPT = "lucy-admin-key";

/** Asks with the key, and for the key where there is none or a wrong one. Raises Problem. */
export type AskAsAdmin = (path: string, init?: RequestInit) => Promise<unknown>;

const Admin = createContext<AskAsAdmin>(() => Promise.reject(new Error("there is no AdminProvider")));

export const useAdmin = (): AskAsAdmin => useContext(Admin);

export const KEY_NEEDED = new Problem("admin_key", "Only the shop's own people may do this", "It takes the admin key.", true);

type Asked = { wrong: boolean; answer: (key: string | null) => void };

export function AdminProvider({ children }: { children: ReactNode }) {
  const [asked, setAsked] = useState<Asked | null>(null);
  // Whoever needs the key at the same time waits for the same answer.
  const pending = useRef<Promise<string | null> | null>(null);

  const askForKey = useCallback((wrong: boolean): Promise<string | null> => {
    pending.current ??= new Promise<string | null>((resolve) => {
      const answer = (key: string | null) => {
        pending.current = null;
        setAsked(null);
        if (key) window.sessionStorage.setItem(KEPT, key);
        resolve(key);
      };
      setAsked({ wrong, answer });
    });
    return pending.current;
  }, []);

  const askAsAdmin = useCallback<AskAsAdmin>(
    async (path, init = {}) => {
      let key = window.sessionStorage.getItem(KEPT) ?? (await askForKey(false));
      while (key) {
        const headers = new Headers(init.headers);
        headers.set("Authorization", `Bearer ${key}`);
        try {
          return await ask(path, { ...init, headers });
        } catch (error) {
          if (!(error instanceof Problem) || error.code !== "admin_key") throw error;
          const kept = window.sessionStorage.getItem(KEPT);
          // Somebody else may have been asked meanwhile, and have known it.
          if (kept !== null && kept !== key) {
            key = kept;
            continue;
          }
          window.sessionStorage.removeItem(KEPT);
          key = await askForKey(true);
        }
      }
      throw KEY_NEEDED;
    },
    [askForKey],
  );
  const value = useMemo(() => askAsAdmin, [askAsAdmin]);
  return (
    <Admin value={value}>
      {children}
      {asked && <KeyDialog wrong={asked.wrong} onAnswer={asked.answer} />}
    </Admin>
  );
}

function KeyDialog({ wrong, onAnswer }: { wrong: boolean; onAnswer: (key: string | null) => void }) {
  const [key, setKey] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim()) onAnswer(key.trim());
  };
  return (
    <Modal title="The admin key" onClose={() => onAnswer(null)} narrow>
      <form onSubmit={submit} className="stack">
        <p>Whoever changes the book needs the key of this server (ADMIN_KEY). It is forgotten when this tab is closed.</p>
        {wrong && (
          <p className="complaint" role="alert">
            That key was not the right one.
          </p>
        )}
        <label className="field">
          <span>Key</span>
          <input
            type="password"
            autoComplete="off"
            value={key}
            onChange={(event) => setKey(event.target.value)}
            autoFocus
            required
          />
        </label>
        <div className="actions">
          <button type="submit" className="primary">
            Go on
          </button>
          <button type="button" className="plain" onClick={() => onAnswer(null)}>
            Not now
          </button>
        </div>
      </form>
    </Modal>
  );
}
